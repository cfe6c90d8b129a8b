//! What is stored of some subjects.
//!
//! Events have no index by subject: it would cost every callback, and only polls ask so. In its
//! place the first question goes through the events once and notes where those of each subject are;
//! a later one goes on from there.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;
use std::ops::Range;

use mortar_core::delivery::EventSeq;
use mortar_core::masonhub::fact::{self, Known};
use mortar_core::ports::{JournalError, KnownEvents};
use rusqlite::{Connection, OptionalExtension, Row};

use super::Packs;
use crate::fault::reading;
use crate::key::time;

/// Places that are looked at in one read: none holds the write-ahead log for longer.
const STEP: usize = 20_000;

/// Events whose place is noted, the newest: 16 bytes each. Older ones are read each time.
const NOTED: u64 = 4_000_000;

/// Where the events of each subject are.
pub(crate) struct Subjects {
    hash: RandomState,
    most: u64,
    /// Hash of source and subject, and place, in this order. Events that were purged may be among
    /// them.
    places: Vec<(u64, EventSeq)>,
    /// All events from here on are noted,
    from: EventSeq,
    /// to here.
    next: EventSeq,
}

impl Default for Subjects {
    fn default() -> Self {
        Self { hash: RandomState::new(), most: NOTED, places: Vec::new(), from: 0, next: 0 }
    }
}

/// An event that is asked for, and where its record is.
struct Found {
    subject: String,
    event_type: i64,
    as_of: Option<i64>,
    pack: i64,
    start: usize,
    length: usize,
}

const FOUND: &str = "SELECT seq, source, subject, type, as_of, pack, start, length FROM events";

/// The events of these subjects, oldest first.
pub(crate) fn known(
    conn: &Connection,
    noted: &mut Subjects,
    source: &str,
    subjects: &BTreeSet<String>,
) -> Result<KnownEvents, JournalError> {
    reading(|| {
        let number = conn.prepare_cached("SELECT no FROM sources WHERE name = ?")?.query_row([source], |row| row.get(0)).optional()?;
        let ends = conn.prepare_cached("SELECT min(seq), max(seq) FROM events")?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (Some(first), Some(last)): (Option<i64>, Option<i64>) = ends else { return Ok(KnownEvents::default()) };
        let (first, next) = (first.cast_unsigned(), last.cast_unsigned() + 1);
        noted.catch_up(conn, first, next)?;
        // A source that nobody knows has no events, wherever others have theirs.
        let Some(number) = number else { return Ok(KnownEvents { next, ..KnownEvents::default() }) };
        let mut found = Vec::new();
        for stretch in stretches(first, noted.from) {
            older(conn, number, subjects, stretch, &mut found)?;
        }
        noted.newer(conn, number, subjects, &mut found)?;
        let by_subject = found.into_iter().fold(BTreeMap::<String, Vec<Found>>::new(), |mut by_subject, found| {
            by_subject.entry(found.subject.clone()).or_default().push(found);
            by_subject
        });
        let mut known = KnownEvents { next, ..KnownEvents::default() };
        let mut packs = Packs::default();
        for (subject, mut events) in by_subject {
            if fact::only_newest_counts(&subject) {
                let newest = events.iter().enumerate().max_by_key(|(_, found)| found.as_of).map(|(at, _)| at);
                events = newest.map(|at| events.swap_remove(at)).into_iter().collect();
            }
            let read = events.into_iter().map(|found| found.read(conn, &mut packs)).collect::<Result<_, _>>()?;
            known.by_subject.insert(subject, read);
        }
        Ok(known)
    })
}

impl Subjects {
    /// Notes the events that have come since the last time, and forgets those that are gone.
    fn catch_up(&mut self, conn: &Connection, first: EventSeq, end: EventSeq) -> rusqlite::Result<()> {
        let from = first.max(end.saturating_sub(self.most)).max(self.from);
        if from > self.from {
            self.from = from;
            self.places.retain(|(_, seq)| *seq >= from);
        }
        self.next = self.next.max(self.from);
        let before = self.places.len();
        let mut events = conn.prepare_cached("SELECT seq, source, subject FROM events WHERE seq >= ? AND seq < ?")?;
        for stretch in stretches(self.next, end) {
            let mut rows = events.query((stretch.start.cast_signed(), stretch.end.cast_signed()))?;
            while let Some(row) = rows.next()? {
                let hash = self.hash.hash_one((row.get::<_, i64>(1)?, row.get_ref(2)?.as_str().unwrap_or_default()));
                self.places.push((hash, row.get::<_, i64>(0)?.cast_unsigned()));
            }
            self.next = stretch.end;
        }
        if self.places.len() > before {
            // What was there is in order already, which makes this cheap.
            self.places.sort();
        }
        Ok(())
    }

    /// The noted events of these subjects.
    fn newer(&self, conn: &Connection, source: i64, subjects: &BTreeSet<String>, found: &mut Vec<Found>) -> rusqlite::Result<()> {
        let mut event = conn.prepare_cached(&format!("{FOUND} WHERE seq = ?"))?;
        for subject in subjects {
            let hash = self.hash.hash_one((source, subject.as_str()));
            let from = self.places.partition_point(|place| *place < (hash, 0));
            for (_, seq) in self.places[from..].iter().take_while(|place| place.0 == hash) {
                // One that was purged since is not there, and another subject may have the same hash.
                let row = event.query_row([seq.cast_signed()], |row| Found::of(row, source, subjects)).optional()?;
                found.extend(row.flatten());
            }
        }
        Ok(())
    }
}

