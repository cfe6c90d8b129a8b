//! What is particular to the SQLite journal: its file.

#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub, missing_docs, dead_code, unused_macros)]

mod suite;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mortar_core::ports::Journal;
use mortar_journal::{OpenError, Options, SqliteJournal};
use proptest::prelude::*;
use rusqlite::Connection;
use suite::{Scene, Settings, Store, TestClock};

/// A journal file with these options.
struct File {
    path: std::path::PathBuf,
    options: Options,
    _directory: tempfile::TempDir,
}

impl File {
    fn new(options: Options) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { path: directory.path().join("journal.db"), options, _directory: directory }
    }

    fn shell(&self) -> Connection {
        Connection::open(&self.path).unwrap()
    }

    fn log(&self) -> std::path::PathBuf {
        self.path.with_extension("db-wal")
    }
}

impl Store for File {
    fn open(&self, _: &Settings, clock: Arc<TestClock>) -> Arc<dyn Journal> {
        Arc::new(SqliteJournal::open(&self.path, self.options.clone(), clock).unwrap())
    }
}

async fn open_error(path: &Path) -> OpenError {
    let other = File::new(Options::default());
    let clock = Scene::new(&other).await.clock.clone();
    SqliteJournal::open(path, Options::default(), clock).err().expect("it does not open")
}

#[tokio::test]
async fn a_second_host_is_refused() {
    let file = File::new(Options::default());
    let scene = Scene::new(&file).await;
    let error = open_error(&file.path).await;
    assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    drop(scene);
    Scene::new(&file).await;
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let file = File::new(Options::default());
    drop(Scene::new(&file).await);
    let schema: i64 = file.shell().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(schema, 1);
    file.shell().pragma_update(None, "user_version", 99).unwrap();
    let error = open_error(&file.path).await;
    assert!(matches!(error, OpenError::NewerSchema { found: 99, known: 1, .. }), "{error:?}");
}

#[tokio::test]
async fn another_file_is_refused_and_left_alone() {
    let file = File::new(Options::default());
    file.shell().execute_batch("CREATE TABLE customers (name TEXT)").unwrap();
    assert!(matches!(open_error(&file.path).await, OpenError::Foreign { .. }));
    let tables: i64 = file.shell().query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
    std::fs::write(&file.path, vec![b'x'; 8192]).unwrap();
    assert!(matches!(open_error(&file.path).await, OpenError::Damaged { .. }));
}

#[tokio::test]
async fn an_operator_can_read_it_with_a_shell() {
    let file = File::new(Options::default());
    let scene = Scene::new(&file).await;
    scene.accept(scene.callback(&[("m1:0", "SO-1"), ("m1:1", "SO-2")])).await;
    let claim = scene.claim_one().await;
    let mut call = scene.lost_call(0, "ship");
    call.request.body = Some(b"{\"qty\":1}".to_vec());
    scene.put(&claim, &call).await.unwrap();
    scene.finish(&claim, suite::dead()).await;

    let shell = file.shell();
    let row = |sql: &str| {
        let columns = shell.prepare(sql).unwrap().column_count();
        let cell = |value: rusqlite::types::Value| match value {
            rusqlite::types::Value::Null => "-".to_owned(),
            rusqlite::types::Value::Integer(n) => n.to_string(),
            rusqlite::types::Value::Text(text) => text,
            other => panic!("not for reading: {other:?}"),
        };
        shell.query_row(sql, [], |row| (0..columns).map(|i| row.get(i).map(cell)).collect::<Result<Vec<_>, _>>()).unwrap().join(" | ")
    };
    assert_eq!(
        row("SELECT * FROM event WHERE id = 'm1:0'"),
        "1 | m1:0 | order.fulfilled | order:SO-1 | masonhub | 2025-06-15T15:06:40.000Z | - | {\"id\":\"m1:0\"}"
    );
    assert_eq!(
        row("SELECT * FROM callback"),
        "1 | masonhub | 2025-06-15T15:06:40.000Z | 192.0.2.7 | delivery-1 | 2 | {\"data\":[{\"id\":\"m1:0\"},{\"id\":\"m1:1\"},]}"
    );
    let dead = "1-1 | 1 | m1:0 | order:SO-1 | erp | dead | 2025-06-15T15:06:40.000Z | 1 | 1 | plugin.rejected | no such order";
    assert_eq!(row("SELECT * FROM delivery WHERE event = 1"), dead);
    assert_eq!(row("SELECT * FROM dead_letter"), dead);
    assert_eq!(
        row("SELECT delivery, ordinal, step, attempt, connection, method, path, headers, body, fate, lost FROM call"),
        "1-1 | 0 | ship | 1 | erp | POST | /orders/1/ship | [[\"accept\",\"*/*\"]] | {\"qty\":1} | intended | reset"
    );
    assert_eq!(row("SELECT delivery, number, digest, ending FROM attempt"), "1-1 | 1 | d1 | done");
}

/// The files of a running journal, as a killed host leaves them.
fn leave_behind(file: &File) -> File {
    let copy = File::new(file.options.clone());
    std::fs::copy(&file.path, &copy.path).unwrap();
    std::fs::copy(file.log(), copy.log()).unwrap();
    copy
}

