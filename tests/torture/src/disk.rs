//! A small disk for the journal: it can be made full, and have room again.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command as Exec;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

/// Set once the program runs where it may mount something.
const ENTERED: &str = "MORTAR_TORTURE_MOUNTS";

/// More than the journal of any torture.
const ROOM: u64 = 4 << 30;

/// The program again, where mounts of its own are allowed and gone when it ends.
///
/// # Errors
/// Why that is not possible here.
pub(crate) fn enter() -> Result<()> {
    if std::env::var_os(ENTERED).is_some() {
        return Ok(());
    }
    let spaces: &[&str] = if rustix::process::geteuid().is_root() { &["--mount"] } else { &["--mount", "--map-root-user"] };
    let tried = Exec::new("unshare").args(spaces).args(["mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
    let tried = tried.context("there is no `unshare` to mount a small disk with")?;
    if !tried.status.success() {
        bail!("a small disk cannot be mounted: {}", String::from_utf8_lossy(&tried.stderr).trim());
    }
    let program = std::env::current_exe()?;
    Err(Exec::new("unshare").args(spaces).arg(program).args(std::env::args_os().skip(1)).env(ENTERED, "1").exec().into())
}

pub(crate) struct Disk {
    place: PathBuf,
}

impl Disk {
    pub(crate) async fn mount(place: &Path) -> Result<Self> {
        let this = Self { place: place.to_owned() };
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={ROOM}"), "tmpfs"]).arg(place)).await?;
        Ok(this)
    }

    /// Leaves about this many bytes. The host may write between the look and the change, and no disk
    /// gets smaller than what is on it: then it is looked again.
    pub(crate) async fn fill(&self, left: u64) -> Result<()> {
        let mut tries = 20;
        loop {
            let used = run(Command::new("df").args(["--block-size=1", "--output=used"]).arg(&self.place)).await?;
            let used: u64 = used.lines().last().context("df says how much is used")?.trim().parse()?;
            tries -= 1;
            match self.resize(used + left).await {
                Err(_) if tries > 0 => {}
                done => return done,
            }
        }
    }

    pub(crate) async fn make_room(&self) -> Result<()> {
        self.resize(ROOM).await
    }

    /// Copies what is on it to where it stays.
    pub(crate) async fn save(&self, to: &Path) -> Result<()> {
        run(Command::new("cp").arg("-a").arg(&self.place).arg(to)).await.map(drop)
    }

    /// Gives it up, with what is on it.
    pub(crate) async fn unmount(self) -> Result<()> {
        run(Command::new("umount").arg(&self.place)).await.map(drop)
    }

    async fn resize(&self, bytes: u64) -> Result<()> {
        run(Command::new("mount").args(["-o", &format!("remount,size={bytes}")]).arg(&self.place)).await.map(drop)
    }
}

async fn run(command: &mut Command) -> Result<String> {
    let output = command.output().await?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
