//! Python: componentize-py from the package index, as the kit pins it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::stage::Stage;
use super::tools;
use crate::run::{command, output, root, run};

/// The kit's and its plugins' oldest Python.
const PYTHON: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";

pub(super) fn test_kit(kit: &Stage) -> Result<()> {
    kit.lay_out_contract()?;
    componentize(kit, &["bindings", "build"])?;
    run(python(kit, &["-m", "unittest", "discover", "-s", "tests"])?.env("PYTHONPATH", "build"))
}

fn componentize(project: &Stage, arguments: &[&str]) -> Result<()> {
    let mut all = vec!["-q", "-d", "wit", "-w", "plugin", "--world-module", "contract"];
    all.extend(arguments);
    run(&mut tool(project, "componentize-py", &all)?)
}

fn python(project: &Stage, arguments: &[&str]) -> Result<Command> {
    tool(project, "python", arguments)
}

/// A command of the environment, in a project.
fn tool(project: &Stage, name: &str, arguments: &[&str]) -> Result<Command> {
    let venv = install("python")?;
    let mut command = command(&venv.join("bin").join(name).to_string_lossy(), arguments);
    command.current_dir(&project.place).env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(command)
}

/// Installs what a kit pins into an environment of its own, and says where.
pub(super) fn install(kit: &str) -> Result<PathBuf> {
    let venv = tools(kit);
    let requirements = root().join("plugins/sdk").join(kit).join("requirements.txt");
    let pinned = std::fs::read(&requirements).with_context(|| requirements.display().to_string())?;
    let stamp = venv.join("installed");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == pinned) {
        return Ok(venv);
    }
    if output(&mut command("python3", &["-c", PYTHON])).is_none() {
        bail!("it needs Python 3.10 or newer with venv (Debian: python3 and python3-venv), which installs its tools");
    }
    run(&mut command("python3", &["-m", "venv", "--clear", &venv.to_string_lossy()]))?;
    let pip = venv.join("bin/pip").to_string_lossy().into_owned();
    let file = requirements.to_string_lossy();
    run(&mut command(&pip, &["install", "--quiet", "--disable-pip-version-check", "-r", &file]))
        .with_context(|| format!("{file} cannot be installed from the Python package index"))?;
    std::fs::write(&stamp, pinned)?;
    Ok(venv)
}
