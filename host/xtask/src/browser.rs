//! `cargo xtask browser`: the dashboard in a real browser, with pictures of every page in
//! `target/screenshots`.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::plugins;
use crate::run::{cargo, command, output, run, run_for_code, target};

/// What finds faults that keep people from using a page.
const AXE: &str = "axe-core@4.10.3";

/// The browser and its driver: what is run, and the package that it is in on Debian.
const PROGRAMS: [(&str, &str); 2] = [("chromium", "chromium"), ("chromedriver", "chromium-driver")];

#[allow(clippy::print_stdout, reason = "what was asked for")]
pub(crate) fn browser(arguments: &[String]) -> Result<ExitCode> {
    let axe = match install() {
        Ok(axe) => axe,
        Err(fault) => {
            println!("skipped: {fault:#}");
            return Ok(ExitCode::SUCCESS);
        }
    };
    plugins::build()?;
    // As the other tests are built, so that nothing is compiled twice.
    run(&mut cargo(&["build", "--workspace", "--all-targets"]))?;
    let mut test = cargo(&["test", "--workspace", "--test", "browser", "--", "--include-ignored", "--test-threads", "1"]);
    run_for_code(test.args(arguments).env("MORTAR_AXE", axe))
}

/// Installs what is missing; says where axe-core is.
fn install() -> Result<PathBuf> {
    let missing: Vec<_> = PROGRAMS.iter().filter(|(program, _)| output(&mut command(program, &["--version"])).is_none()).collect();
    if !missing.is_empty() {
        let packages: Vec<_> = missing.iter().map(|(_, package)| *package).collect();
        let mut apt = Command::new("apt-get");
        apt.args(["install", "--yes", "--no-install-recommends"]).args(&packages);
        run(&mut apt).with_context(|| format!("{} cannot be installed by apt-get", packages.join(" and ")))?;
    }
    let directory = target().join("browser");
    std::fs::create_dir_all(&directory)?;
    let axe = directory.join("node_modules/axe-core/axe.min.js");
    if !axe.exists() {
        run(command("npm", &["install", "--no-audit", "--no-fund", AXE]).current_dir(&directory))
            .context("axe-core cannot be had from npm")?;
    }
    if !axe.exists() {
        bail!("npm installed {AXE}, and {} is not there", axe.display());
    }
    Ok(axe)
}
