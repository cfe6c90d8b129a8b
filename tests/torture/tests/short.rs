//! A short torture with everything in it, and one that has to be noticed.

#![allow(clippy::unwrap_used, missing_docs)]

use std::process::{Command, Output};

fn torture(arguments: &[&str]) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_mortar-torture")).args(arguments).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output, said)
}

#[test]
fn nothing_is_lost_and_nothing_is_doubled() {
    let (output, said) = torture(&["--kills", "3", "--seconds", "6", "--rate", "60"]);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("lost 0, doubled 0, out of order 0"), "{said}");
}

#[test]
fn an_erp_that_forgets_its_keys_is_noticed() {
    let (output, said) = torture(&["--kills", "1", "--seconds", "5", "--rate", "60", "--forgetful-erp"]);
    assert!(!output.status.success() && !said.contains("doubled 0"), "{said}");
    assert!(said.contains("again with: cargo xtask torture"), "{said}");
    let kept = said.lines().find_map(|line| line.strip_prefix("journal, host.log and configuration are kept in "));
    std::fs::remove_dir_all(kept.unwrap()).unwrap();
}