/// Stretches that are short enough for one read.
fn stretches(from: EventSeq, end: EventSeq) -> impl Iterator<Item = Range<EventSeq>> {
    (from..end).step_by(STEP).map(move |from| from..end.min(from + STEP as EventSeq))
}

/// The events of these subjects in a stretch that is not noted.
fn older(
    conn: &Connection,
    source: i64,
    subjects: &BTreeSet<String>,
    stretch: Range<EventSeq>,
    found: &mut Vec<Found>,
) -> rusqlite::Result<()> {
    let mut events = conn.prepare_cached(&format!("{FOUND} WHERE seq >= ? AND seq < ? ORDER BY seq"))?;
    let mut rows = events.query((stretch.start.cast_signed(), stretch.end.cast_signed()))?;
    while let Some(row) = rows.next()? {
        found.extend(Found::of(row, source, subjects)?);
    }
    Ok(())
}

impl Found {
    /// The event of a row, where it is asked for. Few are: the others are not even copied.
    fn of(row: &Row<'_>, source: i64, subjects: &BTreeSet<String>) -> rusqlite::Result<Option<Self>> {
        let subject = row.get_ref(2)?.as_str().unwrap_or_default();
        if row.get::<_, i64>(1)? != source || !subjects.contains(subject) {
            return Ok(None);
        }
        Ok(Some(Self {
            subject: subject.to_owned(),
            event_type: row.get(3)?,
            as_of: row.get(4)?,
            pack: row.get(5)?,
            start: row.get::<_, u32>(6)? as usize,
            length: row.get::<_, u32>(7)? as usize,
        }))
    }

    fn read(self, conn: &Connection, packs: &mut Packs) -> rusqlite::Result<Known> {
        let mut event_type = conn.prepare_cached("SELECT name FROM types WHERE no = ?")?;
        let event_type = event_type.query_row([self.event_type], |row| row.get(0))?;
        let pack = packs.get(conn, self.pack)?;
        let payload = pack.get(self.start..self.start + self.length).map(bytes::Bytes::copy_from_slice).unwrap_or_default();
        Ok(Known { event_type, as_of: self.as_of.map(time), payload })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events of the subjects `a` and `b` by turns.
    fn events(count: i64) -> Connection {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(
            "CREATE TABLE sources (no INTEGER PRIMARY KEY, name TEXT); INSERT INTO sources VALUES (1, 'masonhub');
             CREATE TABLE types (no INTEGER PRIMARY KEY, name TEXT); INSERT INTO types VALUES (1, 'order.fulfilled');
             CREATE TABLE packs (id INTEGER PRIMARY KEY, bytes BLOB);
             CREATE TABLE events (seq INTEGER PRIMARY KEY, source INTEGER, subject TEXT, type INTEGER, as_of INTEGER, pack INTEGER,
                 start INTEGER, length INTEGER);",
        )
        .unwrap();
        add(&conn, 0..count);
        conn
    }

    fn add(conn: &Connection, seqs: Range<i64>) {
        for seq in seqs {
            let subject = if seq % 2 == 0 { "a" } else { "b" };
            conn.execute("INSERT INTO packs VALUES (?, ?)", (seq, seq.to_string().into_bytes())).unwrap();
            let length = i64::try_from(seq.to_string().len()).unwrap();
            conn.execute("INSERT INTO events VALUES (?, 1, ?, 1, NULL, ?, 0, ?)", (seq, subject, seq, length)).unwrap();
        }
    }

    fn told(conn: &Connection, noted: &mut Subjects, subject: &str) -> Vec<String> {
        let known = known(conn, noted, "masonhub", &[subject.to_owned()].into()).unwrap();
        let events = known.by_subject.get(subject).into_iter().flatten();
        events.map(|event| String::from_utf8_lossy(&event.payload).into_owned()).collect()
    }

    #[test]
    fn what_is_noted_and_what_is_older_is_found_as_one() {
        for most in [0, 3, 100] {
            let (conn, mut noted) = (events(10), Subjects { most, ..Subjects::default() });
            assert_eq!(told(&conn, &mut noted, "a"), ["0", "2", "4", "6", "8"], "{most}");
            add(&conn, 10..13);
            assert_eq!(told(&conn, &mut noted, "b"), ["1", "3", "5", "7", "9", "11"], "{most}");
            conn.execute("DELETE FROM events WHERE seq < 6 OR seq = 7", []).unwrap();
            assert_eq!(told(&conn, &mut noted, "b"), ["9", "11"], "{most}");
            assert!(noted.places.len() as u64 <= most.max(8), "{most}: {}", noted.places.len());
        }
    }

    #[test]
    fn a_source_that_nobody_knows_has_none() {
        let (conn, mut noted) = (events(4), Subjects::default());
        let known = known(&conn, &mut noted, "other", &["a".to_owned()].into()).unwrap();
        assert_eq!((known.next, known.by_subject.len()), (4, 0));
    }
}
