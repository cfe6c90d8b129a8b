//! C: clang with a libc for WebAssembly, as PyPI has it under the name ziglang; bindings and component
//! by `mortar-kits`.

use anyhow::Result;

use super::stage::Stage;
use super::{kits, python, tools};
use crate::run::{command, root, run};

pub(super) fn missing() -> Option<String> {
    python::missing().map(|_| "its compiler is installed by pip: it needs Python 3.10 or newer with venv".into())
}

pub(super) fn test_kit(kit: &Stage) -> Result<()> {
    kit.lay_out_contract()?;
    kits(kit, &["c", "wit", "build"])?;
    native(kit, "build/tests", &["tests/kit.c", "tests/host.c", "mortar.c", "json.c"])
}

pub(super) fn build(hello: &Stage) -> Result<()> {
    let kit = root().join("plugins/sdk/c");
    let of_kit = |file: &str| kit.join(file).to_string_lossy().into_owned();
    let (include, mortar, json, host) = (format!("-I{}", kit.display()), of_kit("mortar.c"), of_kit("json.c"), of_kit("tests/host.c"));
    kits(hello, &["c", "wit", "build"])?;
    native(hello, "build/test", &[&include, "test.c", "receipt.c", &mortar, &json, &host])?;
    let target = ["-target", "wasm32-wasi", "-mexec-model=reactor", "-O2", "-Wl,--strip-debug", "-o", "build/module.wasm"];
    let bindings = ["build/plugin.c", "build/plugin_component_type.o"];
    zig_cc(hello, &[&target[..], &bindings, &[&include, "plugin.c", "receipt.c", &mortar, &json]].concat())?;
    kits(hello, &["component", "build/module.wasm", "build/plugin.wasm"])
}

/// Compiles a test for this machine, and runs it.
fn native(project: &Stage, test: &str, sources: &[&str]) -> Result<()> {
    zig_cc(project, &[&["-g", "-o", test], sources].concat())?;
    run(command(test, &[]).current_dir(&project.place))
}

fn zig_cc(project: &Stage, arguments: &[&str]) -> Result<()> {
    let venv = python::install("c", &root().join("plugins/sdk/c/requirements.txt"))?;
    let python = venv.join("bin/python");
    let all = [&["-m", "ziglang", "cc", "-Wall", "-Wextra", "-Werror", "-Ibuild"], arguments].concat();
    run(command(&python.to_string_lossy(), &all).current_dir(&project.place).env("ZIG_GLOBAL_CACHE_DIR", tools("c").join("cache")))
}
