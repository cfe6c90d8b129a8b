//! Runs simulated worlds: `cargo xtask sim`.

#![allow(clippy::print_stderr, reason = "a command-line program")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{available_parallelism, scope};

use clap::Parser;
use mortar_sim::world::{Outcome, run};

#[derive(Parser)]
#[command(name = "cargo xtask sim", about = "Simulates hosts under crashes and faults, from seeds", disable_version_flag = true)]
struct Cli {
    /// How many worlds
    #[arg(long, default_value_t = 500)]
    seeds: u64,
    /// The first one's seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Only this world
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// Shows what happened in it
    #[arg(long, requires = "seed")]
    trace: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(seed) = cli.seed {
        let outcome = run(seed, None, cli.trace);
        outcome.trace.iter().for_each(|line| eprintln!("{line}"));
        report(seed, &outcome);
        return code(outcome.failures.is_empty());
    }
    let next = AtomicU64::new(cli.from);
    let (failed, crashes, writes) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    scope(|threads| {
        for _ in 0..available_parallelism().map_or(1, usize::from) {
            threads.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= cli.from.saturating_add(cli.seeds) {
                        return;
                    }
                    let outcome = run(seed, None, false);
                    crashes.fetch_add(outcome.crashes, Ordering::Relaxed);
                    writes.fetch_add(outcome.writes as u64, Ordering::Relaxed);
                    if !outcome.failures.is_empty() {
                        failed.fetch_add(1, Ordering::Relaxed);
                        report(seed, &outcome);
                    }
                }
            });
        }
    });
    let [failed, crashes, writes] = [failed, crashes, writes].map(AtomicU64::into_inner);
    eprintln!("{} worlds, {crashes} hosts killed, {writes} writes applied: {failed} worlds broke a promise", cli.seeds);
    code(failed == 0)
}

fn report(seed: u64, outcome: &Outcome) {
    for failure in &outcome.failures {
        eprintln!("seed {seed}: {failure}");
    }
    if !outcome.failures.is_empty() {
        eprintln!("again with: cargo xtask sim --seed {seed} --trace");
    }
}

fn code(good: bool) -> ExitCode {
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
