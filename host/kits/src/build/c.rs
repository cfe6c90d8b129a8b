//! C: clang with a libc for WebAssembly, as PyPI has it under the name ziglang; bindings before it, the
//! component after it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::BuildError;
use super::tools::{Tools, system};
use crate::{c, component};

pub(super) fn build(tools: &mut Tools<'_>) -> Result<PathBuf, BuildError> {
    let venv = tools.environment("kit/requirements.txt")?;
    c::bindings(&tools.folder.join("wit"), &tools.folder.join("build")).map_err(BuildError::Kit)?;
    let mut compile = Command::new(venv.join("bin/python"));
    compile.args(["-m", "ziglang", "cc", "-target", "wasm32-wasi", "-mexec-model=reactor", "-O2", "-Wall", "-Wextra"]);
    compile.args(["-Wl,--strip-debug", "-Ibuild", "-Ikit", "-o", "build/module.wasm"]);
    compile.args(sources(tools)?);
    tools.run(&mut compile)?;
    let made = tools.folder.join("build/plugin.wasm");
    component::wrap(&tools.folder.join("build/module.wasm"), None, &made).map_err(BuildError::Kit)?;
    Ok(made)
}

/// The project's own sources but for its tests, the kit's, and the bindings.
fn sources(tools: &Tools<'_>) -> Result<Vec<String>, BuildError> {
    let entries =
        fs::read_dir(&tools.folder).and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect::<Result<Vec<_>, _>>());
    let names = entries.map_err(|cause| system(&tools.folder, cause))?;
    let names = names.iter().map(|name| name.to_string_lossy().into_owned());
    let mut sources: Vec<_> = names.filter(|name| name.ends_with(".c") && !name.starts_with("test")).collect();
    sources.sort();
    sources.extend(["kit/mortar.c", "kit/json.c", "build/plugin.c", "build/plugin_component_type.o"].map(str::to_owned));
    Ok(sources)
}
