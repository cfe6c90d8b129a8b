#![allow(clippy::unwrap_used)]

use std::sync::{Arc, RwLock};

use rusqlite::Connection;

use super::{Ids, Index, Probe, Sealed, Sealer, Written};
use crate::key::{HashKeys, IdKey};

fn keys() -> HashKeys {
    HashKeys::new(std::array::from_fn(|i| i as u8))
}

fn key(n: u64) -> IdKey {
    keys().id("masonhub", &format!("m{n}:0"))
}

fn file() -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch(include_str!("../../migrations/0001_journal.sql")).unwrap();
    conn
}

/// Ids `first..first + count` with their numbers as places.
fn ids(first: u64, count: u64) -> impl Iterator<Item = (IdKey, u64)> {
    (first..first + count).map(|n| (key(n), n))
}

fn write(conn: &Connection, sealed: &Sealed) {
    sealed.write(conn, 0..sealed.blocks()).unwrap();
    sealed.complete(conn).unwrap();
}

#[test]
fn a_run_finds_its_ids_and_no_others() {
    let conn = file();
    for (id, count) in [(1, 0), (2, 1), (3, 5000)] {
        let sealed = Sealed::build(id, ids(100, count), 7);
        write(&conn, &sealed);
        for n in 100..100 + count {
            assert!(sealed.run.may_have(key(n)));
            assert_eq!(sealed.run.find(&conn, key(n)).unwrap(), Some(n));
        }
        for n in 100 + count..300 + count {
            assert_eq!(sealed.run.find(&conn, key(n)).unwrap(), None);
        }
    }
}

#[test]
fn a_run_reads_back_as_it_was_written() {
    let conn = file();
    write(&conn, &Sealed::build(1, ids(10, 1000), 42));
    write(&conn, &Sealed::build(2, ids(1010, 500), 43));
    let runs = super::Run::load_all(&conn).unwrap();
    assert_eq!(
        runs.iter().map(|run| (run.id, run.first, run.last, run.newest)).collect::<Vec<_>>(),
        [(1, 10, 1009, 42), (2, 1010, 1509, 43)]
    );
    assert!((10..1010).all(|n| runs[0].find(&conn, key(n)).unwrap() == Some(n)));
    runs[0].delete(&conn).unwrap();
    assert_eq!(runs[0].find(&conn, key(10)).unwrap(), None);
    assert_eq!(runs[1].find(&conn, key(1010)).unwrap(), Some(1010), "the other run is untouched");
    assert_eq!(super::Run::load_all(&conn).unwrap().len(), 1);
}

#[test]
fn a_damaged_filter_is_an_error() {
    let conn = file();
    write(&conn, &Sealed::build(1, ids(0, 100), 0));
    conn.execute("UPDATE id_runs SET filter = x'0102'", []).unwrap();
    assert!(super::Run::load_all(&conn).is_err());
}

/// It would deny ids that it had, and their events would be stored twice.
#[test]
fn a_damaged_block_is_an_error() {
    let conn = file();
    let sealed = Sealed::build(1, ids(10, 60), 0);
    let unsorted = "CAST(substr(records, 21) || substr(records, 1, 20) AS BLOB)";
    let of_an_event_elsewhere = "CAST(substr(records, 1, 16) || x'ffffffff' || substr(records, 21) AS BLOB)";
    for damage in ["x'00'", unsorted, of_an_event_elsewhere] {
        conn.execute_batch("DELETE FROM id_runs; DELETE FROM id_blocks").unwrap();
        write(&conn, &sealed);
        conn.execute(&format!("UPDATE id_blocks SET records = {damage}"), []).unwrap();
        assert!((10..70).any(|n| sealed.run.find(&conn, key(n)).is_err()), "{damage}");
    }
}

#[test]
fn a_run_that_no_journal_can_have_is_an_error() {
    let conn = file();
    for damage in ["id = -1", "id = 9223372036854775807", "first_seq = -1", "last_seq = 9", "blocks = 0", "blocks = 16777217"] {
        conn.execute_batch("DELETE FROM id_runs; DELETE FROM id_blocks").unwrap();
        write(&conn, &Sealed::build(1, ids(10, 60), 0));
        conn.execute(&format!("UPDATE id_runs SET {damage}"), []).unwrap();
        assert!(super::Run::load_all(&conn).is_err(), "{damage}");
    }
}

#[test]
fn the_filter_errs_rarely() {
    let sealed = Sealed::build(1, ids(0, 50_000), 0);
    let wrong = (50_000..150_000).filter(|n| sealed.run.may_have(key(*n))).count();
    assert!(wrong < 400, "{wrong} of 100,000 ids that are new cost a look into the file");
}

#[test]
fn an_id_in_a_run_takes_two_bytes_of_memory() {
    let run = Arc::new(Sealed::build(1, ids(0, 100_000), 0).run);
    let index = Index { recent: Ids::default(), sealing: None, runs: vec![run] };
    assert!(index.memory() < 201_000, "{}", index.memory());
}

#[test]
fn the_map_of_recent_ids_is_nearly_full_when_it_is_sealed() {
    let ids_per_run = crate::Options::default().ids_per_run;
    let mut recent = Ids::default();
    recent.extend((0..ids_per_run as u64 + 1024).map(|n| (key(n), n)));
    let index = Index { recent, sealing: None, runs: Vec::new() };
    assert!(index.memory() < ids_per_run * 30, "{} bytes an id", index.memory() / ids_per_run);
}

#[test]
fn a_map_becomes_a_run_batch_by_batch() {
    let conn = file();
    let index = Arc::new(RwLock::new(Index::default()));
    let mut sealer = Sealer::new(index.clone(), 5000, 1);
    let known = |n| matches!(index.read().unwrap().probe(key(n)), Probe::Known(found) if found == n);
    let found = |n| {
        let probe = index.read().unwrap().probe(key(n));
        probe.settle(&conn, key(n)).unwrap() == Some(n)
    };
    sealer.add(ids(0, 5000).collect());
    sealer.start(9).unwrap();
    assert!(sealer.is_busy());
    sealer.add(ids(5000, 100).collect());
    let mut batches = 0;
    while sealer.is_busy() {
        sealer.advance();
        assert!(known(4999) && known(5099), "while a run is written, memory knows its ids");
        let Some(part) = sealer.ride_along(&conn).unwrap() else {
            std::thread::yield_now();
            continue;
        };
        if batches == 1 {
            // This batch is not committed: the next one writes the same blocks again.
            assert!(matches!(part, Written::Blocks(_)));
            batches += 1;
            continue;
        }
        batches += 1;
        let last = sealer.publish(part);
        assert_eq!(last.is_some(), !sealer.is_busy());
    }
    assert!(batches > 3, "a batch writes a few blocks only");
    assert!(!known(4999) && known(5099));
    assert!((0..5100).all(found));
    assert!(!found(5100));

    let whole = sealer.whole(&conn, 10).unwrap();
    assert_eq!(sealer.publish(whole), Some(5099));
    assert!(!known(5099) && found(5099));
}
