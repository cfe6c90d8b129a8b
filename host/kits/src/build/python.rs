//! Python: componentize-py, as the project pins it, in an environment of the project.

use std::path::PathBuf;
use std::process::Command;

use super::BuildError;
use super::tools::Tools;

pub(super) fn build(tools: &mut Tools<'_>) -> Result<PathBuf, BuildError> {
    let venv = tools.environment("requirements.txt")?;
    let arguments = ["-q", "-d", "wit", "-w", "plugin", "--world-module", "contract", "componentize"];
    let modules = ["-p", ".", "-p", "kit", "plugin", "-o", "build/plugin.wasm"];
    let mut componentize = Command::new(venv.join("bin/componentize-py"));
    // By this it finds what else the project has installed.
    componentize.args(arguments).args(modules).env("VIRTUAL_ENV", &venv).env("PYTHONDONTWRITEBYTECODE", "1");
    tools.run(&mut componentize)?;
    Ok(tools.folder.join("build/plugin.wasm"))
}
