//! `host/ARCHITECTURE.md` names files and tests that are there.

use std::collections::BTreeMap;
use std::path::Path;

use mortar_tests::paths::root;

/// What is written `so`, line by line.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Every Rust file of the project, by its path, and what is in it.
fn sources(folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") && !path.ends_with(".git") {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            found.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn what_architecture_md_names_is_there() {
    let page = std::fs::read_to_string(root().join("host/ARCHITECTURE.md")).unwrap();
    let mut files = BTreeMap::new();
    sources(root(), &mut files);
    let (mut missing, mut tests) = (Vec::new(), 0);
    for name in quoted(&page).filter(|name| name.contains(".rs") && !name.contains('*')) {
        let (file, test) = name.split_once("::").map_or((name, None), |(file, test)| (file, Some(test)));
        // Some are written as they are found below a crate.
        let mut found = files.iter().filter(|(path, _)| *path == file || path.ends_with(&format!("/{file}")));
        let there = match test {
            Some(test) => found.any(|(_, text)| text.contains(&format!("fn {test}("))),
            None => found.next().is_some(),
        };
        tests += usize::from(test.is_some());
        missing.extend((!there).then_some(name));
    }
    assert!(missing.is_empty(), "host/ARCHITECTURE.md names what is not there: {missing:#?}");
    assert!(tests > 30, "{tests} tests are named");
}

#[test]
fn every_promise_names_a_test() {
    let page = std::fs::read_to_string(root().join("host/ARCHITECTURE.md")).unwrap();
    let promises: Vec<_> = page.lines().filter(|line| line.starts_with("| **")).collect();
    assert!(promises.len() >= 12, "{} promises", promises.len());
    for promise in promises {
        assert!(quoted(promise).any(|name| name.contains(".rs::")), "nothing shows it: {promise}");
    }
}
