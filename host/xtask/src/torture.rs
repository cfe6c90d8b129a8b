//! `cargo xtask torture`: builds as the tests do, then tortures the real host.

use std::process::ExitCode;

use anyhow::Result;

use crate::plugins;
use crate::run::{cargo, command, run, run_for_code, target};

pub(crate) fn torture(arguments: &[String]) -> Result<ExitCode> {
    plugins::build()?;
    run(&mut cargo(&["build", "--workspace", "--all-targets"]))?;
    let program = target().join("debug").join("mortar-torture");
    run_for_code(command(&program.to_string_lossy(), &[]).args(arguments))
}
