//! What `mortar-kits` carries along as source, so that no author has to fetch it:
//! - a small module that bindings for Go need at run time, which the generator's crate brings along;
//! - what new projects are made of: the hello plugins, the kits and the contract, as the repository has them.

#![allow(clippy::unwrap_used, missing_docs, reason = "a build that cannot go on panics")]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use toml_edit::{DocumentMut, Item, Table, value};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let root = PathBuf::from(env("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    go_runtime();
    embedded(&root);
}

fn env(name: &str) -> String {
    std::env::var(name).unwrap()
}

/// Writes a list of names and texts, to be included.
fn list(name: &str, files: &[(String, PathBuf)]) {
    let entries = files.iter().fold(String::new(), |mut text, (name, file)| {
        writeln!(text, "    ({name:?}, include_str!({file:?})),").unwrap();
        text
    });
    std::fs::write(Path::new(&env("OUT_DIR")).join(name), format!("&[\n{entries}]\n")).unwrap();
}

fn go_runtime() {
    let package = generator().join("src/pkg");
    let mut files = Vec::new();
    for folder in ["", "wit/types", "wit/runtime", "wit/async"] {
        let mut found: Vec<_> = std::fs::read_dir(package.join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
        found.retain(|file| file.extension().is_some_and(|kind| kind == "go" || kind == "s" || kind == "mod"));
        found.sort();
        files.extend(found.into_iter().map(|file| (file.strip_prefix(&package).unwrap().to_string_lossy().into_owned(), file)));
    }
    list("go_runtime.rs", &files);
}

/// Where cargo has the generator's crate.
fn generator() -> PathBuf {
    let manifest = Path::new(&env("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let arguments = ["metadata", "--format-version", "1", "--locked", "--filter-platform", &env("TARGET"), "--manifest-path"];
    let output = Command::new(env("CARGO")).args(arguments).arg(manifest).output().unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "wit-bindgen-go").unwrap();
    Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned()
}

/// What new projects are made of: `hello/LANGUAGE/…`, `hello/cases/…`, `kit/LANGUAGE/…`, `wit/…`.
fn embedded(root: &Path) {
    let mut files = Vec::new();
    for (prefix, folder) in [("hello", "examples/hello"), ("kit", "plugins/sdk"), ("wit", "wit")] {
        let folder = root.join(folder);
        println!("cargo::rerun-if-changed={}", folder.display());
        let mut found = Vec::new();
        below(&folder, &mut found);
        found.retain(|file| is_for_authors(prefix, &file.strip_prefix(&folder).unwrap().to_string_lossy()));
        files.extend(found.into_iter().map(|file| (format!("{prefix}/{}", file.strip_prefix(&folder).unwrap().display()), file)));
    }
    let workspace = manifest(&root.join("Cargo.toml"));
    for (name, file) in files.iter_mut().filter(|(name, _)| name.ends_with("/rust/Cargo.toml")) {
        let mut alone = standalone(manifest(file), &workspace);
        if name.starts_with("hello/") {
            be_a_root(&mut alone, &workspace);
        }
        *file = made(name, &alone.to_string());
    }
    let flags = standalone_flags(&manifest(&root.join(".cargo/config.toml")));
    files.push(("hello/rust/.cargo/config.toml".into(), made("config.toml", &flags.to_string())));
    for file in ["Cargo.toml", ".cargo/config.toml"] {
        println!("cargo::rerun-if-changed={}", root.join(file).display());
    }
    list("embedded.rs", &files);
}

/// The files of a folder and of those in it, by name; what tools make there is left out.
fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let made = ["node_modules", "build", "__pycache__", ".venv", "target"].contains(&name.as_str())
            || path.ends_with("wit/deps/mortar-events");
        if path.is_dir() && !made {
            below(&path, found);
        } else if path.is_file() {
            found.push(path);
        }
    }
}

/// A kit's own tests and pins stay behind, but for the host that plugins in C are tested without.
fn is_for_authors(prefix: &str, file: &str) -> bool {
    let (_, rest) = file.split_once('/').unwrap_or_default();
    let own = [".gitignore", ".npmrc", "package-lock.json", "kit_test.go"].contains(&rest) || rest.starts_with("wit/");
    match prefix {
        "kit" => !own && (!rest.starts_with("tests/") || ["tests/host.c", "tests/host.h"].contains(&rest)),
        "hello" => {
            !rest.is_empty()
                && !rest.starts_with("wit/deps/")
                && !["README.md", "package-lock.json", "Cargo.lock"].contains(&rest)
                && !rest.ends_with(".wasm")
        }
        _ => true,
    }
}

fn manifest(file: &Path) -> DocumentMut {
    std::fs::read_to_string(file).unwrap().parse().unwrap()
}

/// Writes what was made of a file, and says where.
fn made(name: &str, text: &str) -> PathBuf {
    let file = Path::new(&env("OUT_DIR")).join(name.replace('/', "-"));
    std::fs::write(&file, text).unwrap();
    file
}

/// A manifest with what it takes from the workspace written out: a project of its own has none.
fn standalone(mut manifest: DocumentMut, workspace: &DocumentMut) -> DocumentMut {
    manifest.remove("lints");
    for section in ["package", "dependencies"] {
        let shared = &workspace["workspace"][section];
        for (name, item) in manifest[section].as_table_mut().unwrap().iter_mut() {
            if item.get("workspace").and_then(Item::as_bool) == Some(true) {
                *item = shared[name.get()].clone();
            }
        }
    }
    manifest
}

/// A project is no member of the workspace that it may lie in, and is built as the repository's plugins are.
fn be_a_root(manifest: &mut DocumentMut, workspace: &DocumentMut) {
    let mut profile = workspace["profile"]["plugin"].as_table().unwrap().clone();
    profile.remove("inherits");
    profile.decor_mut().set_prefix("\n# An event runs the plugin: speed counts, and what is stripped is small.\n");
    profile.set_position(None);
    let mut profiles = Table::new();
    profiles.set_implicit(true);
    profiles.insert("release", Item::Table(profile));
    manifest.insert("profile", Item::Table(profiles));
    manifest.insert("workspace", Item::Table(Table::new()));
}

/// The flags that plugins are linked with.
fn standalone_flags(config: &DocumentMut) -> DocumentMut {
    let mut flags = DocumentMut::new();
    flags["target"]["wasm32-wasip2"]["rustflags"] = value(config["target"]["wasm32-wasip2"]["rustflags"].as_array().unwrap().clone());
    flags
}
