//! What is stored of some subjects.

use std::collections::BTreeSet;

use mortar_core::delivery::EventSeq;
use mortar_core::masonhub::fact::Known;
use mortar_core::ports::{JournalError, KnownEvents};
use rusqlite::{Connection, OptionalExtension};

use super::Packs;
use crate::fault::reading;
use crate::key::time;

/// Events that are looked at in one read: none holds the write-ahead log for longer.
const STEP: i64 = 20_000;

/// An event that is asked for, and where its record is.
struct Found {
    subject: String,
    event_type: String,
    as_of: Option<i64>,
    pack: i64,
    start: usize,
    length: usize,
}

/// Looks through all events, oldest first.
pub(crate) fn known(conn: &Connection, source: &str, subjects: &BTreeSet<String>) -> Result<KnownEvents, JournalError> {
    reading(|| {
        let mut known = KnownEvents::default();
        let number = conn.prepare_cached("SELECT no FROM sources WHERE name = ?")?.query_row([source], |row| row.get(0)).optional()?;
        // A source that nobody knows has no events, wherever others have theirs.
        let last: Option<i64> = conn.prepare_cached("SELECT max(seq) FROM events")?.query_row([], |row| row.get(0))?;
        known.next = last.map_or(0, |last| last.cast_unsigned() + 1);
        let Some(number) = number else { return Ok(known) };
        let (mut from, mut packs) = (0, Packs::default());
        while from < known.next {
            let (found, next) = step(conn, number, subjects, from, known.next)?;
            for Found { subject, event_type, as_of, pack, start, length } in found {
                let payload = packs.get(conn, pack)?.get(start..start + length).map(bytes::Bytes::copy_from_slice).unwrap_or_default();
                known.by_subject.entry(subject).or_default().push(Known { event_type, as_of: as_of.map(time), payload });
            }
            from = next;
        }
        Ok(known)
    })
}

/// What is asked for in the next stretch, and where the one after it begins.
fn step(
    conn: &Connection,
    source: i64,
    subjects: &BTreeSet<String>,
    from: EventSeq,
    end: EventSeq,
) -> rusqlite::Result<(Vec<Found>, EventSeq)> {
    let mut events = conn.prepare_cached(
        "SELECT e.seq, e.source, e.subject, e.type, e.as_of, e.pack, e.start, e.length FROM events e WHERE e.seq >= ? AND e.seq < ?
         ORDER BY e.seq LIMIT ?",
    )?;
    let mut event_type = conn.prepare_cached("SELECT name FROM types WHERE no = ?")?;
    let mut rows = events.query((from.cast_signed(), end.cast_signed(), STEP))?;
    let (mut found, mut next, mut seen) = (Vec::new(), end, 0);
    while let Some(row) = rows.next()? {
        seen += 1;
        if seen == STEP {
            next = row.get::<_, i64>(0)?.cast_unsigned() + 1;
        }
        // Few are asked for: the others are not even copied.
        let subject = row.get_ref(2)?.as_str().unwrap_or_default();
        if row.get::<_, i64>(1)? != source || !subjects.contains(subject) {
            continue;
        }
        found.push(Found {
            subject: subject.to_owned(),
            event_type: event_type.query_row([row.get::<_, i64>(3)?], |row| row.get(0))?,
            as_of: row.get(4)?,
            pack: row.get(5)?,
            start: row.get::<_, u32>(6)? as usize,
            length: row.get::<_, u32>(7)? as usize,
        });
    }
    Ok((found, next))
}
