//! Every error code has a cause and a cure, and the list for operators has them all.
//!
//! `WRITE_DOCS=1 cargo test -p mortar-core --test codes` writes the list anew.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mortar_core::code::{answer, known, load};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// What the Rust files below a folder say, without their tests' folders.
fn sources(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            text.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

fn said_in(folders: &[&str]) -> String {
    let mut text = String::new();
    folders.iter().map(|folder| root().join("host").join(folder)).filter(|folder| folder.exists()).for_each(|f| sources(&f, &mut text));
    text
}

/// Every string in the code that looks like a code of these families.
fn literals<'a>(text: &'a str, families: &[&str]) -> BTreeSet<&'a str> {
    let family = |literal: &&str| literal.split_once('.').is_some_and(|(family, rest)| families.contains(&family) && !rest.is_empty());
    let plain = |literal: &&str| literal.chars().all(|c| c.is_ascii_lowercase() || c == '.' || c == '_');
    text.split('"').filter(plain).filter(family).collect()
}

fn codes() -> Vec<known::Known> {
    known::parts().into_iter().flat_map(|part| part.codes).collect()
}

#[test]
fn every_code_is_there_once_with_a_cause_and_a_cure() {
    let codes = codes();
    let unique: BTreeSet<_> = codes.iter().map(|known| known.code).collect();
    assert_eq!(unique.len(), codes.len());
    for known in codes {
        assert!(known.cause.ends_with('.') && known.cause.len() > 10, "{known:?}");
        assert!(known.cure.len() > 5 && !known.cure.ends_with('.'), "{known:?}");
        assert_eq!(known::explain(known.code), Ok(known));
    }
}

#[test]
fn a_code_that_is_mistyped_is_told_the_one_it_is_like() {
    assert_eq!(known::explain("step.indoubt").unwrap_err().code, "step.in_doubt");
}

#[test]
fn what_the_admin_api_answers_has_an_entry_and_every_entry_is_answered() {
    let text = said_in(&["server/src/admin", "server/src/dashboard"]);
    let answered = literals(&text, &["admin", "journal"]);
    let known: BTreeSet<_> = answer::ALL.iter().map(|known| known.code).collect();
    assert_eq!(answered, known);
}

#[test]
fn every_code_of_plugins_that_are_not_loaded_is_used() {
    let text = said_in(&["sandbox/src", "pipeline/src", "server/src"]);
    let list = std::fs::read_to_string(root().join("host/core/src/code/load.rs")).unwrap();
    let names: Vec<_> = list.lines().filter_map(|line| line.trim().split_once(" => \"plugin.")).map(|(name, _)| name).collect();
    assert_eq!(names.len(), load::ALL.len());
    for name in names {
        assert!(text.contains(&format!("code::{name}")), "nothing says {name}");
    }
}

#[test]
fn the_list_for_operators_has_them_all() {
    let file = root().join("examples/deploy/CODES.md");
    if std::env::var_os("WRITE_DOCS").is_some() {
        std::fs::write(&file, known::page()).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(written == known::page(), "{} is not what the code says: WRITE_DOCS=1 cargo test -p mortar-core --test codes", file.display());
}
