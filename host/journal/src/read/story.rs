//! All about one event.

use mortar_core::delivery::EventSeq;
use mortar_core::ports::JournalError;
use mortar_core::story::{CallbackStory, DeliveryStory, EventStory, Origin};
use rusqlite::Error::FromSqlConversionFailure;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension};

use super::Packs;
use super::listing::summary;
use super::round_trips::round_trip;
use super::rows::{self, EventRow, number, time};
use crate::fault::reading;
use crate::key::{HashKeys, delivery_key};
use crate::shared::Shared;

/// Tells about the event of an id or a place in the journal.
pub(crate) fn story(conn: &Connection, shared: &Shared, keys: &HashKeys, event: &str) -> Result<Option<EventStory>, JournalError> {
    reading(|| match find(conn, shared, keys, event)? {
        Some(event) => tell(conn, shared, event).map(Some),
        None => Ok(None),
    })
}

fn find(conn: &Connection, shared: &Shared, keys: &HashKeys, event: &str) -> rusqlite::Result<Option<EventRow>> {
    let by_id = match by_id(conn, shared, keys, event)? {
        Some(event) => Some(event),
        None => outlived(conn, shared, event)?,
    };
    match (by_id, event.parse()) {
        (Some(event), _) => Ok(Some(event)),
        (None, Ok(seq)) => rows::event(conn, seq),
        (None, Err(_)) => Ok(None),
    }
}

/// The event of an id that is remembered.
pub(super) fn by_id(conn: &Connection, shared: &Shared, keys: &HashKeys, event: &str) -> rusqlite::Result<Option<EventRow>> {
    let mut sources = conn.prepare_cached("SELECT name FROM sources")?;
    let sources: Vec<String> = sources.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut found: Option<EventSeq> = None;
    for source in sources {
        let key = keys.id(&source, event);
        found = found.max(shared.probe(key).settle(conn, key)?);
    }
    found.map_or(Ok(None), |seq| rows::event(conn, seq))
}

/// Looks among the events that are older than all ids that are remembered: old dead letters.
fn outlived(conn: &Connection, shared: &Shared, event: &str) -> rusqlite::Result<Option<EventRow>> {
    let Some(first) = shared.runs().first().map(|run| run.first) else { return Ok(None) };
    let mut seq = conn.prepare_cached("SELECT seq FROM events WHERE seq < ? AND event_id = ? ORDER BY seq DESC LIMIT 1")?;
    let seq: Option<i64> = seq.query_row((first.cast_signed(), event), |row| row.get(0)).optional()?;
    seq.map_or(Ok(None), |seq| rows::event(conn, seq.cast_unsigned()))
}

fn tell(conn: &Connection, shared: &Shared, event: EventRow) -> rusqlite::Result<EventStory> {
    let pack = Packs::default().get(conn, event.pack)?;
    let record = pack.get(event.record.clone()).ok_or_else(|| FromSqlConversionFailure(0, Type::Blob, "the record lies outside".into()))?;
    let payload = String::from_utf8_lossy(record).into_owned();
    let callback = callback(conn, event.callback)?;
    let as_of = event.as_of;
    let event = summary(conn, shared, event)?;
    let deliveries = event.deliveries.iter().map(|delivery| {
        let key = delivery_key(delivery.id).unwrap_or_default();
        let (attempts, calls) = (rows::attempts(conn, key)?, rows::calls(conn, key)?);
        Ok(DeliveryStory { delivery: delivery.clone(), attempts, calls, round_trip: round_trip(conn, key)? })
    });
    let deliveries = deliveries.collect::<rusqlite::Result<_>>()?;
    Ok(EventStory { as_of, payload, callback, deliveries, event })
}

fn callback(conn: &Connection, first: i64) -> rusqlite::Result<CallbackStory> {
    let mut events = conn.prepare_cached("SELECT event_id, callback FROM events WHERE seq >= ? ORDER BY seq")?;
    let mut rows = events.query([first])?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()?
        && row.get::<_, i64>(1)? == first
    {
        ids.push(row.get(0)?);
    }
    let mut callback =
        conn.prepare_cached("SELECT received_at, remote, delivery_header, secret, body_length, origin FROM events WHERE seq = ?")?;
    callback.query_row([first], |row| {
        let polled = row.get::<_, Option<i64>>(5)?.is_some();
        Ok(CallbackStory {
            origin: if polled { Origin::Poll } else { Origin::Callback },
            received_at: time(row, 0)?,
            remote: row.get(1)?,
            delivery_header: row.get(2)?,
            secret: row.get(3)?,
            bytes: number(row, 4)?,
            events: ids,
        })
    })
}
