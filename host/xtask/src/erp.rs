//! `cargo xtask erp`: a real ERP on this machine, Tryton on PostgreSQL, and a real shop, Vendure, below
//! `target/erp`.
//!
//! | module | what it does |
//! |---|---|
//! | [`postgres`] | a cluster of our own: found or installed, made, started, stopped |
//! | [`tryton`](mod@tryton) | the ERP's programs and databases: installed, initialised, seeded |
//! | [`vendure`] | the shop's, likewise |
//! | [`process`] | what runs in the background, known by its process id |
//! | [`apt`] | what only the system's packages have |

mod apt;
mod postgres;
mod process;
mod tryton;
mod vendure;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::{Value, json};

use crate::run::target;
use postgres::Cluster;
use process::Process;

/// The database that `up` serves.
const DATABASE: &str = "tryton";

#[derive(Subcommand)]
pub(crate) enum Erp {
    /// Installs what is missing, and starts PostgreSQL, a mail catcher and Tryton
    Up {
        /// PostgreSQL's port; else that of the last time, else the first free one
        #[arg(long)]
        postgres_port: Option<u16>,
        /// Tryton's port, likewise
        #[arg(long)]
        port: Option<u16>,
        /// The mail catcher's port, likewise
        #[arg(long)]
        smtp_port: Option<u16>,
    },
    /// Installs what is missing, and starts PostgreSQL and Vendure, a shop
    Vendure {
        /// Its port; else the first free one
        #[arg(long)]
        port: Option<u16>,
        /// Puts its data back to what the seed says
        #[arg(long)]
        fresh: bool,
    },
    /// Puts Tryton's data back to what the seed says
    Seed,
    /// Stops all of it; the data stays
    Down,
    /// Says what runs, and where
    Status,
}

pub(crate) fn erp(command: &Erp) -> Result<ExitCode> {
    match command {
        Erp::Up { postgres_port, port, smtp_port } => up(*postgres_port, *port, *smtp_port)?,
        Erp::Vendure { port, fresh } => up_vendure(*port, *fresh)?,
        Erp::Seed => seed()?,
        Erp::Down => down()?,
        Erp::Status => status(),
    }
    Ok(ExitCode::SUCCESS)
}

/// Where all of it lies. PostgreSQL does not run as root, so its account must be able to get there.
fn directory() -> PathBuf {
    std::env::var_os("MORTAR_ERP_DIRECTORY").map_or_else(|| target().join("erp"), PathBuf::from)
}

/// Everything that a database of the ERP's needs: programs, a running cluster, the seeded database
/// that others are copies of. What the tests have to know is in `erp.json`.
pub(crate) fn prepare() -> Result<Prepared> {
    let directory = directory();
    std::fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
    let directory = directory.canonicalize()?;
    let cluster = Cluster::find(&directory, None)?;
    let started = cluster.start()?;
    let venv = tryton::install(&directory)?;
    tryton::ensure_template(&directory, &cluster)?;
    let known = json!({
        "postgres_port": cluster.port,
        "postgres_data": cluster.data,
        "pg_ctl": cluster.program("pg_ctl"),
        "python": venv.join("bin/python"),
        "trytond": venv.join("bin/trytond"),
        "template": tryton::TEMPLATE,
        "key": tryton::key(&directory)?,
    });
    write(&directory.join("erp.json"), &format!("{known:#}\n"))?;
    Ok(Prepared { directory, cluster, started })
}

/// What [`prepare`] leaves.
pub(crate) struct Prepared {
    directory: PathBuf,
    cluster: Cluster,
    /// True where PostgreSQL did not run before.
    pub(crate) started: bool,
}

impl Prepared {
    /// Where `erp.json` is.
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.join("erp.json")
    }

    /// The same for the shop.
    pub(crate) fn prepare_vendure(&self) -> Result<()> {
        vendure::prepare(&self.directory, &self.cluster).map(drop)
    }

    /// Stops PostgreSQL.
    pub(crate) fn stop(&self) -> Result<()> {
        self.cluster.stop()
    }
}

fn up(postgres_port: Option<u16>, port: Option<u16>, smtp_port: Option<u16>) -> Result<()> {
    let directory = directory();
    std::fs::create_dir_all(&directory)?;
    Cluster::find(&directory.canonicalize()?, postgres_port)?;
    let Prepared { directory, cluster, .. } = prepare()?;
    if !cluster.has(DATABASE)? {
        cluster.copy(tryton::TEMPLATE, DATABASE)?;
    }
    let ports = Ports::settle(&directory, port, smtp_port)?;
    let mails = directory.join("mails");
    let [smtp, trytond] = processes(&directory);
    smtp.start(&tryton::smtp(&directory, ports.smtp, &mails))?;
    tryton::configure(&directory, cluster.port, ports.tryton, ports.smtp)?;
    serve(&directory, &trytond, ports)?;
    status();
    Ok(())
}

/// A running Tryton.
pub(crate) struct Tryton {
    /// Its REST interface.
    pub(crate) url: String,
    /// The file with the key for it.
    pub(crate) key: PathBuf,
    /// Where its mails are caught.
    pub(crate) mails: PathBuf,
}

