//! Callbacks that were set aside: quarantined and rejected ones.

use std::net::IpAddr;

use bytes::Bytes;
use mortar_core::ports::{JournalError, NewCallback};
use mortar_core::story::{Quarantined, Rejected};
use rusqlite::Error::FromSqlConversionFailure;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row};

use super::rows::{number, time, time_or_none};
use crate::fault::reading;

/// What is in quarantine, newest first.
pub(crate) fn quarantined(conn: &Connection, released: bool, before: Option<u64>, limit: usize) -> Result<Vec<Quarantined>, JournalError> {
    reading(|| {
        let mut list = conn.prepare_cached(
            "SELECT id, source, received_at, reason, length(body), released_at FROM quarantine
             WHERE (? OR released_at IS NULL) AND id < ? ORDER BY id DESC LIMIT ?",
        )?;
        list.query_map((released, place(before), limit_of(limit)), in_quarantine)?.collect()
    })
}

/// One quarantined callback, and as it came in.
pub(crate) fn quarantined_callback(conn: &Connection, id: u64) -> Result<Option<(Quarantined, NewCallback)>, JournalError> {
    reading(|| {
        let mut one = conn.prepare_cached(
            "SELECT id, source, received_at, reason, length(body), released_at, remote, delivery_header, secret, body
             FROM quarantine WHERE id = ?",
        )?;
        one.query_row([id.cast_signed()], |row| {
            let mut about = in_quarantine(row)?;
            let mut callback = callback(row)?;
            callback.unreadable = Some(about.reason.clone());
            about.body = Some(String::from_utf8_lossy(&callback.body).into_owned());
            Ok((about, callback))
        })
        .optional()
    })
}

/// The sample of rejected callbacks, newest first.
pub(crate) fn rejected(conn: &Connection, before: Option<u64>, limit: usize) -> Result<Vec<Rejected>, JournalError> {
    reading(|| {
        let mut list = conn.prepare_cached(
            "SELECT id, source, received_at, reason, length(body), admitted_at, remote FROM rejected WHERE id < ?
             ORDER BY id DESC LIMIT ?",
        )?;
        list.query_map((place(before), limit_of(limit)), in_sample)?.collect()
    })
}

/// One rejected callback, and as it came in.
pub(crate) fn rejected_callback(conn: &Connection, id: u64) -> Result<Option<(Rejected, NewCallback)>, JournalError> {
    reading(|| {
        let mut one = conn.prepare_cached(
            "SELECT id, source, received_at, reason, length(body), admitted_at, remote, delivery_header, NULL, body
             FROM rejected WHERE id = ?",
        )?;
        one.query_row([id.cast_signed()], |row| Ok((in_sample(row)?, callback(row)?))).optional()
    })
}

/// Below any place, where none is given.
fn place(before: Option<u64>) -> i64 {
    before.map_or(i64::MAX, |before| i64::try_from(before).unwrap_or(i64::MAX))
}

fn limit_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn in_quarantine(row: &Row<'_>) -> rusqlite::Result<Quarantined> {
    Ok(Quarantined {
        id: number(row, 0)?,
        source: row.get(1)?,
        received_at: time(row, 2)?,
        reason: row.get(3)?,
        body: None,
        bytes: number(row, 4)?,
        released_at: time_or_none(row, 5)?,
    })
}

fn in_sample(row: &Row<'_>) -> rusqlite::Result<Rejected> {
    Ok(Rejected {
        id: number(row, 0)?,
        source: row.get(1)?,
        received_at: time(row, 2)?,
        remote: row.get(6)?,
        reason: row.get(3)?,
        bytes: number(row, 4)?,
        admitted_at: time_or_none(row, 5)?,
    })
}

/// The callback without its events: who replays it reads it again.
fn callback(row: &Row<'_>) -> rusqlite::Result<NewCallback> {
    Ok(NewCallback {
        source: row.get::<_, String>(1)?.into(),
        received_at: time(row, 2)?,
        remote: remote(row, 6)?,
        delivery_header: row.get(7)?,
        secret: row.get(8)?,
        body: Bytes::from(row.get::<_, Vec<u8>>(9)?),
        events: Vec::new(),
        unreadable: None,
    })
}

fn remote(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<IpAddr>> {
    let Some(text) = row.get_ref(column)?.as_str_or_null()? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| FromSqlConversionFailure(column, Type::Text, "not an address".into()))
}
