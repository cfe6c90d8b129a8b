//! Who may depend on whom.

use std::collections::BTreeMap;
use std::process::Command;

use mortar_tests::paths::root;
use serde_json::Value;

#[test]
fn crates_keep_their_distance() {
    let output = Command::new(env!("CARGO")).args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(root()).output().unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut edges: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        let ours = package["dependencies"].as_array().unwrap().iter().filter(|d| d["kind"].is_null() && !d["path"].is_null());
        let names = ours.map(|d| d["name"].as_str().unwrap().to_owned()).collect();
        edges.insert(package["name"].as_str().unwrap().to_owned(), names);
    }
    let allowed: [(&str, &[&str]); 11] = [
        ("mortar-core", &[]),
        ("mortar-pipeline", &["mortar-core"]),
        ("mortar-journal", &["mortar-core"]),
        ("mortar-connect", &["mortar-core"]),
        ("mortar-sandbox", &["mortar-core", "mortar-bindings"]),
        ("mortar-simulator", &["mortar-core"]),
        ("mortar-kits", &[]),
        ("mortar-plugin-rest", &["mortar-sdk"]),
        ("mortar-plugin-tryton", &["mortar-sdk"]),
        ("mortar-plugin-shopify", &["mortar-sdk"]),
        ("mortar-plugin-vendure", &["mortar-sdk"]),
    ];
    for (name, may) in allowed {
        let strangers: Vec<_> = edges[name].iter().filter(|d| !may.contains(&d.as_str())).collect();
        assert!(strangers.is_empty(), "{name} must not depend on {strangers:?}");
    }
}

#[test]
fn the_core_is_pure() {
    let manifest = std::fs::read_to_string(root().join("host/core/Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    for banned in ["tokio", "hyper", "wasmtime", "rusqlite", "rand", "reqwest"] {
        assert!(!manifest["dependencies"].as_table().unwrap().contains_key(banned), "{banned}");
    }
}
