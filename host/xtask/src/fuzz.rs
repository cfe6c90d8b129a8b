//! `cargo xtask fuzz`: libFuzzer on the targets of `tests/fuzz`, from their seeds.
//!
//! What it learns stays in `target/fuzz/corpus`, so that the next run begins there. No sanitizer:
//! the project's code is safe Rust, whose faults are panics, and it makes several times fewer runs.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};

use crate::run::{cargo, output, run, target};

/// The package that libFuzzer is built around.
const PACKAGE: &str = "tests/fuzz/libfuzzer";
/// Longer inputs find nothing more, in bytes.
const MAX_INPUT: usize = 16 << 10;
/// One input that takes so long is a finding, in seconds: generous, for busy machines.
const HANG: u32 = 300;

/// What became of a target.
struct Outcome {
    name: String,
    runs: String,
    crashes: Vec<PathBuf>,
    /// It ended otherwise than by its time.
    failed: bool,
}

pub(crate) fn fuzz(seconds: u32, only: Option<&str>) -> Result<ExitCode> {
    if output(&mut cargo(&["fuzz", "--version"])).is_none() {
        run(&mut cargo(&["install", "cargo-fuzz", "--locked"]))?;
    }
    let folder = target().join("fuzz");
    let seeds = folder.join("seeds");
    let _ = std::fs::remove_dir_all(&seeds);
    let writing = ["run", "--quiet", "--package", "mortar-fuzz", "--", "seeds", text(&seeds)?];
    run(&mut cargo(&writing))?;
    let names = names(&seeds, only)?;
    let mut building = cargo(&["fuzz", "build", "--fuzz-dir", PACKAGE, "--target-dir", text(&folder)?, "--sanitizer", "none"]);
    // What libFuzzer needs of the compiler is there in stable ones too, but not without this.
    run(building.args(only).env("RUSTC_BOOTSTRAP", "1"))?;
    let outcomes = names.iter().map(|name| one(&folder, name, seconds)).collect::<Result<Vec<_>>>()?;

    eprintln!("\n{:<12} {:>12}  found", "target", "runs");
    for outcome in &outcomes {
        let found = if outcome.failed { "a failure" } else { "nothing" };
        eprintln!("{:<12} {:>12}  {found}", outcome.name, outcome.runs);
    }
    for outcome in outcomes.iter().filter(|outcome| outcome.failed) {
        match outcome.crashes.as_slice() {
            [] => eprintln!("{}: it ended by itself; its output is above", outcome.name),
            crashes => crashes.iter().for_each(|crash| {
                eprintln!("again: cargo run --package mortar-fuzz -- {} {}", outcome.name, crash.display());
            }),
        }
    }
    Ok(if outcomes.iter().any(|outcome| outcome.failed) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The targets, by their seeds.
fn names(seeds: &Path, only: Option<&str>) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(seeds)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    match only {
        None => Ok(names),
        Some(only) if names.iter().any(|name| name == only) => Ok(vec![only.to_owned()]),
        Some(only) => bail!("there is no target {only}: {}", names.join(", ")),
    }
}

fn one(folder: &Path, name: &str, seconds: u32) -> Result<Outcome> {
    let (corpus, crashes) = (folder.join("corpus").join(name), folder.join("crashes").join(name));
    // Old crashes are replayed by their own commands; here only new ones count.
    let _ = std::fs::remove_dir_all(&crashes);
    for directory in [&corpus, &crashes] {
        std::fs::create_dir_all(directory).with_context(|| format!("{} cannot be made", directory.display()))?;
    }
    let mut fuzzing = Command::new(program(folder, name)?);
    fuzzing.arg(&corpus).arg(folder.join("seeds").join(name)).stderr(Stdio::piped()).args([
        format!("-max_total_time={seconds}"),
        format!("-artifact_prefix={}/", crashes.display()),
        format!("-max_len={MAX_INPUT}"),
        format!("-timeout={HANG}"),
        "-print_final_stats=1".into(),
        "-verbosity=0".into(),
    ]);
    eprintln!("$ {name} for {seconds} s");
    let ended = fuzzing.output().with_context(|| format!("{name} cannot be run"))?;
    let said = String::from_utf8_lossy(&ended.stderr);
    if !ended.status.success() {
        eprintln!("{said}");
    }
    let runs = said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:")).unwrap_or("?").trim().to_owned();
    let crashes = std::fs::read_dir(&crashes)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    Ok(Outcome { name: name.to_owned(), runs, failed: !ended.status.success() || !crashes.is_empty(), crashes })
}

/// What was built: below a folder that is named after the machine.
fn program(folder: &Path, name: &str) -> Result<PathBuf> {
    let built = std::fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path().join("release").join(name)));
    built.into_iter().find(|program| program.is_file()).with_context(|| format!("{name} was not built below {}", folder.display()))
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is not text", path.display()))
}
