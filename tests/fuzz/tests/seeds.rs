//! The seeds of every fuzz target hold, with every ordinary test run; and what once did not.
#![allow(missing_docs)]

use mortar_fuzz::seeds::TARGETS;

fn all_hold(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("it is a target");
    let seeds = (target.seeds)();
    assert!(seeds.len() >= 4, "{} seeds", seeds.len());
    let fails = |seed: &&Vec<u8>| std::panic::catch_unwind(|| (target.check)(seed)).is_err();
    let failing: Vec<_> = seeds.iter().filter(fails).map(|seed| seed[..seed.len().min(200)].escape_ascii().to_string()).collect();
    assert!(failing.is_empty(), "{name}: these do not hold: {failing:#?}");
}

#[test]
fn signatures() {
    all_hold("signature");
}

#[test]
fn callbacks() {
    all_hold("callback");
}

#[test]
fn configurations() {
    all_hold("config");
}

#[test]
fn plugin_settings() {
    all_hold("plugin");
}

#[test]
fn damaged_journals() {
    all_hold("journal");
}

/// The seeds of the signatures are genuine, so they lead deep into the verification.
#[test]
fn every_scheme_has_a_seed_that_is_genuine() {
    let target = &TARGETS[0];
    let genuine: Vec<usize> = (target.seeds)().iter().flat_map(|seed| mortar_fuzz::signature::genuine(seed)).collect();
    for scheme in 0..8 {
        assert!(genuine.contains(&scheme), "{scheme}");
    }
}
