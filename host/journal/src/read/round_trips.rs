//! What is known of round trips.

use std::sync::Arc;

use jiff::Timestamp;
use mortar_core::delivery::DeliveryId;
use mortar_core::ports::{DueRoundTrip, JournalError, RoundTripCount};
use mortar_core::round_trip::RoundTripState;
use mortar_core::story::{RoundTrip, RoundTripSummary};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row};

use super::rows::{json, number, time};
use super::{Packs, stored_event};
use crate::fault::reading;
use crate::key::{self, DeliveryKey, delivery_id, delivery_key, event_of, micros, nested};
use crate::writer::TakenDue;

/// Completes round trips that were taken with their events.
pub(crate) fn due(conn: &Connection, taken: Vec<TakenDue>) -> Result<Vec<DueRoundTrip>, JournalError> {
    let mut packs = Packs::default();
    reading(|| {
        let due = taken.into_iter().filter_map(|TakenDue { key, spent, since }| {
            let event = stored_event(conn, &mut packs, event_of(key)).transpose()?;
            Some(event.map(|event| DueRoundTrip { delivery: delivery_id(key), event: Arc::new(event), spent, since: key::time(since) }))
        });
        due.collect()
    })
}

const COLUMNS: &str = "r.state, r.at, r.looks, r.reason, r.expected, r.found, r.log";

fn read(row: &Row<'_>) -> rusqlite::Result<RoundTrip> {
    Ok(RoundTrip {
        state: state(row, 0)?,
        at: time(row, 1)?,
        looks: row.get(2)?,
        reason: row.get(3)?,
        expected: row.get(4)?,
        found: row.get(5)?,
        log: json(row, 6)?,
    })
}

fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<RoundTripState> {
    let state = RoundTripState::ALL.get(usize::from(row.get::<_, u8>(column)?)).copied();
    state.ok_or_else(|| rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, "not a state of a round trip".into()))
}

/// The round trip of a delivery.
pub(super) fn round_trip(conn: &Connection, delivery: DeliveryKey) -> rusqlite::Result<Option<RoundTrip>> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM round_trips r WHERE r.id = ?"))?.query_row([delivery], read).optional()
}

/// The latest round trips in a state.
pub(crate) fn round_trips(
    conn: &Connection,
    state: RoundTripState,
    before: Option<DeliveryId>,
    limit: usize,
) -> Result<Vec<RoundTripSummary>, JournalError> {
    let before = before.map_or(Some(i64::MAX), delivery_key).unwrap_or(i64::MAX);
    reading(|| {
        // The state is written out: only so is it plain to SQLite where the index has all rows.
        let mut rows = conn.prepare_cached(&format!(
            "SELECT {COLUMNS}, r.id, e.event_id, e.subject, p.name
             FROM round_trips r LEFT JOIN events e ON e.seq = r.id >> 10 LEFT JOIN plugins p ON p.no = r.id & 1023
             WHERE r.state = {} AND r.id < ? ORDER BY r.id DESC LIMIT ?",
            state as u8
        ))?;
        let rows = rows.query_map((before, i64::try_from(limit).unwrap_or(i64::MAX)), |row| {
            Ok(RoundTripSummary {
                delivery: delivery_id(row.get(7)?),
                event_id: row.get(8)?,
                subject: row.get(9)?,
                plugin: row.get(10)?,
                round_trip: read(row)?,
            })
        })?;
        rows.collect()
    })
}

/// Counts done deliveries of events received since a time, by plugin and state.
pub(crate) fn report(conn: &Connection, since: Timestamp) -> Result<Vec<RoundTripCount>, JournalError> {
    reading(|| {
        let Some(first) = first_since(conn, since)? else { return Ok(Vec::new()) };
        let mut rows = conn.prepare_cached(
            "SELECT p.name, c.state, c.n FROM (
                 SELECT d.id & 1023 AS plugin, r.state AS state, count(*) AS n
                 FROM deliveries d LEFT JOIN round_trips r ON r.id = d.id WHERE d.id >= ? AND d.state = 3 GROUP BY 1, 2
             ) c LEFT JOIN plugins p ON p.no = c.plugin ORDER BY 1, 2",
        )?;
        let rows = rows.query_map([nested(first, 0)], |row| {
            let state = if row.get_ref(1)?.data_type() == Type::Null { None } else { Some(state(row, 1)?) };
            Ok(RoundTripCount { plugin: row.get(0)?, state, count: number(row, 2)? })
        })?;
        rows.collect()
    })
}

/// The first event that was received at or after a time. Searched by halves: events stand in the
/// order in which they came.
pub(crate) fn first_since(conn: &Connection, since: Timestamp) -> rusqlite::Result<Option<i64>> {
    let since = micros(since);
    let mut next = conn.prepare_cached("SELECT seq, received_at FROM events WHERE seq >= ? ORDER BY seq LIMIT 1")?;
    let mut next = |seq: i64| next.query_row([seq], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))).optional();
    let ends: Option<(i64, i64)> =
        conn.query_row("SELECT min(seq), max(seq) FROM events", [], |row| Ok(row.get::<_, Option<i64>>(0)?.zip(row.get(1)?)))?;
    let Some((mut low, last)) = ends else { return Ok(None) };
    let mut high = last.saturating_add(1);
    while low < high {
        let middle = low.midpoint(high);
        match next(middle)? {
            Some((seq, received_at)) if received_at < since => low = seq.saturating_add(1),
            _ => high = middle,
        }
    }
    Ok(next(low)?.map(|(seq, _)| seq))
}
