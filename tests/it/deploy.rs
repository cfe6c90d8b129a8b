//! What is shipped for running it as a service is what its readers take.

use std::path::{Path, PathBuf};
use std::process::Command;

use mortar_core::config::Config;
use mortar_tests::paths::root;

fn deploy(file: &str) -> PathBuf {
    root().join("examples/deploy").join(file)
}

fn config(text: &str) -> Config {
    let config: Config = toml::from_str(text).unwrap();
    assert_eq!(config.problems(), []);
    config
}

#[test]
fn the_unit_is_confined() {
    let unit = deploy("systemd/mortar.service");
    let Ok(output) =
        Command::new("systemd-analyze").args(["security", "--offline=true", "--threshold=20", "--no-pager"]).arg(unit).output()
    else {
        println!("skipped: there is no systemd-analyze");
        return;
    };
    // The threshold is in tenths: below 2.
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_configurations_that_are_shipped_make_sense() {
    config(&std::fs::read_to_string(deploy("debian/mortar.toml")).unwrap());
    let manifests = std::fs::read_to_string(deploy("kubernetes/mortar.yaml")).unwrap();
    let text = manifests.split_once("mortar.toml: |\n").unwrap().1.split_once("\n---").unwrap().0;
    let shipped = config(&text.lines().map(|line| line.trim_start()).collect::<Vec<_>>().join("\n"));
    assert!(shipped.sources.contains_key("masonhub"));
}

/// A validator from PyPI, in an environment of its own.
fn validator() -> Option<PathBuf> {
    let place = root().join("target/tools/kubernetes-validate");
    let program = place.join("bin/kubernetes-validate");
    if !program.exists() {
        let install = |program: &Path, arguments: &[&str]| Command::new(program).args(arguments).output().ok();
        install(Path::new("python3"), &["-m", "venv", place.to_str()?]);
        install(&place.join("bin/pip"), &["install", "--quiet", "kubernetes-validate"]);
    }
    if !program.exists() {
        println!("skipped: kubernetes-validate cannot be had from PyPI");
        return None;
    }
    Some(program)
}

#[test]
fn the_manifests_have_the_shape_of_their_kinds() {
    let Some(validator) = validator() else { return };
    let output = Command::new(validator).arg("--strict").arg(deploy("kubernetes/mortar.yaml")).output().unwrap();
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_guide_names_commands_and_pages_that_are_there() {
    let guide = std::fs::read_to_string(deploy("OPERATING.md")).unwrap();
    let links = guide.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|link| !link.starts_with('#'));
    let mut count = 0;
    for link in links {
        assert!(deploy(link).exists(), "{link}");
        count += 1;
    }
    assert!(count > 5, "{count} links");
    let commands = guide.split('`').skip(1).step_by(2).filter_map(|quoted| quoted.strip_prefix("mortar "));
    let commands: std::collections::BTreeSet<Vec<&str>> = commands
        .map(|command| {
            command
                .split(' ')
                .take_while(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-'))
                .collect()
        })
        .filter(|command: &Vec<&str>| !command.is_empty())
        .collect();
    assert!(commands.len() > 20, "{commands:?}");
    for command in commands {
        let output = Command::new(mortar_tests::paths::mortar()).args(&command).arg("--help").output().unwrap();
        assert!(output.status.success(), "mortar {}: {}", command.join(" "), String::from_utf8_lossy(&output.stderr));
    }
}
