//! Rows of the file, as the project's words.

use std::ops::Range;

use jiff::Timestamp;
use mortar_core::call::{Request, Response};
use mortar_core::delivery::{EventSeq, Gap, State};
use mortar_core::story::{Attempt, Call, DeliverySummary, Fate};
use rusqlite::Error::FromSqlConversionFailure;
use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row};
use serde::de::DeserializeOwned;

use crate::key::{self, DeliveryKey, all_in, delivery_id, part};
use crate::queue::line;

/// An event with its names.
pub(super) struct EventRow {
    pub(super) seq: EventSeq,
    pub(super) id: String,
    pub(super) event_type: String,
    pub(super) subject: String,
    pub(super) source: String,
    pub(super) received_at: Timestamp,
    pub(super) as_of: Option<Timestamp>,
    pub(super) pack: i64,
    /// Where the record is in the pack.
    pub(super) record: Range<usize>,
    /// The first event of its callback.
    pub(super) callback: i64,
}

/// What [`EventRow::read`] reads.
pub(super) const EVENT: &str =
    "SELECT e.seq, e.event_id, t.name, e.subject, s.name, e.received_at, e.as_of, e.pack, e.start, e.length, e.callback
    FROM events e LEFT JOIN types t ON t.no = e.type LEFT JOIN sources s ON s.no = e.source ";

impl EventRow {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let start = row.get::<_, u32>(8)? as usize;
        Ok(Self {
            seq: number(row, 0)?,
            id: row.get(1)?,
            event_type: row.get(2)?,
            subject: row.get(3)?,
            source: row.get(4)?,
            received_at: time(row, 5)?,
            as_of: time_or_none(row, 6)?,
            pack: row.get(7)?,
            record: start..start + row.get::<_, u32>(9)? as usize,
            callback: row.get(10)?,
        })
    }
}

/// One event.
pub(super) fn event(conn: &Connection, seq: EventSeq) -> rusqlite::Result<Option<EventRow>> {
    let mut event = conn.prepare_cached(&format!("{EVENT} WHERE e.seq = ?"))?;
    event.query_row([seq.cast_signed()], EventRow::read).optional()
}

/// A delivery, as the file has it.
pub(super) struct DeliveryRow {
    pub(super) key: DeliveryKey,
    pub(super) summary: DeliverySummary,
    /// Of a dead count: its line and its time.
    pub(super) count: Option<(u64, i64)>,
}

/// The deliveries of an event, as the file has them: none is running there.
pub(super) fn deliveries(conn: &Connection, seq: EventSeq) -> rusqlite::Result<Vec<DeliveryRow>> {
    let mut deliveries = conn.prepare_cached(
        "SELECT d.id, p.name, d.state, d.attempts, d.at, d.code, d.reason, d.gap, CASE WHEN d.state IN (0, 2) THEN (
             SELECT min(g.id) FROM deliveries g INDEXED BY gaps
             WHERE g.gap = 1 AND g.subject = d.subject AND g.id & 1023 = d.id & 1023 AND g.id < d.id) END,
             CASE d.state WHEN 6 THEN (SELECT count(*) FROM calls c WHERE c.id BETWEEN d.id << 10 AND d.id << 10 | 1023 AND c.fate = 0) ELSE 0 END,
             d.state = 6 AND d.as_of IS NOT NULL AND EXISTS (SELECT 1 FROM newest n
                 WHERE n.plugin = d.id & 1023 AND n.subject = d.subject AND (n.as_of, n.delivery) > (d.as_of, d.id)),
             CASE d.state WHEN 6 THEN d.as_of END, d.subject
         FROM deliveries d LEFT JOIN plugins p ON p.no = (d.id & 1023) WHERE d.id BETWEEN ? AND ? ORDER BY d.id",
    )?;
    let deliveries = deliveries.query_map(all_in(seq.cast_signed()), |row| {
        let key = row.get(0)?;
        let summary = DeliverySummary {
            id: delivery_id(key),
            plugin: row.get(1)?,
            state: state(row, 2)?,
            attempts: row.get(3)?,
            at: time(row, 4)?,
            code: row.get(5)?,
            reason: row.get(6)?,
            gap: gap(row, 7)?,
            held_by: row.get::<_, Option<DeliveryKey>>(8)?.map(delivery_id),
            parked: false,
            in_doubt: row.get(9)?,
            outdated: row.get(10)?,
        };
        let as_of: Option<i64> = row.get(11)?;
        let line = line(row.get(12)?, summary.id.plugin);
        Ok(DeliveryRow { key, summary, count: as_of.map(|as_of| (line, as_of)) })
    })?;
    deliveries.collect()
}

