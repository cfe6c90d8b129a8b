//! Backups of a running host's journal, restores, and journals that are damaged.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mortar_tests::{Host, Setup, fixtures};
use serde_json::Value;

/// The exit code, and what was said.
async fn said(host: &Host, arguments: &[&str]) -> (i32, String) {
    let output = host.mortar(arguments).await;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), text)
}

#[tokio::test]
async fn a_backup_under_load_has_every_event_that_was_acked() {
    let host = Arc::new(Setup::new().start().await);
    let ended = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..4)
        .map(|_| {
            let (host, ended) = (host.clone(), ended.clone());
            tokio::spawn(async move {
                while !ended.load(Ordering::Relaxed) {
                    assert_eq!(host.send(&fixtures::fresh("order.created")).await.status, 200, "acks go on");
                }
            })
        })
        .collect();
    let mut acked = Vec::new();
    for _ in 0..50 {
        let callback = fixtures::fresh("order.fulfilled");
        assert_eq!(host.send(&callback).await.status, 200);
        acked.push(callback);
    }
    let (code, text) = said(&host, &["backup", "copy.db"]).await;
    assert_eq!(code, 0, "{text}");
    ended.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.await.unwrap();
    }

    let copy = host.setup.path().join("copy.db");
    let other = Setup::new();
    let restored = other.mortar(&["restore", copy.to_str().unwrap(), "--json"]).await;
    assert!(restored.status.success(), "{restored:?}");
    let report: Value = serde_json::from_slice(&restored.stdout).unwrap();
    assert!(report["events"].as_u64().unwrap() >= 50 && report["kept"].is_null(), "{report}");
    let other = other.start().await;
    for callback in &acked {
        assert!(other.story(&fixtures::event_id(callback)).await.is_some());
        assert_eq!(other.send(callback).await.json()["duplicates"], 1);
    }
}

#[tokio::test]
async fn nothing_is_overwritten_and_nothing_is_done_under_a_host() {
    let mut host = Setup::new().start().await;
    let callback = fixtures::fresh("order.created");
    host.send(&callback).await;
    assert_eq!(said(&host, &["backup", "copy.db"]).await.0, 0);
    for (arguments, words) in [
        (&["backup", "copy.db"][..], "--force"),
        (&["backup", "mortar.db", "--force"], "belongs to the journal"),
        (&["restore", "copy.db"], "in use by another process"),
        (&["check", "--journal"], "in use by another process"),
    ] {
        let (code, text) = said(&host, arguments).await;
        assert!(code == 6 && text.contains(words), "{arguments:?} ended with {code}: {text}");
    }
    assert_eq!(said(&host, &["backup", "copy.db", "--force"]).await.0, 0);
    host.terminate().await;

    let (code, text) = said(&host, &["check", "--journal"]).await;
    assert!(code == 0 && text.contains("1 event"), "{code}: {text}");
    assert_eq!(said(&host, &["backup", "late.db"]).await.0, 4);
    assert_eq!(said(&host, &["restore", "nowhere.db"]).await.0, 5);
    std::fs::write(host.setup.path().join("bad.db"), "no journal").unwrap();
    assert_eq!(said(&host, &["restore", "bad.db"]).await.0, 1);
    let (code, text) = said(&host, &["restore", "copy.db"]).await;
    assert!(code == 0 && text.contains("mortar.db.before-"), "{code}: {text}");
    host.restart().await;
    assert_eq!(host.send(&callback).await.json()["duplicates"], 1);
    let directory = std::fs::read_dir(host.setup.path()).unwrap();
    let left: BTreeSet<_> = directory.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.contains(".part")), "{left:?}");
}

#[tokio::test]
async fn a_damaged_journal_is_not_served_from() {
    let mut host = Setup::new().start().await;
    host.send(&fixtures::fresh("order.created")).await;
    host.terminate().await;
    let journal = host.setup.path().join("mortar.db");
    rusqlite::Connection::open(&journal).unwrap().execute_batch("DELETE FROM packs").unwrap();
    for arguments in [&["serve"][..], &["check", "--journal"]] {
        let (code, text) = said(&host, arguments).await;
        assert!(code == 1 && text.contains("is damaged") && text.contains("mortar restore FILE"), "{code}: {text}");
    }
}
