//! The host as a process that is started again when it dies.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use mortar_tests::Setup;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use tokio::time::Instant;

/// How long the host gets to come up; the first time it compiles its plugins.
const START: Duration = Duration::from_secs(120);

/// How long it gets to end after SIGTERM.
const END: Duration = Duration::from_secs(30);

pub(crate) struct Process<'a> {
    setup: &'a Setup,
    child: Child,
    log: PathBuf,
    problems: Vec<String>,
    /// It may end by itself: there is no room on its disk.
    pub(crate) starved: bool,
}

impl<'a> Process<'a> {
    /// Starts it and waits until it takes callbacks.
    pub(crate) async fn start(setup: &'a Setup) -> Result<Self> {
        setup.write();
        let log = setup.path().join("host.log");
        let mut this = Self { child: spawn(setup, &log)?, setup, log, problems: Vec::new(), starved: false };
        this.up().await?;
        Ok(this)
    }

    /// Ends it as a power cut of the process would, and starts it again.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        self.child.kill().await?;
        self.spawn()
    }

    /// Asks it to end, and starts it again when it has.
    pub(crate) async fn terminate(&mut self) -> Result<()> {
        let status = self.end().await?;
        if !status.success() && !self.starved {
            self.problems.push(format!("the host ended with {status} when it was asked to stop"));
        }
        self.spawn()
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        // Where it has just ended by itself, `up` notices.
        let Some(pid) = self.child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)) else { return Ok(()) };
        Ok(kill_process(pid, signal)?)
    }

    /// Waits until it takes callbacks. Where it has ended by itself it is started again, as an
    /// operating system would.
    pub(crate) async fn up(&mut self) -> Result<()> {
        let deadline = Instant::now() + START;
        loop {
            if let Some(status) = self.child.try_wait()? {
                if !self.starved {
                    self.problems.push(format!("the host ended by itself, with {status}"));
                }
                self.spawn()?;
            }
            if self.setup.ask("/readyz").await.is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("the host does not come up: see {}", self.log.display());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What it should not have done.
    pub(crate) fn problems(&mut self) -> Vec<String> {
        std::mem::take(&mut self.problems)
    }

    pub(crate) async fn stop(mut self) -> Result<()> {
        self.end().await.map(drop)
    }

    async fn end(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        let ended = tokio::time::timeout(END, self.child.wait()).await;
        Ok(ended.with_context(|| format!("the host did not stop within {} s of SIGTERM", END.as_secs()))??)
    }

    fn spawn(&mut self) -> Result<()> {
        self.child = spawn(self.setup, &self.log)?;
        Ok(())
    }
}

fn spawn(setup: &Setup, log: &PathBuf) -> Result<Child> {
    let log = std::fs::File::options().create(true).append(true).open(log)?;
    Ok(setup.command(&["serve"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true).spawn()?)
}