/// Starts Tryton, unless it runs.
pub(crate) fn tryton() -> Result<Tryton> {
    up(None, None, None)?;
    let directory = directory().canonicalize()?;
    let port = Ports::known(&directory).context("Tryton has no port")?.tryton;
    let url = format!("http://127.0.0.1:{port}/{DATABASE}/rest/model");
    Ok(Tryton { url, key: directory.join("key"), mails: directory.join("mails/new") })
}

fn up_vendure(port: Option<u16>, fresh: bool) -> Result<()> {
    let directory = directory();
    std::fs::create_dir_all(&directory)?;
    let directory = directory.canonicalize()?;
    let cluster = Cluster::find(&directory, None)?;
    cluster.start()?;
    vendure::up(&directory, &cluster, port, fresh)?;
    status();
    Ok(())
}

fn serve(directory: &Path, trytond: &Process, ports: Ports) -> Result<()> {
    trytond.start(&tryton::serve(directory))?;
    process::await_port(ports.tryton).with_context(|| format!("Tryton does not listen; see {}", trytond.log().display()))
}

fn seed() -> Result<()> {
    let Prepared { directory, cluster, .. } = prepare()?;
    let [_, trytond] = processes(&directory);
    let ran = trytond.stop()?;
    cluster.drop(DATABASE)?;
    cluster.copy(tryton::TEMPLATE, DATABASE)?;
    if ran && let Some(ports) = Ports::known(&directory) {
        serve(&directory, &trytond, ports)?;
    }
    eprintln!("the database `{DATABASE}` is as the seed says");
    Ok(())
}

fn down() -> Result<()> {
    let Ok(directory) = directory().canonicalize() else {
        eprintln!("nothing was ever started");
        return Ok(());
    };
    for process in processes(&directory).into_iter().rev().chain([vendure::process(&directory)]) {
        if process.stop()? {
            eprintln!("{} is stopped", process.name);
        }
    }
    if let Some(cluster) = Cluster::known(&directory)
        && cluster.runs()
    {
        cluster.stop()?;
        eprintln!("PostgreSQL is stopped");
    }
    Ok(())
}

#[allow(clippy::print_stdout, reason = "what was asked for")]
fn status() {
    let Ok(directory) = directory().canonicalize() else {
        println!("nothing is installed; `cargo xtask erp up` installs and starts it");
        return;
    };
    let word = |runs| if runs { "runs" } else { "is stopped" };
    match Cluster::known(&directory) {
        Some(cluster) => println!("PostgreSQL {} at 127.0.0.1:{}", word(cluster.runs()), cluster.port),
        None => println!("PostgreSQL has no cluster yet"),
    }
    let [smtp, trytond] = processes(&directory);
    let ports = Ports::known(&directory);
    let at = |port: Option<u16>| port.map_or_else(String::new, |port| format!(" at 127.0.0.1:{port}"));
    println!("the mail catcher {}{}, mails in {}", word(smtp.runs()), at(ports.map(|p| p.smtp)), directory.join("mails/new").display());
    println!("Tryton {}{}", word(trytond.runs()), at(ports.map(|p| p.tryton)));
    if let (Some(ports), Ok(_), true) = (ports, tryton::key(&directory), trytond.runs()) {
        println!("its REST interface: http://127.0.0.1:{}/{DATABASE}/rest, key in {}", ports.tryton, directory.join("key").display());
    }
    println!("{}", vendure::status(&directory));
}

/// The mail catcher and Tryton.
fn processes(directory: &Path) -> [Process; 2] {
    ["smtp", "trytond"].map(|name| Process { name, directory: directory.to_owned() })
}

#[derive(Clone, Copy)]
struct Ports {
    tryton: u16,
    smtp: u16,
}

impl Ports {
    fn known(directory: &Path) -> Option<Self> {
        let known: Value = serde_json::from_slice(&std::fs::read(directory.join("ports.json")).ok()?).ok()?;
        let port = |name: &str| known[name].as_u64().and_then(|port| u16::try_from(port).ok());
        Some(Self { tryton: port("tryton")?, smtp: port("smtp")? })
    }

    /// Those that are asked for, else those of the last time, else free ones.
    fn settle(directory: &Path, tryton: Option<u16>, smtp: Option<u16>) -> Result<Self> {
        let known = Self::known(directory);
        let choose = |asked: Option<u16>, known: Option<u16>| asked.or(known);
        let tryton = choose(tryton, known.map(|p| p.tryton)).map_or_else(|| free_port(18_000), Ok)?;
        let smtp = choose(smtp, known.map(|p| p.smtp)).map_or_else(|| free_port(18_500), Ok)?;
        let ports = Self { tryton, smtp };
        write(&directory.join("ports.json"), &json!({ "tryton": ports.tryton, "smtp": ports.smtp }).to_string())?;
        Ok(ports)
    }
}

/// The first port from here on that nobody listens on; below those that the system gives to outgoing
/// connections.
fn free_port(from: u16) -> Result<u16> {
    (from..30_000).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).context("no port of this machine is free")
}

fn write(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text).with_context(|| file.display().to_string())
}
