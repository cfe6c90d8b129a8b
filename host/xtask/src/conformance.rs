//! `cargo xtask conformance`: the admin API against its OpenAPI document, by schemathesis.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::plugins;
use crate::run::{cargo, command, output, root, run, run_for_code, target};

pub(crate) fn conformance() -> Result<ExitCode> {
    let schemathesis = match install() {
        Ok(schemathesis) => schemathesis,
        Err(why) => {
            eprintln!("skipped: schemathesis cannot be had, so the admin API was not tested against its document: {why:#}");
            return Ok(ExitCode::SUCCESS);
        }
    };
    plugins::build()?;
    // As the other tests are built, so that nothing is compiled twice.
    run(&mut cargo(&["build", "--workspace", "--all-targets"]))?;
    let mut test = cargo(&["test", "--workspace", "--test", "it", "conformance", "--", "--include-ignored", "--nocapture"]);
    run_for_code(test.env("MORTAR_SCHEMATHESIS", schemathesis))
}

/// Installs it by name into an environment of its own, and says where it is.
fn install() -> Result<PathBuf> {
    let venv = target().join("conformance");
    let requirements = root().join("tests/it/conformance.txt");
    let pinned = std::fs::read(&requirements).with_context(|| requirements.display().to_string())?;
    let (stamp, program) = (venv.join("installed"), venv.join("bin/schemathesis"));
    if std::fs::read(&stamp).is_ok_and(|installed| installed == pinned) {
        return Ok(program);
    }
    if output(&mut command("python3", &["-c", "import ensurepip, venv"])).is_none() {
        bail!("it needs Python with venv (Debian: python3 and python3-venv)");
    }
    run(&mut command("python3", &["-m", "venv", "--clear", &venv.to_string_lossy()]))?;
    let (pip, file) = (venv.join("bin/pip"), requirements.to_string_lossy());
    run(&mut command(&pip.to_string_lossy(), &["install", "--quiet", "--disable-pip-version-check", "-r", &file]))
        .context("the Python package index does not give it")?;
    std::fs::write(&stamp, pinned)?;
    Ok(program)
}
