//! Bindings for Go need a small module at run time, which the generator's crate brings along as source:
//! it becomes part of `mortar-kits`, so that no plugin has to fetch it.

#![allow(clippy::unwrap_used, missing_docs, reason = "a build that cannot go on panics")]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let package = generator().join("src/pkg");
    let mut files = "&[\n".to_owned();
    for folder in ["", "wit/types", "wit/runtime", "wit/async"] {
        let mut found: Vec<_> = std::fs::read_dir(package.join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
        found.retain(|file| file.extension().is_some_and(|kind| kind == "go" || kind == "s" || kind == "mod"));
        found.sort();
        for file in found {
            let name = file.strip_prefix(&package).unwrap();
            writeln!(files, "    ({:?}, include_str!({:?})),", name, file).unwrap();
        }
    }
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    std::fs::write(out.join("go_runtime.rs"), files + "]\n").unwrap();
}

/// Where cargo has the generator's crate.
fn generator() -> PathBuf {
    let manifest = Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("Cargo.toml");
    let cargo = std::env::var_os("CARGO").unwrap();
    let output =
        Command::new(cargo).args(["metadata", "--format-version", "1", "--offline", "--manifest-path"]).arg(manifest).output().unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "wit-bindgen-go").unwrap();
    Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned()
}
