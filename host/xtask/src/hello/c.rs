//! C: clang with a libc for WebAssembly, as PyPI has it under the name ziglang; bindings and component
//! by `mortar-kits`.

use anyhow::Result;

use super::stage::Stage;
use super::{kits, python, tools};
use crate::run::{command, run};

pub(super) fn test_kit(kit: &Stage) -> Result<()> {
    kit.lay_out_contract()?;
    kits(kit, &["c", "wit", "build"])?;
    native(kit, "build/tests", &["tests/kit.c", "tests/host.c", "mortar.c", "json.c"])
}

/// Compiles a test for this machine, and runs it.
fn native(project: &Stage, test: &str, sources: &[&str]) -> Result<()> {
    zig_cc(project, &[&["-g", "-o", test], sources].concat())?;
    run(command(test, &[]).current_dir(&project.place))
}

fn zig_cc(project: &Stage, arguments: &[&str]) -> Result<()> {
    let venv = python::install("c")?;
    let python = venv.join("bin/python");
    let all = [&["-m", "ziglang", "cc", "-Wall", "-Wextra", "-Werror", "-Ibuild"], arguments].concat();
    run(command(&python.to_string_lossy(), &all).current_dir(&project.place).env("ZIG_GLOBAL_CACHE_DIR", tools("c").join("cache")))
}
