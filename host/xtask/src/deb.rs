//! `cargo xtask deb`: the Debian package, by cargo-deb.

use std::process::ExitCode;

use anyhow::Result;

use crate::plugins;
use crate::run::{cargo, output, run, target};

pub(crate) fn deb(debug: bool) -> Result<ExitCode> {
    let tools = target().join("tools");
    let program = tools.join("bin/cargo-deb");
    if !program.exists() && output(&mut cargo(&["deb", "--version"])).is_none() {
        run(cargo(&["install", "--locked", "cargo-deb", "--root"]).arg(&tools))?;
    }
    plugins::build()?;
    let profile = if debug { "dev" } else { "release" };
    run(&mut cargo(&["build", "--package", "mortar-server", "--profile", profile]))?;
    let mut deb = if program.exists() { std::process::Command::new(program) } else { cargo(&["deb"]) };
    // Of a debug build the symbols go as well: the package is there to be tried.
    run(deb.args(["--package", "mortar-server", "--no-build", "--strip", "--profile", profile]))?;
    Ok(ExitCode::SUCCESS)
}
