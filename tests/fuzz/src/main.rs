//! `mortar-fuzz seeds DIRECTORY` writes where each target begins; `mortar-fuzz TARGET FILE` gives a
//! target one file, as after a crash.

#![allow(clippy::print_stderr, clippy::unwrap_used, reason = "a command-line program for developers")]

use std::path::Path;
use std::process::ExitCode;

use mortar_fuzz::seeds::TARGETS;

/// Seeds that libFuzzer gets.
const MOST: usize = 150;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, path] = &arguments[..] else {
        eprintln!("usage: mortar-fuzz seeds DIRECTORY | mortar-fuzz TARGET FILE");
        return ExitCode::FAILURE;
    };
    if what == "seeds" {
        for target in TARGETS {
            let folder = Path::new(path).join(target.name);
            std::fs::create_dir_all(&folder).unwrap();
            // libFuzzer runs them all before its time counts; the tests run all of them anyway.
            let seeds = (target.seeds)();
            for (place, seed) in seeds.iter().enumerate().step_by(seeds.len().div_ceil(MOST)) {
                std::fs::write(folder.join(format!("seed-{place:04}")), seed).unwrap();
            }
        }
        return ExitCode::SUCCESS;
    }
    let Some(target) = TARGETS.iter().find(|target| target.name == what) else {
        eprintln!("there is no target {what}: {:?}", TARGETS.map(|target| target.name));
        return ExitCode::FAILURE;
    };
    (target.check)(&std::fs::read(path).unwrap());
    eprintln!("all holds");
    ExitCode::SUCCESS
}
