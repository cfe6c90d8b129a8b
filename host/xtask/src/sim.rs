//! `cargo xtask sim`: builds as the tests do, then runs simulated worlds.

use std::process::ExitCode;

use anyhow::Result;

use crate::run::{cargo, command, run, run_for_code, target};

pub(crate) fn sim(arguments: &[String]) -> Result<ExitCode> {
    run(&mut cargo(&["build", "--package", "mortar-sim"]))?;
    let program = target().join("debug").join("mortar-sim");
    run_for_code(command(&program.to_string_lossy(), &[]).args(arguments))
}
