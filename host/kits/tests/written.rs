//! What the kits have from the contract is what the contract says. `WRITE_KITS=1` writes it anew.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use mortar_kits::{contract, typescript};

fn holds(file: &str, made: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/sdk").join(file);
    if std::env::var_os("WRITE_KITS").is_some() {
        std::fs::write(&file, made).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(written == made, "{} is not what wit/ says: WRITE_KITS=1 cargo test -p mortar-kits", file.display());
}

#[test]
fn the_declarations_for_typescript_are_those_of_the_contract() {
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    holds("javascript/src/contract.d.ts", &typescript::declarations(&contract::read(&wit).unwrap()).unwrap());
}
