//! Children of the benchmark: a `mortar serve` of one's own, and the responders.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::load::SECRET;

/// A running child, ended with the value.
pub(crate) struct Server {
    /// Where it takes callbacks.
    pub(crate) address: SocketAddr,
    /// Where operators come in; of a responder the same.
    pub(crate) admin: SocketAddr,
    child: Child,
    #[allow(dead_code, reason = "keeps the pipe open")]
    log: Option<Lines<BufReader<ChildStderr>>>,
}

impl Server {
    /// Starts this benchmark's own binary as a responder.
    pub(crate) async fn responder(arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.args(arguments).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let stdout = child.stdout.take().context("the responder has a standard output")?;
        let line = BufReader::new(stdout).lines().next_line().await?.context("the responder says its address")?;
        let address = line.trim().parse()?;
        Ok(Self { address, admin: address, child, log: None })
    }

    /// Starts the host over a directory that [`configure`] prepared.
    pub(crate) async fn host(directory: &Path) -> Result<Self> {
        let program = std::env::current_exe()?.with_file_name("mortar");
        let mut command = Command::new(program);
        command.arg("--config").arg(directory.join("mortar.toml")).arg("serve").env("BENCH_SECRET", SECRET);
        let mut child = command.stderr(Stdio::piped()).kill_on_drop(true).spawn().context("`mortar` stands beside this binary")?;
        let mut lines = BufReader::new(child.stderr.take().context("the host has a standard error")?).lines();
        while let Some(line) = lines.next_line().await? {
            let line: serde_json::Value = serde_json::from_str(&line).with_context(|| line.clone())?;
            if line["message"] == "serving" {
                let address = line["edge"].as_str().context("the host says its address")?.parse()?;
                let admin = line["admin"].as_str().context("the host says where operators come in")?.parse()?;
                return Ok(Self { address, admin, child, log: Some(lines) });
            }
            if line["level"] != "INFO" {
                eprintln!("host: {line}");
            }
        }
        bail!("the host ended before it served: {:?}", child.wait().await);
    }

    /// Bytes that the child caused to be written to disk since it started.
    pub(crate) fn bytes_written(&self) -> Result<u64> {
        let io = std::fs::read_to_string(format!("/proc/{}/io", self.child.id().context("the child lives")?))?;
        let line = io.lines().find_map(|l| l.strip_prefix("write_bytes: ")).context("the kernel counts written bytes")?;
        Ok(line.trim().parse()?)
    }

    /// The child's processor time since it started, in the kernel's ticks.
    pub(crate) fn cpu_ticks(&self) -> Result<u64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id().context("the child lives")?))?;
        // Counted from behind the program's name, which may hold blanks: user and system time.
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or("").split(' ').collect();
        let ticks = |at: usize| fields.get(at).context("the kernel counts processor time").and_then(|text| Ok(text.parse::<u64>()?));
        Ok(ticks(11)? + ticks(12)?)
    }

    /// The most memory that the child had resident so far, in MiB.
    pub(crate) fn most_resident(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().context("the child lives")?))?;
        let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).context("the kernel counts resident pages")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
    }

    /// Ends the child as a power cut of the process would.
    pub(crate) async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Ends the child as an operator would.
    pub(crate) async fn stop(mut self) -> Result<()> {
        if let Some(pid) = self.child.id() {
            Command::new("kill").args(["-TERM", &pid.to_string()]).status().await?;
        }
        self.child.wait().await?;
        Ok(())
    }
}

/// Prepares a directory for a host: no plugins but those that are given by name and settings.
pub(crate) fn configure(directory: &Path, more: &str, plugins: &[(PathBuf, &str)]) -> Result<()> {
    for (component, settings) in plugins {
        let name = component.file_stem().context("a component has a name")?;
        let place = directory.join("plugins").join(name);
        std::fs::create_dir_all(&place)?;
        std::fs::copy(component, place.join("plugin.wasm")).with_context(|| component.display().to_string())?;
        std::fs::write(place.join("plugin.toml"), settings)?;
    }
    std::fs::create_dir_all(directory.join("plugins"))?;
    let config = format!(
        "[edge]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\n\
         [sources.masonhub]\nverify = \"masonhub\"\nsecrets = [{{ env = \"BENCH_SECRET\" }}]\n{more}"
    );
    std::fs::write(directory.join("mortar.toml"), config)?;
    Ok(())
}
