//! Where the built things are.

use std::path::{Path, PathBuf};

/// Where everything is built: this test runs from `<target>/<profile>/deps`.
fn profile() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let deps = test.parent().unwrap();
    if deps.ends_with("deps") { deps.parent().unwrap().to_owned() } else { deps.to_owned() }
}

/// The binary.
pub fn mortar() -> PathBuf {
    let binary = profile().join("mortar");
    assert!(binary.exists(), "{} is missing: `cargo xtask test` builds it before it tests", binary.display());
    binary
}

/// A built plugin.
pub fn component(name: &str) -> PathBuf {
    let file = built(name);
    assert!(file.exists(), "{} is missing: `cargo xtask plugins` builds it", file.display());
    file
}

/// Where a plugin is once it is built.
pub fn built(name: &str) -> PathBuf {
    profile().parent().unwrap().join("plugins").join(name).join(format!("{name}.wasm"))
}

/// Where compiled components are kept between tests.
pub fn cache() -> PathBuf {
    profile().join("component-cache")
}

/// The repository.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
