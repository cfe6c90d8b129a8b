//! Backups, restores and checks of the SQLite journal.

#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub, missing_docs, dead_code, unused_macros)]

mod suite;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use mortar_core::ports::{Accepted, Journal};
use mortar_journal::{BackupError, Backups, OpenError, Options, SqliteJournal, check, restore};
use rusqlite::Connection;
use suite::{HOUR, Scene, Settings, Store, TestClock};

/// A directory for a journal and its backups.
struct Place {
    directory: tempfile::TempDir,
    backups: std::sync::Mutex<Option<Backups>>,
}

impl Place {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), backups: std::sync::Mutex::default() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn journal(&self) -> PathBuf {
        self.file("journal.db")
    }

    fn backups(&self) -> Backups {
        self.backups.lock().unwrap().clone().unwrap()
    }

    fn shell(&self) -> Connection {
        Connection::open(self.journal()).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.directory.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| !name.ends_with(".lock")).collect();
        names.sort();
        names
    }
}

impl Store for Place {
    fn open(&self, _: &Settings, clock: Arc<TestClock>) -> Arc<dyn Journal> {
        let journal = SqliteJournal::open(&self.journal(), Options { free_space: 0, wal_bytes: 256 << 10, ..Options::default() }, clock);
        let journal = journal.unwrap();
        *self.backups.lock().unwrap() = Some(journal.backups());
        Arc::new(journal)
    }
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_has_all_that_was_acked() {
    let place = Place::new();
    let scene = Scene::new(&place).await;
    let mut big = scene.callback(&[("", "1")]);
    big.body = vec![b' '; 100_000].into();
    let mut accept = async |n: usize| {
        big.events[0].event.id = format!("m{n}");
        assert_eq!(scene.accept(big.clone()).await, Accepted { stored: 1, duplicates: 0 });
    };
    for n in 0..300 {
        accept(n).await;
    }
    let (backups, to) = (place.backups(), place.file("backup.db"));
    let writing = tokio::task::spawn_blocking(move || backups.write(&to, false));
    let mut n = 300;
    while !writing.is_finished() {
        accept(n).await;
        n += 1;
    }
    let bytes = writing.await.unwrap().unwrap();
    assert_eq!(std::fs::metadata(place.file("backup.db")).unwrap().len(), bytes);
    let other = Place::new();
    let restored = restore(&place.file("backup.db"), &other.journal(), now()).unwrap();
    assert!(restored.contents.events >= 300 && restored.kept.is_none(), "{restored:?}");
    let copy = Scene::new(&other).await;
    for n in 0..300 {
        let id = format!("m{n}");
        assert_eq!(copy.accept(copy.callback(&[(&id, "1")])).await.duplicates, 1, "{id}");
    }
    assert_eq!(copy.claim_one().await.event.id, "m0");
}

#[tokio::test]
async fn a_backup_replaces_nothing_unless_it_may() {
    let place = Place::new();
    let scene = Scene::new(&place).await;
    scene.event("a", "1").await;
    let write = |name: &str, replace| place.backups().write(&place.file(name), replace);
    write("backup.db", false).unwrap();
    assert!(matches!(write("backup.db", false), Err(BackupError::Exists(_))));
    write("backup.db", true).unwrap();
    for name in ["journal.db", "journal.db-wal", "journal.db.lock", "./journal.db"] {
        assert!(matches!(write(name, true), Err(BackupError::OfJournal(_))), "{name}");
    }
    std::os::unix::fs::symlink(place.journal(), place.file("link.db")).unwrap();
    assert!(matches!(write("link.db", true), Err(BackupError::OfJournal(_))));
    assert!(matches!(write("nowhere/backup.db", false), Err(BackupError::File { .. })));
    place.backups().stop();
    assert!(matches!(write("late.db", false), Err(BackupError::Stopped)));
    assert_eq!(place.names(), ["backup.db", "journal.db", "journal.db-shm", "journal.db-wal", "link.db"], "nothing half done is left");
}

#[tokio::test]
async fn a_backup_leaves_the_disk_its_reserve() {
    let place = Place::new();
    let options = Options { free_space: u64::MAX / 2, ..Options::default() };
    let journal = SqliteJournal::open(&place.journal(), options, Scene::new(&Place::new()).await.clock.clone()).unwrap();
    assert!(matches!(journal.backups().write(&place.file("backup.db"), false), Err(BackupError::NoRoom { .. })));
}

#[tokio::test]
async fn a_restore_keeps_what_was_there() {
    let place = Place::new();
    let scene = Scene::new(&place).await;
    scene.event("a", "1").await;
    place.backups().write(&place.file("backup.db"), false).unwrap();
    scene.event("b", "1").await;
    let in_use = restore(&place.file("backup.db"), &place.journal(), now()).unwrap_err();
    assert!(matches!(in_use, BackupError::Journal(OpenError::InUse { .. })), "{in_use}");
    drop(scene);

    let restored = restore(&place.file("backup.db"), &place.journal(), now()).unwrap();
    let kept = place.file("journal.db.before-20260301T120000Z");
    assert_eq!((restored.contents.events, restored.kept.as_ref()), (1, Some(&kept)));
    assert_eq!(place.names(), ["backup.db", "journal.db", "journal.db.before-20260301T120000Z"]);
    assert_eq!(check(&kept).unwrap().events, 2);
    let scene = Scene::new(&place).await;
    assert_eq!(scene.claim_ids().await, ["a"]);
    scene.event("b", "1").await;
}

#[tokio::test]
async fn what_is_no_sound_backup_replaces_nothing() {
    let place = Place::new();
    let scene = Scene::new(&place).await;
    scene.event("a", "1").await;
    place.backups().write(&place.file("backup.db"), false).unwrap();
    drop(scene);
    let before = std::fs::read(place.journal()).unwrap();
    let backup = place.file("bad.db");
    let change = |sql: &str| {
        std::fs::copy(place.file("backup.db"), &backup).unwrap();
        Connection::open(&backup).unwrap().execute_batch(sql).unwrap();
    };
    let refused = || match restore(&backup, &place.journal(), now()) {
        Err(BackupError::Journal(error)) => error,
        other => panic!("{other:?}"),
    };
    assert!(matches!(refused(), OpenError::Missing { .. }));
    change("PRAGMA application_id = 7");
    assert!(matches!(refused(), OpenError::Foreign { .. }));
    change("PRAGMA user_version = 99");
    assert!(matches!(refused(), OpenError::NewerSchema { .. }));
    change("DELETE FROM packs");
    assert!(matches!(refused(), OpenError::Damaged { .. }));
    std::fs::write(&backup, &std::fs::read(place.file("backup.db")).unwrap()[..9000]).unwrap();
    assert!(matches!(refused(), OpenError::Damaged { .. }));
    assert_eq!(std::fs::read(place.journal()).unwrap(), before);
    assert_eq!(place.names(), ["backup.db", "bad.db", "journal.db"]);
}

#[tokio::test]
async fn a_check_covers_every_page_and_changes_nothing() {
    let place = Place::new();
    assert!(matches!(check(&place.journal()), Err(OpenError::Missing { .. })));
    let scene = Scene::new(&place).await;
    for n in 0..2000 {
        scene.event(&format!("m{n}"), &format!("SO-{}", n % 7)).await;
        scene.advance(HOUR / 3600);
    }
    let last = scene.now() - jiff::SignedDuration::from_secs(1);
    assert!(matches!(check(&place.journal()), Err(OpenError::InUse { .. })));
    drop(scene);
    let contents = check(&place.journal()).unwrap();
    assert_eq!((contents.events, contents.open, contents.newest), (2000, 2000, Some(last)));

    // In the middle of the file, where no start looks.
    let whole = std::fs::read(place.journal()).unwrap();
    let page = 2048;
    let leaf = (1..whole.len() / page).filter(|at| whole[at * page] == 0x0d).nth(20).unwrap();
    let mut harmed = whole.clone();
    harmed[leaf * page..leaf * page + 64].fill(0xff);
    std::fs::write(place.journal(), &harmed).unwrap();
    assert!(matches!(check(&place.journal()), Err(OpenError::Damaged { .. })));
    assert_eq!(std::fs::read(place.journal()).unwrap(), harmed);
}

/// Opening it fails, and says how to go on.
async fn refuses_to_start(path: &Path) {
    let clock = Scene::new(&Place::new()).await.clock.clone();
    let error = SqliteJournal::open(path, Options::default(), clock).err().expect("it does not open");
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("mortar restore FILE"), "{error}");
}

#[tokio::test]
async fn a_start_notices_what_is_harmed_at_the_ends() {
    for harm in [
        "DELETE FROM packs WHERE id = (SELECT max(id) FROM packs)",
        "DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)",
        "DROP TABLE calls",
        "DROP INDEX unsettled",
    ] {
        let place = Place::new();
        let scene = Scene::new(&place).await;
        for n in 0..20 {
            scene.event(&format!("m{n}"), "1").await;
        }
        drop(scene);
        place.shell().execute_batch(harm).unwrap();
        refuses_to_start(&place.journal()).await;
    }
}

#[tokio::test]
async fn a_start_notices_a_file_that_was_cut_short() {
    let place = Place::new();
    let scene = Scene::new(&place).await;
    for n in 0..100 {
        scene.event(&format!("m{n}"), "1").await;
    }
    drop(scene);
    let length = std::fs::metadata(place.journal()).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(place.journal()).unwrap().set_len(length - 4096).unwrap();
    refuses_to_start(&place.journal()).await;
}
