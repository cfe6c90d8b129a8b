//! What faults of the disk do: nothing is acked, nothing is remembered, and it goes on when it can.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use mortar_core::delivery::{Gap, PluginNo, Verdict};
use mortar_core::event::{Event, Subject, SubjectKind};
use mortar_core::ports::{
    Clock, Finish, Finished, Journal, JournalError, NewCallback, NewDelivery, NewEvent, Order, RejectedCallback, Share,
};
use mortar_core::story::Attempt;
use rusqlite::ffi;

use super::{Batch, Request};
use crate::fault::Fault;
use crate::{Options, SqliteJournal};

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

fn open(directory: &tempfile::TempDir) -> SqliteJournal {
    SqliteJournal::open(&directory.path().join("journal.db"), Options::default(), Arc::new(Still)).unwrap()
}

/// A callback of one event with a body of this size.
fn callback(id: &str, bytes: usize) -> NewCallback {
    let subject = Subject { kind: SubjectKind::Order, id: id.into() };
    let event = Event { id: id.into(), event_type: "order.created".into(), subject, as_of: None, record: 0..1 };
    NewCallback {
        source: "masonhub".into(),
        received_at: Timestamp::UNIX_EPOCH,
        remote: None,
        delivery_header: None,
        secret: None,
        body: Bytes::from(vec![b' '; bytes]),
        events: vec![NewEvent { event, deliveries: vec![NewDelivery { plugin: PluginNo(1), order: Order::Fifo }] }],
        unreadable: None,
    }
}

/// A request that does anything to the batch.
struct Do<F>(F);

impl<T: Send + 'static, F: Fn(&mut Batch<'_>) -> Result<T, Fault> + Send + 'static> Request for Do<F> {
    type Answer = T;

    fn apply(&self, batch: &mut Batch<'_>) -> Result<T, Fault> {
        self.0(batch)
    }
}

/// Fails a batch as SQLite would.
fn failing(code: i32) -> impl Request<Answer = ()> {
    Do(move |_: &mut Batch<'_>| Err::<(), _>(Fault::Sqlite(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))))
}

/// Bounds the file to so many more pages.
async fn leave_room(journal: &SqliteJournal, pages: i64) {
    let bound = Do(move |batch: &mut Batch<'_>| {
        let used: i64 = batch.conn.pragma_query_value(None, "page_count", |row| row.get(0))?;
        batch.conn.pragma_update(None, "max_page_count", used + pages)?;
        Ok(())
    });
    journal.write(bound).await.unwrap();
}

async fn claimed(journal: &SqliteJournal) -> Vec<String> {
    let claims = journal
        .claim(Timestamp::UNIX_EPOCH, 1000, std::time::Duration::from_secs(60), &[Share { plugin: PluginNo(1), max: 1000 }])
        .await
        .unwrap();
    claims.into_iter().map(|claim| claim.event.id.clone()).collect()
}

#[tokio::test]
async fn a_full_disk_stops_the_acks_until_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(&directory);
    leave_room(&journal, 20).await;
    let mut acked = Vec::new();
    let failed = loop {
        let id = format!("{}", acked.len());
        match journal.accept(callback(&id, 10_000)).await {
            Ok(_) => acked.push(id),
            Err(error) => break (id, error),
        }
    };
    let (id, JournalError::Storage(text)) = failed else { panic!("{failed:?}") };
    assert!(text.contains("disk is full"), "{text}");
    assert!(journal.health().is_err());

    leave_room(&journal, 1000).await;
    assert!(journal.health().is_ok());
    let again = journal.accept(callback(&id, 10_000)).await.unwrap();
    assert_eq!((again.stored, again.duplicates), (1, 0), "what was not acked is not known");
    acked.push(id);
    assert_eq!(claimed(&journal).await, acked);
    drop(journal);
    assert_eq!(claimed(&open(&directory)).await, acked);
}

