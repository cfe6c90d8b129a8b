//! A disk that is full, or nearly: nothing is acked that is not stored, and it goes on by itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use mortar_tests::{Host, Setup, fixtures};
use serde_json::Value;

#[tokio::test]
async fn callbacks_are_refused_before_the_disk_is_full() {
    let mut host = Setup::new().config("[journal]\nfree_space = \"1 EiB\"").start().await;
    let answer = host.send(&fixtures::fresh("order.created")).await;
    assert_eq!((answer.status, answer.headers["retry-after"].to_str().unwrap()), (503, "5"));
    let ready = host.ask_without_token("/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.json()["reason"].as_str().unwrap().contains("journal.free_space"), "{:?}", ready.json());
    let status = host.mortar(&["status"]).await;
    assert!(String::from_utf8_lossy(&status.stdout).contains("journal.free_space"), "{status:?}");
    let metrics = host.ask("/metrics").await;
    assert!(String::from_utf8_lossy(&metrics.body).contains("mortar_ready 0"));
    host.logged("new callbacks are refused").await;
}

/// A small disk of its own, with a file on it that takes its room.
struct Disk(PathBuf);

impl Disk {
    /// Mounts it; none where that is not permitted.
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir(at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"]).arg(at).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(at.to_owned())),
            other => {
                println!("skipped: no small disk can be mounted, which takes root: {other:?}");
                None
            }
        }
    }

    /// Leaves about so many bytes.
    fn leave(&self, bytes: usize) {
        let ballast = self.0.join("ballast");
        let _ = std::fs::remove_file(&ballast);
        let df = Command::new("df").args(["--output=avail", "-B1"]).arg(&self.0).output().unwrap();
        let free: usize = String::from_utf8(df.stdout).unwrap().split_whitespace().last().unwrap().parse().unwrap();
        std::fs::write(ballast, vec![0; free.saturating_sub(bytes)]).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

/// Sends until a callback is refused. Answers those that were acked.
async fn send_until_refused(host: &Host) -> Vec<Value> {
    let mut acked = Vec::new();
    loop {
        let mut callback = fixtures::fresh("order.created");
        callback["filling"] = "x".repeat(200_000).into();
        match host.send(&callback).await.status {
            200 => acked.push(callback),
            503 => return acked,
            other => panic!("a full disk is answered with {other}"),
        }
        assert!(acked.len() < 1000, "the disk never was full");
    }
}

async fn until_ready(host: &Host, ready: u16) {
    for _ in 0..100 {
        if host.ask_without_token("/readyz").await.status == ready {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("/readyz never answered {ready}");
}

#[tokio::test]
async fn a_nearly_full_disk_takes_callbacks_again_when_it_has_room() {
    let setup = Setup::new().config("[journal]\npath = \"disk/mortar.db\"\nfree_space = \"8 MiB\"");
    let Some(disk) = Disk::mount(&setup.path().join("disk")) else { return };
    let host = setup.start().await;
    let acked = send_until_refused(&host).await;
    assert!(acked.len() > 5, "{}", acked.len());
    until_ready(&host, 503).await;
    let grown = Command::new("mount").args(["-o", "remount,size=64m"]).arg(&disk.0).status();
    assert!(grown.unwrap().success());
    until_ready(&host, 200).await;
    assert_eq!(host.send(&fixtures::fresh("order.created")).await.status, 200);
}

#[tokio::test]
async fn a_full_disk_stops_the_acks_and_nothing_acked_is_lost() {
    let setup = Setup::new().config("[journal]\npath = \"disk/mortar.db\"\nfree_space = \"0\"");
    let Some(disk) = Disk::mount(&setup.path().join("disk")) else { return };
    let mut host = setup.start().await;
    disk.leave(4 << 20);
    let mut acked = send_until_refused(&host).await;
    until_ready(&host, 503).await;
    host.logged("the journal cannot store").await;
    std::fs::remove_file(disk.0.join("ballast")).unwrap();
    let after = fixtures::fresh("order.fulfilled");
    assert_eq!(host.send(&after).await.status, 200);
    until_ready(&host, 200).await;
    acked.push(after);
    host.kill().await;
    host.restart().await;
    for callback in &acked {
        assert_eq!(host.send(callback).await.json()["duplicates"], 1);
    }
}