/// The state of a stored number.
pub(super) fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<State> {
    key::state(row.get(column)?).ok_or_else(|| odd(column, "not a state"))
}

fn gap(row: &Row<'_>, column: usize) -> rusqlite::Result<Gap> {
    match row.get(column)? {
        None => Ok(Gap::Skip),
        Some(1) => Ok(Gap::Hold),
        Some(2) => Ok(Gap::Supersede),
        Some(_) => Err(odd(column, "not a gap")),
    }
}

/// A stored time.
pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_microsecond(row.get(column)?).map_err(|_| odd(column, "not a time"))
}

/// A stored time that may be absent.
pub(super) fn time_or_none(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    if row.get_ref(column)? == ValueRef::Null { Ok(None) } else { time(row, column).map(Some) }
}

/// A place or a size.
pub(super) fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    u64::try_from(row.get::<_, i64>(column)?).map_err(|_| odd(column, "less than nothing"))
}

/// A number that stands for nothing.
fn odd(column: usize, what: &str) -> rusqlite::Error {
    FromSqlConversionFailure(column, Type::Integer, what.into())
}

/// The journaled calls of a delivery, by ordinal.
pub(super) fn calls(conn: &Connection, delivery: DeliveryKey) -> rusqlite::Result<Vec<Call>> {
    let mut calls = conn.prepare_cached(
        "SELECT id, step, attempt, connection, method, path, headers, body, sent_at,
             fate, lost, answered_at, status, response_headers, response_body, settled_by
         FROM calls WHERE id BETWEEN ? AND ? ORDER BY id",
    )?;
    let calls = calls.query_map(all_in(delivery), |row| {
        Ok(Call {
            ordinal: part(row.get(0)?) as u16,
            step: row.get(1)?,
            attempt: row.get(2)?,
            request: Request { connection: row.get(3)?, method: row.get(4)?, path: row.get(5)?, headers: json(row, 6)?, body: row.get(7)? },
            sent_at: time(row, 8)?,
            fate: fate(row)?,
        })
    })?;
    calls.collect()
}

fn fate(row: &Row<'_>) -> rusqlite::Result<Fate> {
    Ok(match row.get::<_, u8>(9)? {
        0 => Fate::Intended { lost: row.get(10)? },
        1 => Fate::Unsent,
        2 => Fate::Answered {
            at: time(row, 11)?,
            response: Response { status: row.get(12)?, headers: json(row, 13)?, body: row.get(14)? },
            settled_by: row.get(15)?,
        },
        _ => return Err(odd(9, "not a fate")),
    })
}

/// The attempts of a delivery, oldest first.
pub(super) fn attempts(conn: &Connection, delivery: DeliveryKey) -> rusqlite::Result<Vec<Attempt>> {
    let mut attempts = conn.prepare_cached(
        "SELECT a.number, a.started_at, a.ended_at, c.name, a.ending, a.code, a.reason, a.trace, a.log
         FROM attempts a LEFT JOIN components c ON c.no = a.component WHERE a.id BETWEEN ? AND ? ORDER BY a.id",
    )?;
    let attempts = attempts.query_map(all_in(delivery), |row| {
        Ok(Attempt {
            number: row.get(0)?,
            started_at: time(row, 1)?,
            ended_at: time(row, 2)?,
            digest: row.get(3)?,
            ending: row.get(4)?,
            code: row.get(5)?,
            reason: row.get(6)?,
            trace: json(row, 7)?,
            log: json(row, 8)?,
        })
    })?;
    attempts.collect()
}

/// A list that is stored as JSON; empty where there is nothing.
pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<T>> {
    let Some(text) = row.get_ref(column)?.as_str_or_null()? else { return Ok(Vec::new()) };
    serde_json::from_str(text).map_err(|error| FromSqlConversionFailure(column, Type::Text, error.into()))
}