#[tokio::test]
async fn what_is_stored_goes_on_while_the_disk_has_too_little_room() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(&directory);
    journal.accept(callback("before", 10)).await.unwrap();
    let share = Share { plugin: PluginNo(1), max: 1 };
    let claim = journal.claim(Timestamp::UNIX_EPOCH, 1, std::time::Duration::from_secs(60), &[share]).await.unwrap().remove(0);

    journal.shared.space.use_up(u64::MAX);
    let Err(JournalError::Storage(text)) = journal.accept(callback("refused", 10)).await else { panic!("it was taken") };
    assert!(text.contains("journal.free_space keeps 256 MiB"), "{text}");
    let rejected = RejectedCallback {
        source: "masonhub".into(),
        received_at: Timestamp::UNIX_EPOCH,
        remote: None,
        reason: "no signature".into(),
        delivery_header: None,
        body: Bytes::new(),
    };
    assert!(journal.reject(rejected).await.is_err());
    assert_eq!(journal.health(), Err(JournalError::Storage(text)));
    let attempt = Attempt {
        number: 1,
        started_at: Timestamp::UNIX_EPOCH,
        ended_at: Timestamp::UNIX_EPOCH,
        digest: "d".into(),
        ending: "done".into(),
        code: None,
        reason: None,
        trace: Vec::new(),
        log: Vec::new(),
    };
    let finish = Finish { lease: claim.lease, verdict: Verdict::Done, gap: Gap::Skip, attempt, state: Vec::new(), confirm_at: None };
    assert_eq!(journal.finish(finish).await, Ok(Finished::Recorded));
    assert!(journal.health().is_err(), "a write that succeeds does not make room");

    journal.shared.space.use_up(0);
    assert_eq!(journal.health(), Ok(()));
    assert_eq!(journal.accept(callback("refused", 10)).await.unwrap().stored, 1, "what was refused is not known");
}

#[tokio::test]
async fn what_is_purged_counts_as_room() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let reserve = 4 << 20;
    let journal = SqliteJournal::open(&path, Options { free_space: reserve, ..Options::default() }, Arc::new(Still)).unwrap();
    for purged in [false, true] {
        let sql =
            if purged { "DROP TABLE ballast" } else { "CREATE TABLE ballast (a BLOB); INSERT INTO ballast VALUES (zeroblob(4000000))" };
        journal.write(Do(move |batch: &mut Batch<'_>| Ok(batch.conn.execute_batch(sql)?))).await.unwrap();
        // Half of the reserve is left.
        journal.shared.space.use_up(crate::space::free(&path).unwrap() - reserve / 2);
        assert_eq!(journal.accept(callback(&format!("{purged}"), 10)).await.is_ok(), purged);
    }
}

#[tokio::test]
async fn damage_stops_the_acks_until_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(&directory);
    assert!(matches!(journal.write(failing(ffi::SQLITE_CORRUPT)).await, Err(JournalError::Damaged(_))));
    // Other pages may still be sound, and other writes succeed.
    journal.register_plugins(vec!["erp".into()]).await.unwrap();
    let Err(JournalError::Damaged(text)) = journal.accept(callback("a", 10)).await else { panic!("it was taken") };
    assert!(text.contains("mortar check --journal") && text.contains("mortar restore"), "{text}");
    assert!(journal.health().is_err());
    drop(journal);
    assert_eq!(open(&directory).accept(callback("a", 10)).await.unwrap().stored, 1);
}

#[tokio::test]
async fn a_failed_batch_leaves_no_trace() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(&directory);
    journal.accept(callback("before", 10)).await.unwrap();
    // The failing one stands in line behind an accept: in one batch or not, only itself is harmed
    // or both are, and never is anything half done.
    for code in [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_FULL] {
        let id = format!("beside {code}");
        let beside = journal.accept(callback(&id, 10));
        let failing = journal.write(failing(code));
        let beside = beside.await;
        assert!(matches!(failing.await, Err(JournalError::Storage(_))));
        let again = journal.accept(callback(&id, 10)).await.unwrap();
        assert_eq!(again.stored, usize::from(beside.is_err()), "a connection works again, and knows what was stored");
    }
    assert_eq!(claimed(&journal).await.len(), 3);
    let counts = journal.counts().await.unwrap();
    assert_eq!(counts.events, 3);
}

#[tokio::test]
async fn a_poisonous_request_harms_only_itself() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(&directory);
    // It writes before it fails, and holds the batch up until all others stand in line behind it.
    let (ready, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let poison = Do(move |batch: &mut Batch<'_>| {
        let _ = gate.lock().unwrap().recv();
        batch.conn.execute("INSERT INTO plugins (no, name) VALUES (77, 'half done')", [])?;
        batch.conn.execute("INSERT INTO plugins (no, name) VALUES (77, 'twice')", [])?;
        Ok(())
    });
    let first = journal.accept(callback("first", 10));
    let poison = journal.write(poison);
    let others: Vec<_> = (0..20).map(|n| journal.accept(callback(&format!("{n}"), 10))).collect();
    drop(ready);
    assert!(first.await.is_ok());
    assert!(matches!(poison.await, Err(JournalError::Storage(_))));
    for other in others {
        assert_eq!(other.await.unwrap().stored, 1);
    }
    let left = Do(|batch: &mut Batch<'_>| Ok(batch.conn.query_row("SELECT count(*) FROM plugins", [], |row| row.get::<_, i64>(0))?));
    assert_eq!(journal.write(left).await, Ok(0));
    assert_eq!(journal.counts().await.unwrap().events, 21);
    assert!(journal.health().is_ok(), "the disk is not to blame");
}