#[tokio::test]
async fn what_was_acked_outlives_a_kill() {
    let file = File::new(Options { ids_per_run: 10, ..Options::default() });
    let scene = Scene::new(&file).await;
    let mut acked = Vec::new();
    for n in 0..40 {
        let id = format!("m{n}:0");
        scene.event(&id, &id).await;
        acked.push(id);
        if n % 13 == 0 {
            let left = leave_behind(&file);
            let after = Scene::new(&left).await;
            for id in &acked {
                assert_eq!(after.accept(after.callback(&[(id, id)])).await.duplicates, 1, "{id}");
            }
            assert_eq!(after.claim_ids().await, acked);
        }
    }
}

/// How often the write-ahead log has started over, as its header counts it.
fn starts_of(log: &Path) -> u32 {
    let header = std::fs::read(log).unwrap();
    u32::from_be_bytes(header[12..16].try_into().unwrap())
}

#[tokio::test]
async fn the_write_ahead_log_starts_over() {
    let file = File::new(Options { wal_bytes: 64 << 10, ..Options::default() });
    let scene = Scene::new(&file).await;
    let mut callback = scene.callback(&[("", "1")]);
    callback.body = vec![b' '; 100_000].into();
    // Each body is longer than the log should be, and the thread that copies may be slow to start.
    let until_it_has = async {
        for n in 0.. {
            callback.events[0].event.id = format!("{n}");
            scene.accept(callback.clone()).await;
            if starts_of(&file.log()) > 3 {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), until_it_has).await.expect("the log never starts over");
    drop(scene);
    assert!(!file.log().exists(), "a journal that ends leaves no log");
}

#[tokio::test]
async fn a_reader_with_a_shell_stops_nobody() {
    let file = File::new(Options { wal_bytes: 64 << 10, ..Options::default() });
    let scene = Scene::new(&file).await;
    scene.event("a", "1").await;
    let shell = file.shell();
    shell.execute_batch("BEGIN").unwrap();
    let count = || shell.query_row("SELECT count(*) FROM event", [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count(), 1);
    for n in 0..50 {
        scene.event(&format!("m{n}"), "1").await;
    }
    assert_eq!(count(), 1, "it reads what was there when it began");
    shell.execute_batch("COMMIT").unwrap();
    assert_eq!(count(), 51);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    /// Whatever the size of the runs, and however often the host stops: an id is stored once.
    #[test]
    fn ids_are_known_as_a_set_knows_them(
        ids_per_run in 1..12usize,
        batches in prop::collection::vec((prop::collection::vec(0..60u8, 1..12), any::<bool>(), 0..8u8), 1..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let file = File::new(Options { ids_per_run, ..Options::default() });
            let mut scene = Scene::new(&file).await;
            let mut known = HashSet::new();
            for (ids, together, restart) in batches {
                let names: Vec<_> = ids.iter().map(|id| format!("m{id}:0")).collect();
                let new = names.iter().filter(|name| known.insert((*name).clone())).count();
                let callbacks: Vec<Vec<_>> = if together {
                    vec![names.iter().map(|name| (name.as_str(), "1")).collect()]
                } else {
                    names.iter().map(|name| vec![(name.as_str(), "1")]).collect()
                };
                let receipts: Vec<_> = callbacks.iter().map(|events| scene.journal.accept(scene.callback(events))).collect();
                let mut stored = 0;
                for receipt in receipts {
                    stored += receipt.await.unwrap().stored;
                }
                prop_assert_eq!(stored, new);
                if restart == 0 {
                    scene = scene.restart();
                }
            }
            for name in &known {
                prop_assert_eq!(&scene.story(name).await.event.id, name);
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn claims_that_cannot_be_read_are_given_back() {
    let file = File::new(Options { event_cache: 0, ..Options::default() });
    let scene = Scene::new(&file).await;
    for id in ["a", "b"] {
        scene.event(id, id).await;
    }
    let shell = file.shell();
    shell.execute_batch("ALTER TABLE packs RENAME TO hidden").unwrap();
    for _ in 0..2 {
        let failed = scene.journal.claim(scene.now(), 10, suite::LEASE, &suite::all(&[scene.plugin])).await;
        assert!(failed.is_err(), "{failed:?}");
        scene.journal.claimable().await;
    }
    shell.execute_batch("ALTER TABLE hidden RENAME TO packs").unwrap();
    assert_eq!(scene.claim_ids().await, ["a", "b"], "no lease had to run out");
}

#[tokio::test]
async fn what_cannot_be_read_holds_nothing_else_up() {
    let file = File::new(Options { event_cache: 0, ..Options::default() });
    let scene = Scene::new(&file).await;
    for id in ["a", "b"] {
        scene.event(id, id).await;
    }
    file.shell().execute_batch("UPDATE events SET pack = 99 WHERE event_id = 'a'").unwrap();
    assert_eq!(scene.claim_ids().await, ["b"]);
    assert!(scene.journal.claim(scene.now(), 10, suite::LEASE, &suite::all(&[scene.plugin])).await.is_err());
}
