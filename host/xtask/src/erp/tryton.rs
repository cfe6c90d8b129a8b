//! Tryton: its programs in an environment of their own, and the databases that others are copies of.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::apt;
use super::postgres::Cluster;
use crate::run::{command, output, root, run};

/// The seeded database.
pub(super) const TEMPLATE: &str = "seeded";

/// The database with Tryton's modules, and nothing else in it.
const EMPTY: &str = "modules";

const MODULES: [&str; 4] = ["sale", "purchase", "stock_package_shipping", "notification_email"];

/// Installs Tryton and the mail catcher by name, and says where.
pub(super) fn install(directory: &Path) -> Result<PathBuf> {
    let venv = directory.join("venv");
    let wanted = source("requirements.txt")?;
    let stamp = directory.join("installed");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(venv);
    }
    if output(&mut command("python3", &["-c", "import ensurepip, venv"])).is_none() {
        apt::install("Python with its `venv`", &["python3", "python3-venv"])?;
    }
    run(&mut command("python3", &["-m", "venv", &venv.to_string_lossy()])).context("Tryton needs Python 3.9 or newer")?;
    let pip = venv.join("bin/pip");
    let file = place("requirements.txt");
    run(&mut command(&pip.to_string_lossy(), &["install", "--quiet", "--disable-pip-version-check", "-r", &file.to_string_lossy()]))
        .context("Tryton cannot be installed from the Python package index")?;
    super::write(&stamp, &wanted)?;
    Ok(venv)
}

/// Makes the seeded database, unless it is there and of this seed.
pub(super) fn ensure_template(directory: &Path, cluster: &Cluster) -> Result<()> {
    let seed = digest(&source("seed.py")?);
    let stamp = directory.join("seeded");
    if cluster.has(TEMPLATE)? && std::fs::read_to_string(&stamp).is_ok_and(|seeded| seeded == seed) {
        return Ok(());
    }
    configure(directory, cluster.port, 0, 0)?;
    let configuration = configuration(directory);
    let configuration = configuration.to_string_lossy();
    if !cluster.has(EMPTY)? {
        eprintln!("initialising Tryton; this takes a minute or two");
        // Under another name until it is whole.
        cluster.drop("unfinished")?;
        cluster.create("unfinished")?;
        let password = directory.join("password");
        super::write(&password, "admin")?;
        let mut arguments = vec!["-c", &configuration, "-d", "unfinished", "-u"];
        arguments.extend(MODULES);
        arguments.extend(["--activate-dependencies", "--email", "admin@example.com"]);
        let admin = directory.join("venv/bin/trytond-admin");
        run(command(&admin.to_string_lossy(), &arguments).env("TRYTONPASSFILE", password)).context("Tryton cannot be initialised")?;
        cluster.copy("unfinished", EMPTY)?;
        cluster.drop("unfinished")?;
    }
    cluster.drop(TEMPLATE)?;
    cluster.copy(EMPTY, TEMPLATE)?;
    let key = directory.join("key");
    let python = directory.join("venv/bin/python");
    let script = place("seed.py");
    run(&mut command(&python.to_string_lossy(), &[&script.to_string_lossy(), TEMPLATE, &configuration, &key.to_string_lossy()]))
        .context("Tryton cannot be seeded")?;
    super::write(&stamp, &seed)
}

/// The key for Tryton's REST interface.
pub(super) fn key(directory: &Path) -> Result<String> {
    std::fs::read_to_string(directory.join("key")).context("Tryton is not seeded yet: `cargo xtask erp up`")
}

/// Writes Tryton's configuration.
pub(super) fn configure(directory: &Path, postgres: u16, port: u16, smtp: u16) -> Result<()> {
    let text = format!(
        "[database]\nuri = postgresql://postgres@127.0.0.1:{postgres}/\n[web]\nlisten = 127.0.0.1:{port}\n\
         [email]\nuri = smtp://127.0.0.1:{smtp}\nfrom = Acme Apparel <erp@example.com>\n"
    );
    super::write(&configuration(directory), &text)
}

/// The command that serves Tryton.
pub(super) fn serve(directory: &Path) -> Vec<String> {
    let trytond = directory.join("venv/bin/trytond");
    [trytond, "-c".into(), configuration(directory)].map(|word| word.to_string_lossy().into_owned()).to_vec()
}

/// The command that catches mails.
pub(super) fn smtp(directory: &Path, port: u16, mails: &Path) -> Vec<String> {
    let python = directory.join("venv/bin/python").to_string_lossy().into_owned();
    let mut words = vec![python];
    words.extend(["-m", "aiosmtpd", "-n", "-l"].map(str::to_owned));
    words.extend([format!("127.0.0.1:{port}"), "-c".into(), "aiosmtpd.handlers.Mailbox".into(), mails.to_string_lossy().into_owned()]);
    words
}

fn configuration(directory: &Path) -> PathBuf {
    directory.join("trytond.conf")
}

fn place(name: &str) -> PathBuf {
    root().join("tests/e2e/tryton").join(name)
}

fn source(name: &str) -> Result<String> {
    let file = place(name);
    std::fs::read_to_string(&file).with_context(|| file.display().to_string())
}

/// What tells two texts apart.
pub(super) fn digest(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
