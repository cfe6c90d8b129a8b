//! Journals of every schema that was released open with this version, and lose nothing.
//!
//! `tests/schemas/NNNN.sql` is a journal as the version with that schema wrote it, as SQL. Before a
//! migration is added, the journal of the schema before it is written down:
//! `WRITE_SCHEMA=1 cargo test -p mortar-journal --test schemas`. A file that is there stays as it is.

#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub, missing_docs, dead_code, unused_macros)]

mod suite;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mortar_core::delivery::{State, Verdict};
use mortar_core::ports::{CallWrite, Journal, RejectedCallback, StateWrite};
use mortar_journal::{Options, SqliteJournal, check};
use rusqlite::Connection;
use suite::{HOUR, Scene, Settings, Store, TestClock};

struct File(tempfile::TempDir);

impl File {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("journal.db")
    }
}

impl Store for File {
    fn open(&self, _: &Settings, clock: Arc<TestClock>) -> Arc<dyn Journal> {
        Arc::new(SqliteJournal::open(&self.path(), Options { ids_per_run: 4, ..Options::default() }, clock).unwrap())
    }
}

fn fixture(schema: usize) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/schemas/{schema:04}.sql"))
}

/// The newest schema: one migration leads to each.
fn newest() -> usize {
    std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations")).unwrap().count()
}

/// Something of everything: done with calls, waiting, dead, pending, superseded, set aside, state.
async fn fill(scene: &Scene<'_>) {
    for id in ["done", "waiting", "dead"] {
        scene.event(id, id).await;
    }
    let claims = scene.claim(3).await;
    let mut call = scene.lost_call(0, "ship");
    call.fate = scene.answered(201);
    scene.journal.call(claims[0].lease, CallWrite::Put(call)).await.unwrap();
    let mut done = scene.end(&claims[0], Verdict::Done);
    done.state = vec![StateWrite { key: "seen".into(), expected: 0, value: Some(b"1".to_vec()) }];
    scene.journal.finish(done).await.unwrap();
    scene.finish(&claims[1], suite::waiting(scene.after(HOUR))).await;
    scene.put(&claims[2], &scene.lost_call(0, "ship")).await.unwrap();
    scene.finish(&claims[2], suite::dead()).await;
    for n in 0..5 {
        scene.accept(scene.count(&format!("count{n}"), "SKU-1", Some(scene.after(n * HOUR)))).await;
    }
    scene.event("pending", "pending").await;
    let mut unreadable = scene.callback(&[]);
    unreadable.unreadable = Some("no JSON".into());
    scene.accept(unreadable).await;
    let rejected = RejectedCallback {
        source: "masonhub".into(),
        received_at: scene.now(),
        remote: None,
        reason: "no signature".into(),
        delivery_header: None,
        body: "{}".into(),
    };
    scene.journal.reject(rejected).await.unwrap();
}

/// All that [`fill`] has left is there, and goes on.
async fn proves_whole(scene: &Scene<'_>) {
    let done = scene.story("done").await;
    assert_eq!((done.payload, done.deliveries[0].calls[0].step.as_str()), (suite::payload("done"), "ship"));
    assert_eq!(done.deliveries[0].attempts.len(), 1);
    for (id, state) in [("done", State::Done), ("waiting", State::Waiting), ("dead", State::Dead), ("count0", State::Superseded)] {
        assert_eq!(scene.state_of(id).await, state, "{id}");
    }
    let counts = scene.journal.counts().await.unwrap();
    assert_eq!((counts.events, counts.quarantined, counts.rejected), (9, 1, 1));
    assert_eq!(scene.journal.state(scene.plugin, "seen".into()).await.unwrap().unwrap().value, b"1");
    for id in ["done", "waiting", "dead", "pending", "count0", "count4"] {
        assert_eq!(scene.accept(scene.callback(&[(id, id)])).await.duplicates, 1, "{id}");
    }
    scene.advance(HOUR);
    assert_eq!(scene.claim_ids().await, ["count4", "pending", "waiting"]);
}

/// A whole file as SQL.
fn dump(conn: &Connection) -> String {
    let number = |name| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    let mut text = format!("PRAGMA application_id = {};\nPRAGMA user_version = {};\n", number("application_id"), number("user_version"));
    let mut parts = conn.prepare("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid").unwrap();
    let parts = parts.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    for (kind, name, sql) in parts.map(Result::<(String, String, String), _>::unwrap) {
        if name != "sqlite_sequence" {
            writeln!(text, "{sql};").unwrap();
        }
        if kind != "table" {
            continue;
        }
        let columns = conn.prepare(&format!("SELECT * FROM {name}")).unwrap().column_names().collect::<Vec<_>>().join("), quote(");
        let mut rows = conn.prepare(&format!("SELECT concat_ws(', ', quote({columns})) FROM {name}")).unwrap();
        for row in rows.query_map([], |row| row.get::<_, String>(0)).unwrap() {
            writeln!(text, "INSERT INTO {name} VALUES ({});", row.unwrap()).unwrap();
        }
    }
    text
}

#[test]
fn every_released_schema_is_written_down() {
    for schema in 1..newest().max(2) {
        assert!(fixture(schema).exists(), "{} is missing: the head of this file says how it is made", fixture(schema).display());
    }
}

#[tokio::test]
async fn a_journal_of_every_schema_opens_and_is_whole() {
    for schema in (1..=newest()).filter(|schema| fixture(*schema).exists()) {
        let file = File::new();
        let old = Connection::open(file.path()).unwrap();
        old.execute_batch(&std::fs::read_to_string(fixture(schema)).unwrap()).unwrap();
        let version: i64 = old.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(version, schema as i64);
        drop(old);
        let scene = Scene::new(&file).await;
        proves_whole(&scene).await;
        drop(scene);
        check(&file.path()).unwrap();
    }
}

#[tokio::test]
async fn the_newest_schema_can_be_written_down() {
    let file = File::new();
    let scene = Scene::new(&file).await;
    fill(&scene).await;
    drop(scene);
    let text = dump(&Connection::open(file.path()).unwrap());
    let again = File::new();
    Connection::open(again.path()).unwrap().execute_batch(&text).unwrap();
    proves_whole(&Scene::new(&again).await).await;
    if std::env::var_os("WRITE_SCHEMA").is_some() && !fixture(newest()).exists() {
        std::fs::write(fixture(newest()), text).unwrap();
    }
}
