//! Vendure, a shop: its programs, and the database that others are copies of.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::postgres::Cluster;
use super::process::{Process, await_port};
use super::tryton::digest;
use super::{free_port, write};
use crate::run::{command, output, root, run};

/// The seeded database.
const TEMPLATE: &str = "vendure_seeded";

/// The database that `cargo xtask erp vendure` serves.
const DATABASE: &str = "vendure";

/// What is installed and run, all of it in `tests/e2e/vendure`.
const FILES: [&str; 7] = ["package.json", "package-lock.json", ".npmrc", "config.js", "server.js", "seed.js", "products.csv"];

/// The oldest Node.js that Vendure runs on.
const NODE: u32 = 20;

/// Installs Vendure and makes the seeded database. What the tests have to know is in `vendure.json`.
pub(super) fn prepare(directory: &Path, cluster: &Cluster) -> Result<PathBuf> {
    let place = directory.join("vendure");
    let wanted = install(&place)?;
    let stamp = place.join("seeded");
    if !cluster.has(TEMPLATE)? || std::fs::read_to_string(&stamp).ok().as_deref() != Some(&wanted) {
        eprintln!("seeding Vendure");
        // Under another name until it is whole.
        cluster.drop("vendure_unfinished")?;
        cluster.create("vendure_unfinished")?;
        run(&mut node(&place, "seed.js", cluster, "vendure_unfinished", free_port(19_000)?)).context("Vendure cannot be seeded")?;
        cluster.drop(TEMPLATE)?;
        cluster.copy("vendure_unfinished", TEMPLATE)?;
        cluster.drop("vendure_unfinished")?;
        write(&stamp, &wanted)?;
    }
    let known = json!({ "server": place.join("server.js"), "template": TEMPLATE });
    let file = directory.join("vendure.json");
    write(&file, &format!("{known:#}\n"))?;
    Ok(place)
}

/// Starts it over a database that is kept, unless another one is wanted.
pub(super) fn up(directory: &Path, cluster: &Cluster, port: Option<u16>, fresh: bool) -> Result<()> {
    let place = prepare(directory, cluster)?;
    let process = process(directory);
    if fresh {
        process.stop()?;
        cluster.drop(DATABASE)?;
    }
    if !cluster.has(DATABASE)? {
        cluster.copy(TEMPLATE, DATABASE)?;
    }
    if !process.runs() {
        let port = port.map_or_else(|| free_port(19_000), Ok)?;
        write(&directory.join("vendure.port"), &port.to_string())?;
        process.start_command(node(&place, "server.js", cluster, DATABASE, port))?;
        await_port(port).with_context(|| format!("Vendure does not listen; see {}", process.log().display()))?;
    }
    Ok(())
}

/// What runs, if it runs.
pub(super) fn process(directory: &Path) -> Process {
    Process { name: "vendure", directory: directory.to_owned() }
}

/// One line about it.
pub(super) fn status(directory: &Path) -> String {
    let port = std::fs::read_to_string(directory.join("vendure.port")).unwrap_or_default();
    match process(directory).runs() {
        true => format!("Vendure runs: http://127.0.0.1:{port}/admin-api, user mortar@example.com, password mortar-password"),
        false => "Vendure is stopped; `cargo xtask erp vendure` installs and starts it".into(),
    }
}

/// Puts the files in place and installs what they name; says what they are.
fn install(place: &Path) -> Result<String> {
    let version = output(&mut command("node", &["--version"])).unwrap_or_default();
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
    if major < NODE {
        bail!("Vendure needs Node.js {NODE} or newer with its npm: install it, then try again");
    }
    std::fs::create_dir_all(place)?;
    let mut all = String::new();
    for name in FILES {
        let file = root().join("tests/e2e/vendure").join(name);
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        write(&place.join(name), &text)?;
        all.push_str(&text);
    }
    let lock = digest(&std::fs::read_to_string(place.join("package-lock.json"))?);
    let stamp = place.join("installed");
    if std::fs::read_to_string(&stamp).ok().as_ref() != Some(&lock) {
        // None of them needs a script of its own, and none is trusted to run one.
        run(command("npm", &["ci", "--ignore-scripts"]).current_dir(place)).context("Vendure cannot be installed from the npm registry")?;
        write(&stamp, &lock)?;
    }
    Ok(digest(&all))
}

fn node(place: &Path, script: &str, cluster: &Cluster, database: &str, port: u16) -> Command {
    let mut node = command("node", &[&place.join(script).to_string_lossy()]);
    node.current_dir(place).env("VENDURE_DISABLE_TELEMETRY", "true").env("VENDURE_DATABASE", database);
    node.env("VENDURE_POSTGRES_PORT", cluster.port.to_string()).env("VENDURE_PORT", port.to_string());
    node
}
