//! Rust: cargo, which fetches what the project names.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::BuildError;
use super::tools::{Tools, missing};

const TARGET: &str = "wasm32-wasip2";

pub(super) fn build(tools: &mut Tools<'_>) -> Result<PathBuf, BuildError> {
    if tools.looked("cargo", &["--version"]).is_none() {
        return Err(missing("Rust is needed", "install it from rustup.rs, then say `rustup target add wasm32-wasip2`"));
    }
    // Where there is no rustup, cargo itself says what it lacks.
    let installed = tools.looked("rustup", &["target", "list", "--installed"]);
    if installed.is_some_and(|list| !list.lines().any(|line| line == TARGET)) {
        return Err(missing("Rust compiles to WebAssembly once its target is installed", "say `rustup target add wasm32-wasip2`"));
    }
    let arguments = ["build", "--quiet", "--release", "--target", TARGET, "--message-format", "json-render-diagnostics"];
    let told = tools.run(Command::new("cargo").args(arguments))?;
    let made = component(&told);
    made.ok_or_else(|| BuildError::NoComponent("say `crate-type = [\"cdylib\"]` under [lib] of Cargo.toml".into()))
}

/// The component among what cargo made: the last one, since what the project depends on comes before it.
fn component(told: &str) -> Option<PathBuf> {
    let messages = told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let files = messages.flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default());
    files.filter_map(|file| file.as_str().filter(|file| file.ends_with(".wasm")).map(PathBuf::from)).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_component_is_what_cargo_made_last() {
        let told = "{\"reason\":\"compiler-artifact\",\"filenames\":[\"/t/liba.rlib\"]}\nwarning\n\
                    {\"reason\":\"compiler-artifact\",\"filenames\":[\"/t/my_erp.wasm\",\"/t/libmy_erp.rlib\"]}\n{\"reason\":\"build-finished\"}";
        assert_eq!(component(told), Some("/t/my_erp.wasm".into()));
        assert_eq!(component("{}"), None);
    }
}
