//! 500 worlds keep every promise, and a seed is a run.

#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{available_parallelism, scope};

use mortar_sim::world::run;

const SEEDS: u64 = 500;

#[test]
fn worlds_keep_their_promises() {
    let (next, broken) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    scope(|threads| {
        for _ in 0..available_parallelism().map_or(1, usize::from) {
            threads.spawn(|| {
                while let seed @ 0..SEEDS = next.fetch_add(1, Ordering::Relaxed) {
                    for failure in run(seed, None, false).failures {
                        let again = format!("again with: cargo xtask sim --seed {seed} --trace");
                        broken.lock().unwrap().push(format!("seed {seed}: {failure}\n{again}"));
                    }
                }
            });
        }
    });
    let broken = broken.into_inner().unwrap();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_seed_is_a_run() {
    for seed in 0..50 {
        let (one, two) = (run(seed, None, true).trace, run(seed, None, true).trace);
        let differ = one.iter().zip(&two).find(|(one, two)| one != two);
        assert!(one.len() == two.len() && differ.is_none(), "seed {seed}: {differ:?}");
    }
}
