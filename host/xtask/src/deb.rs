//! `cargo xtask deb`: the Debian package, by cargo-deb.

use std::process::ExitCode;

use anyhow::Result;

use crate::plugins;
use crate::run::{cargo, command, run, target};

pub(crate) fn deb() -> Result<ExitCode> {
    let tools = target().join("tools");
    let program = tools.join("bin/cargo-deb");
    if !program.exists() {
        run(cargo(&["install", "--locked", "cargo-deb", "--root"]).arg(&tools))?;
    }
    plugins::build()?;
    run(&mut command(&program.to_string_lossy(), &["--package", "mortar-server", "--locked"]))?;
    Ok(ExitCode::SUCCESS)
}
