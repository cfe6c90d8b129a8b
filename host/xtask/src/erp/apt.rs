//! What only the system's packages have.

use anyhow::{Context, Result, bail};

use crate::run::{command, output, run};

/// Installs packages of Debian's, or says what is missing.
pub(super) fn install(what: &str, packages: &[&str]) -> Result<()> {
    if !is_root() {
        bail!("{what} is not installed: install it (on Debian: apt-get install {}), then try again", packages.join(" "));
    }
    run(&mut command("apt-get", &["update", "-q"])).with_context(|| format!("{what} is not installed, and cannot be"))?;
    let mut install = command("apt-get", &["install", "-qy", "--no-install-recommends"]);
    run(install.args(packages).env("DEBIAN_FRONTEND", "noninteractive")).with_context(|| format!("{what} cannot be installed"))
}

pub(super) fn is_root() -> bool {
    output(&mut command("id", &["-u"])).is_some_and(|id| id.trim() == "0")
}
