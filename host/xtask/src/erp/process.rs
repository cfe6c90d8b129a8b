//! A process in the background: started once, known by its process id, stopped by it.

use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::run::{command, output};

/// How long something may take to start or to stop, in looks.
const LOOKS: u32 = 600;
const PAUSE: Duration = Duration::from_millis(100);

/// A process of the ERP's.
pub(super) struct Process {
    pub(super) name: &'static str,
    /// Where its process id and its log are kept; it has this in its arguments.
    pub(super) directory: PathBuf,
}

impl Process {
    /// Where it logs.
    pub(super) fn log(&self) -> PathBuf {
        self.directory.join(format!("{}.log", self.name))
    }

    /// True where it runs.
    pub(super) fn runs(&self) -> bool {
        self.id().is_some()
    }

    /// Starts it, unless it runs.
    pub(super) fn start(&self, words: &[String]) -> Result<()> {
        let mut process = Command::new(&words[0]);
        process.args(&words[1..]);
        self.start_command(process)
    }

    /// The same, for a command with surroundings of its own.
    pub(super) fn start_command(&self, mut process: Command) -> Result<()> {
        if self.runs() {
            return Ok(());
        }
        let log = File::create(self.log()).with_context(|| self.log().display().to_string())?;
        process.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let child = process.spawn().with_context(|| format!("{} cannot be started", self.name))?;
        super::write(&self.file(), &child.id().to_string())
    }

    /// Stops it, and waits until it has ended. False where it did not run.
    pub(super) fn stop(&self) -> Result<bool> {
        let Some(id) = self.id() else { return Ok(false) };
        output(&mut command("kill", &[&id]));
        for _ in 0..LOOKS {
            if !self.runs() {
                std::fs::remove_file(self.file())?;
                return Ok(true);
            }
            sleep(PAUSE);
        }
        bail!("{} (process {id}) does not stop", self.name)
    }

    /// Its process id, if the process of that id is ours.
    fn id(&self) -> Option<String> {
        let id = std::fs::read_to_string(self.file()).ok()?;
        let arguments = output(&mut command("ps", &["-p", &id, "-o", "args="]))?;
        arguments.contains(&*self.directory.to_string_lossy()).then_some(id)
    }

    fn file(&self) -> PathBuf {
        self.directory.join(format!("{}.pid", self.name))
    }
}

/// Waits until something listens on a port of this machine.
pub(super) fn await_port(port: u16) -> Result<()> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    for _ in 0..LOOKS {
        if TcpStream::connect_timeout(&address, PAUSE).is_ok() {
            return Ok(());
        }
        sleep(PAUSE);
    }
    bail!("nothing listens at {address}")
}

/// True where an account can get to a directory.
pub(super) fn reachable(account: &str, directory: &Path) -> bool {
    output(&mut command("runuser", &["-u", account, "--", "test", "-x", &directory.to_string_lossy()])).is_some()
}
