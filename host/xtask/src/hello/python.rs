//! Python: componentize-py from the package index, as the kit pins it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::stage::Stage;
use super::tools;
use crate::run::{command, output, root, run};

/// The kit's and its plugins' oldest Python.
const PYTHON: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";

pub(super) fn missing() -> Option<String> {
    output(&mut command("python3", &["-c", PYTHON]))
        .is_none()
        .then(|| "it needs Python 3.10 or newer with venv (Debian: python3 and python3-venv)".into())
}

pub(super) fn test_kit(kit: &Stage) -> Result<()> {
    kit.lay_out_contract()?;
    componentize(kit, &["bindings", "build"])?;
    run(python(kit, &["-m", "unittest", "discover", "-s", "tests"])?.env("PYTHONPATH", "build"))
}

pub(super) fn build(hello: &Stage) -> Result<()> {
    run(&mut python(hello, &["-m", "unittest"])?)?;
    std::fs::create_dir_all(hello.place.join("build"))?;
    let kit = root().join("plugins/sdk/python");
    componentize(hello, &["componentize", "--stub-wasi", "-p", ".", "-p", &kit.to_string_lossy(), "plugin", "-o", "build/plugin.wasm"])
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
    let requirements = root().join("plugins/sdk/python/requirements.txt");
    let venv = install("python", &requirements)?;
    let mut command = command(&venv.join("bin").join(name).to_string_lossy(), arguments);
    command.current_dir(&project.place).env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(command)
}

/// Installs what is pinned into an environment of its own, and says where.
pub(super) fn install(name: &str, requirements: &Path) -> Result<PathBuf> {
    let venv = tools(name);
    let pinned = std::fs::read(requirements).with_context(|| requirements.display().to_string())?;
    let stamp = venv.join("installed");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == pinned) {
        return Ok(venv);
    }
    run(&mut command("python3", &["-m", "venv", "--clear", &venv.to_string_lossy()]))?;
    let pip = venv.join("bin/pip").to_string_lossy().into_owned();
    let file = requirements.to_string_lossy();
    run(&mut command(&pip, &["install", "--quiet", "--disable-pip-version-check", "-r", &file]))
        .with_context(|| format!("{file} cannot be installed from the Python package index"))?;
    std::fs::write(&stamp, pinned)?;
    Ok(venv)
}
