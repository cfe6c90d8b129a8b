//! `cargo xtask audit`: what the project depends on.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::run::{cargo, output, run};

pub(crate) fn audit() -> Result<ExitCode> {
    if output(&mut cargo(&["deny", "--version"])).is_none() {
        run(&mut cargo(&["install", "--locked", "cargo-deny"]))?;
    }
    run(&mut cargo(&["deny", "check", "bans", "licenses", "sources"]))?;
    let advisories = cargo(&["deny", "check", "advisories"]).output()?;
    let said = String::from_utf8_lossy(&advisories.stderr);
    if advisories.status.success() {
        eprintln!("advisories ok");
    } else if said.contains("failed to fetch advisory database") || said.contains("advisory database") && said.contains("fetch") {
        eprintln!("skipped: advisories, because their database cannot be reached from here");
    } else {
        bail!("advisories:\n{said}");
    }
    Ok(ExitCode::SUCCESS)
}
