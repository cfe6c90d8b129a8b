use std::path::Path;

use super::*;
use crate::terms::follow::Follower;

/// A journal of events, each of the order of its place.
fn journal(path: &Path, events: std::ops::Range<i64>) -> Connection {
    let conn = Connection::open(path).unwrap();
    conn.execute_batch(
        "CREATE TABLE IF NOT EXISTS types (no INTEGER PRIMARY KEY, name TEXT); INSERT OR IGNORE INTO types VALUES (1, 'order.packed');
         CREATE TABLE IF NOT EXISTS packs (id INTEGER PRIMARY KEY, bytes BLOB);
         CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, event_id TEXT, type INTEGER, subject TEXT, pack INTEGER, start INTEGER,
             length INTEGER);",
    )
    .unwrap();
    conn.execute_batch("BEGIN").unwrap();
    for seq in events {
        let record = format!(r#"{{"sku": "{}"}}"#, if seq % 2 == 0 { "EVEN" } else { "ODD" });
        conn.execute("INSERT INTO packs VALUES (?, ?)", (seq, record.as_bytes())).unwrap();
        let length = i64::try_from(record.len()).unwrap();
        conn.execute("INSERT INTO events VALUES (?, ?, 1, ?, ?, 0, ?)", (seq, format!("id-{seq}"), format!("order:{seq}"), seq, length))
            .unwrap();
    }
    conn.execute_batch("COMMIT").unwrap();
    conn
}

fn followed(path: &Path, run: u64) -> (Arc<Terms>, Follower) {
    let (terms, follower) = open(path, Connection::open(path).unwrap()).unwrap();
    let mut follower = follower.with_runs_of(run);
    while follower.step().unwrap() > 0 {}
    (terms, follower)
}

fn found(terms: &Terms, term: &str, between: Between, most: usize) -> Vec<EventSeq> {
    terms.find(&[terms.term(term)], between, most).unwrap()
}

const ALL: Between = Between { above: 0, below: EventSeq::MAX, oldest_first: false };

#[test]
fn what_is_in_memory_and_what_is_in_runs_is_found_as_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let conn = journal(&path, 1..1201);
    // 500 events are noted at a time.
    let (terms, mut follower) = followed(&path, 400);
    assert_eq!(terms.known().runs.len(), 2);
    assert!(!terms.known().recent.is_empty());
    assert_eq!(found(&terms, "even", ALL, 3), [1200, 1198, 1196]);
    assert_eq!(found(&terms, "even", Between { below: 7, ..ALL }, 10), [6, 4, 2]);
    assert_eq!(found(&terms, "odd", Between { above: 996, oldest_first: true, ..ALL }, 4), [997, 999, 1001, 1003]);
    assert_eq!(found(&terms, "odd", ALL, 1000).len(), 600);
    assert_eq!(terms.find(&[terms.event_type("order.packed")], ALL, 2).unwrap(), [1200, 1199]);
    assert_eq!(found(&terms, "777", ALL, 9), [777]);
    assert!(found(&terms, "order.packed", ALL, 9).is_empty());
    drop(conn);
    journal(&path, 1201..1202);
    follower.step().unwrap();
    assert_eq!(found(&terms, "odd", ALL, 1), [1201]);
}

#[test]
fn what_was_written_is_found_after_a_restart_without_reading_it_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    journal(&path, 1..801);
    drop(followed(&path, 400));
    let (terms, follower) = open(&path, Connection::open(&path).unwrap()).unwrap();
    assert_eq!(terms.next(), 501);
    assert_eq!(found(&terms, "even", ALL, 2), [500, 498]);
    drop(follower);
}

#[test]
fn a_journal_that_was_put_back_is_noted_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    journal(&path, 1..1001);
    drop(followed(&path, 400));
    let conn = journal(&path, 0..0);
    conn.execute_batch(
        "DELETE FROM events WHERE seq > 700; UPDATE events SET event_id = 'another' WHERE seq = 500; DELETE FROM packs WHERE id > 700",
    )
    .unwrap();
    let (terms, follower) = open(&path, Connection::open(&path).unwrap()).unwrap();
    assert_eq!(terms.next(), 0);
    drop(follower);
    let (terms, _) = followed(&path, 10_000);
    assert_eq!(found(&terms, "even", ALL, 1), [700]);
}

#[test]
fn runs_of_purged_events_go_and_a_file_of_something_else_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    std::fs::write(file::path(&path), b"not a database at all, but long enough to look at").unwrap();
    let conn = journal(&path, 1..1001);
    let (terms, mut follower) = followed(&path, 400);
    conn.execute("DELETE FROM events WHERE seq < 600", []).unwrap();
    drop(conn);
    journal(&path, 1001..1501);
    follower.step().unwrap();
    assert_eq!(terms.known().runs.iter().map(|run| run.first).collect::<Vec<_>>(), [501, 1001]);
}
