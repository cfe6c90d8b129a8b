//! The host as a child process that is started again when it dies.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::cli::Client;
use crate::cli::exit::Failure;
use crate::config::{self, Loaded};

/// How long the host gets to come up; the first time it compiles its plugin.
const START: Duration = Duration::from_secs(60);

/// Between two looks whether it is up.
const LOOK: Duration = Duration::from_millis(50);

/// `mortar serve` over the demo's directory.
pub(crate) struct HostProcess {
    program: PathBuf,
    loaded: Loaded,
    child: Child,
    client: Client,
    restarts: u32,
}

impl HostProcess {
    /// Starts it and waits until it answers.
    pub(crate) async fn start(directory: &Path) -> Result<Self, Failure> {
        let program = std::env::current_exe()?;
        let loaded = config::read(&directory.join("mortar.toml")).map_err(Failure::Configuration)?;
        let mut child = spawn(&program, &loaded)?;
        let client = up(&loaded, &mut child).await?;
        Ok(Self { program, loaded, child, client, restarts: 0 })
    }

    /// Starts it again if it has died.
    pub(crate) async fn look_after(&mut self, out: &mut dyn Write) -> Result<(), Failure> {
        if let Some(status) = self.child.try_wait()? {
            writeln!(out, "-- the host has ended ({}); starting it again", how(status))?;
            self.child = spawn(&self.program, &self.loaded)?;
            self.client = up(&self.loaded, &mut self.child).await?;
            self.restarts += 1;
        }
        Ok(())
    }

    pub(crate) fn kill(&mut self) -> Result<(), Failure> {
        Ok(self.child.start_kill()?)
    }

    /// Ends it as an operator would.
    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        if let Some(pid) = self.child.id() {
            Command::new("kill").args(["-TERM", &pid.to_string()]).status().await?;
        }
        self.child.wait().await?;
        Ok(())
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn edge(&self) -> SocketAddr {
        self.loaded.config.edge.listen
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    pub(crate) fn restarts(&self) -> u32 {
        self.restarts
    }

    /// The secret that its callbacks are signed with.
    pub(crate) fn secret(&self) -> String {
        let secrets = self.loaded.config.sources.values().flat_map(|source| &source.secrets);
        secrets.filter_map(|secret| self.loaded.secret(secret).ok()).next().unwrap_or_default()
    }
}

fn spawn(program: &Path, loaded: &Loaded) -> Result<Child, Failure> {
    let log = std::fs::File::options().create(true).append(true).open(loaded.path(Path::new("host.log")))?;
    let mut command = Command::new(program);
    command.arg("--config").arg(&loaded.path).arg("serve").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    Ok(command.kill_on_drop(true).spawn()?)
}

async fn up(loaded: &Loaded, child: &mut Child) -> Result<Client, Failure> {
    let deadline = Instant::now() + START;
    loop {
        if let Ok(client) = Client::of(loaded)
            && client.status().await.is_ok()
        {
            return Ok(client);
        }
        let log = loaded.path(Path::new("host.log"));
        if let Some(status) = child.try_wait()? {
            return Err(Failure::Failed(format!("the host ended ({}): see {}", how(status), log.display())));
        }
        if Instant::now() > deadline {
            return Err(Failure::Failed(format!("the host does not come up: see {}", log.display())));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn how(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match status.signal() {
        Some(signal) => format!("signal {signal}"),
        None => format!("{status}"),
    }
}

/// Two addresses that nobody listens on. Their ports lie below those that the kernel gives to
/// outgoing connections, so they are still free when the host is started again.
pub(crate) fn free_addresses() -> Result<[SocketAddr; 2], Failure> {
    let free = (18_080..20_000).filter_map(|port| TcpListener::bind(("127.0.0.1", port)).ok()?.local_addr().ok());
    let found: Vec<_> = free.take(2).collect();
    found.try_into().map_err(|_| Failure::Failed("no port between 18080 and 20000 is free".into()))
}
