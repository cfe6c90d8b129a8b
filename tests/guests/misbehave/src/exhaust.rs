//! Crashes, and using up what there is.

use std::hint::black_box;
use std::time::Duration;

use mortar_sdk::{Failure, Outcome, ignored, log};

use crate::Settings;

const MIB: usize = 1 << 20;

pub(crate) fn run(behaviour: &str, settings: &Settings) -> Option<Result<Outcome, Failure>> {
    match behaviour {
        "trap" => panic!("as told"),
        "abort" => std::process::abort(),
        "exit" => std::process::exit(3),
        "loop" => endlessly(|turn| _ = black_box(turn)),
        "loop-calls" => endlessly(|_| drop(mortar_sdk::config::<Settings>())),
        "recursion" => Some(ignored(format!("{} deep", deeper(0)))),
        "memory" => {
            let mut hoard = Vec::new();
            endlessly(|turn| hoard.push(black_box(vec![turn as u8; MIB])))
        }
        "sleep" => {
            std::thread::sleep(Duration::from_secs(24 * 3600));
            Some(ignored("slept"))
        }
        "huge-string" => Some(ignored("x".repeat(settings.size))),
        "log-flood" => {
            (0..100_000).for_each(|line| log::info!("line {line}"));
            Some(ignored("logged"))
        }
        "big-log-lines" => {
            let line = "x".repeat(MIB);
            (0..500).for_each(|_| log::info!("{line}"));
            Some(ignored("logged"))
        }
        _ => None,
    }
}

fn endlessly<T>(mut turn: impl FnMut(u64)) -> Option<T> {
    for n in 0.. {
        turn(black_box(n));
    }
    None
}

/// Fills the stack: the compiler cannot know that it never ends.
fn deeper(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if black_box(frame[0]) == u64::MAX { depth } else { deeper(depth + 1) + black_box(frame[63]) }
}
