//! A PostgreSQL cluster of our own: on the loopback only, without passwords, for tests only.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{apt, process};
use crate::run::{command, output, run};

/// The account that Debian's packages make, since PostgreSQL refuses to run as root.
const ACCOUNT: &str = "postgres";

/// A cluster.
pub(super) struct Cluster {
    pub(super) data: PathBuf,
    pub(super) port: u16,
    programs: PathBuf,
    as_root: bool,
}

impl Cluster {
    /// The cluster in this directory, which is made where there is none, with PostgreSQL installed
    /// where it is missing.
    pub(super) fn find(directory: &Path, port: Option<u16>) -> Result<Self> {
        if let Some(known) = Self::known(directory) {
            match port {
                Some(port) if port != known.port && known.runs() => bail!("PostgreSQL runs at port {}; stop it first", known.port),
                Some(port) => return Self { port, ..known }.remember(directory),
                None => return Ok(known),
            }
        }
        let programs = match programs() {
            Some(programs) => programs,
            None => install()?,
        };
        let port = port.map_or_else(|| super::free_port(15_432), Ok)?;
        let cluster = Self { data: directory.join("postgres"), port, programs, as_root: apt::is_root() };
        cluster.make(directory)?;
        cluster.remember(directory)
    }

    /// The cluster in this directory, if there is one.
    pub(super) fn known(directory: &Path) -> Option<Self> {
        let data = directory.join("postgres");
        let port = std::fs::read_to_string(directory.join("postgres.port")).ok()?.trim().parse().ok()?;
        let programs = programs()?;
        Some(Self { data, port, programs, as_root: apt::is_root() })
    }

    fn remember(self, directory: &Path) -> Result<Self> {
        // What a test writes need not survive the machine.
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = ''\nmax_connections = 200\nfsync = off\n",
            self.port
        );
        super::write(&self.data.join("postgresql.auto.conf"), &settings)?;
        super::write(&directory.join("postgres.port"), &self.port.to_string())?;
        Ok(self)
    }

    fn make(&self, directory: &Path) -> Result<()> {
        std::fs::create_dir_all(&self.data)?;
        if self.as_root {
            if !process::reachable(ACCOUNT, directory) {
                bail!(
                    "the account `{ACCOUNT}`, under which PostgreSQL runs where you are root, cannot get to {}; \
                     set MORTAR_ERP_DIRECTORY to a directory that it can get to",
                    directory.display()
                );
            }
            run(&mut command("chown", &[ACCOUNT, &self.data()]))?;
        }
        let arguments = ["-D", &self.data(), "-U", ACCOUNT, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"];
        run(&mut self.command("initdb", &arguments)).context("the cluster cannot be made")
    }

    /// True where it answers.
    pub(super) fn runs(&self) -> bool {
        output(&mut self.command("pg_ctl", &["-D", &self.data(), "status"])).is_some()
    }

    /// Starts it; false where it ran.
    pub(super) fn start(&self) -> Result<bool> {
        if self.runs() {
            return Ok(false);
        }
        let log = self.data.join("server.log");
        let arguments = ["-D", &self.data(), "-l", &log.to_string_lossy(), "-w", "start"];
        run(&mut self.command("pg_ctl", &arguments)).with_context(|| format!("see {}", log.display()))?;
        Ok(true)
    }

    /// Stops it and closes its connections, if it runs.
    pub(super) fn stop(&self) -> Result<()> {
        if !self.runs() {
            return Ok(());
        }
        run(&mut self.command("pg_ctl", &["-D", &self.data(), "-m", "fast", "-w", "stop"]))
    }

    /// True where there is a database of this name.
    pub(super) fn has(&self, database: &str) -> Result<bool> {
        let found = output(&mut self.psql(&format!("select 1 from pg_database where datname = '{database}'")));
        Ok(!found.with_context(|| format!("PostgreSQL at port {} does not answer", self.port))?.trim().is_empty())
    }

    /// Makes a database that is empty.
    pub(super) fn create(&self, database: &str) -> Result<()> {
        run(&mut self.psql(&format!("create database {database}")))
    }

    /// Makes a database that is a copy of another one.
    pub(super) fn copy(&self, template: &str, database: &str) -> Result<()> {
        run(&mut self.psql(&format!("create database {database} template {template}")))
    }

    /// Drops a database, where there is one.
    pub(super) fn drop(&self, database: &str) -> Result<()> {
        run(&mut self.psql(&format!("drop database if exists {database} with (force)")))
    }

    /// Where a program of PostgreSQL's is.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    fn psql(&self, sql: &str) -> Command {
        let psql = self.program("psql");
        command(&psql.to_string_lossy(), &["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", ACCOUNT, "-qtAc", sql, "postgres"])
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let program = self.program(program);
        let mut command = match self.as_root {
            true => command("runuser", &["-u", ACCOUNT, "--", &program.to_string_lossy()]),
            false => command(&program.to_string_lossy(), &[]),
        };
        command.args(arguments).current_dir("/");
        command
    }

    fn data(&self) -> String {
        self.data.to_string_lossy().into_owned()
    }
}

/// Where PostgreSQL's programs are: Debian keeps them out of the path.
fn programs() -> Option<PathBuf> {
    let complete = |directory: &PathBuf| ["initdb", "pg_ctl", "psql"].iter().all(|name| directory.join(name).exists());
    let mut debian: Vec<_> =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|version| version.path().join("bin")).collect();
    debian.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    debian.into_iter().rev().chain(std::env::split_paths(&path)).find(complete)
}

fn install() -> Result<PathBuf> {
    apt::install("PostgreSQL", &["postgresql"])?;
    programs().context("PostgreSQL was installed, but its initdb, pg_ctl and psql are not in /usr/lib/postgresql or the path")
}
