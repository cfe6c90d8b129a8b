//! Builds every Rust plugin to `target/plugins`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::run::{cargo, command, output, root, run, target};

const TARGET: &str = "wasm32-wasip2";

/// Each plugin's package and the name under which operators know it; the second group is for
/// tests only.
const PLUGINS: &[(&str, &str)] = &[
    ("mortar-plugin-rest", "rest"),
    ("mortar-plugin-shopify", "shopify"),
    ("mortar-plugin-tryton", "tryton"),
    ("mortar-plugin-netsuite", "netsuite"),
    ("mortar-plugin-business-central", "business-central"),
    ("mortar-plugin-vendure", "vendure"),
    ("hello-rust", "hello-rust"),
    ("example-reorder-alert", "reorder-alert"),
    ("example-tracking-mail", "tracking-mail"),
    ("guest-misbehave", "misbehave"),
];

/// Builds them, and says where they are.
pub(crate) fn build() -> Result<ExitCode> {
    install_target()?;
    let mut arguments = vec!["build", "--profile", "plugin", "--target", TARGET];
    for (package, _) in PLUGINS {
        arguments.extend(["--package", package]);
    }
    run(&mut cargo(&arguments))?;
    for (package, name) in PLUGINS {
        let built = target().join(TARGET).join("plugin").join(format!("{}.wasm", package.replace('-', "_")));
        let place = directory().join(name);
        std::fs::create_dir_all(&place).with_context(|| place.display().to_string())?;
        let file = place.join(format!("{name}.wasm"));
        std::fs::copy(&built, &file).with_context(|| format!("{} to {}", built.display(), file.display()))?;
        if let Some(settings) = settings(name) {
            std::fs::copy(&settings, place.join("plugin.toml")).with_context(|| settings.display().to_string())?;
        }
        let size = std::fs::metadata(&file)?.len();
        eprintln!("{} ({} KiB)", file.display(), size / 1024);
    }
    Ok(ExitCode::SUCCESS)
}

/// Where the plugins are put.
pub(crate) fn directory() -> PathBuf {
    target().join("plugins")
}

fn settings(name: &str) -> Option<PathBuf> {
    let place = match name {
        "hello-rust" => root().join("examples/hello/rust"),
        "reorder-alert" | "tracking-mail" => root().join("examples").join(name),
        "misbehave" => root().join("tests/guests/misbehave"),
        _ => root().join("plugins").join(name),
    };
    Some(place.join("plugin.toml")).filter(|file| file.exists())
}

/// Installs the WebAssembly target where it is missing.
pub(crate) fn install_target() -> Result<()> {
    let installed = output(&mut command("rustup", &["target", "list", "--installed"]));
    if installed.is_some_and(|list| list.lines().any(|line| line == TARGET)) {
        return Ok(());
    }
    run(&mut command("rustup", &["target", "add", TARGET])).context("plugins are compiled to wasm32-wasip2, which rustup has to add")
}
