//! `cargo xtask sim`: runs simulated worlds; a debug build is fast enough for hundreds.

use std::process::ExitCode;

use anyhow::Result;

use crate::run::{cargo, command, run, run_for_code, target};

pub(crate) fn sim(arguments: &[String]) -> Result<ExitCode> {
    run(&mut cargo(&["build", "--release", "--package", "mortar-sim"]))?;
    let program = target().join("release").join("mortar-sim");
    run_for_code(command(&program.to_string_lossy(), &[]).args(arguments))
}
