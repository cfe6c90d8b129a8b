//! Deliveries that are over, as they are run again offline.

use std::sync::Arc;

use mortar_core::delivery::{DeliveryId, State};
use mortar_core::ports::{JournalError, Recording, WhichRecordings};
use rusqlite::{Connection, OptionalExtension};

use super::{Packs, rows, stored_event};
use crate::fault::reading;
use crate::key::{self, DeliveryKey, delivery_id, delivery_key, event_of, plugin_of};

/// The last recordings, newest first.
pub(crate) fn recordings(conn: &Connection, which: &WhichRecordings) -> Result<Vec<Recording>, JournalError> {
    reading(|| {
        let mut deliveries = conn.prepare_cached("SELECT id, state, attempts FROM deliveries ORDER BY id DESC LIMIT ?")?;
        let mut deliveries = deliveries.query([WhichRecordings::LOOKED_AT])?;
        let (mut packs, mut found, mut bytes) = (Packs::default(), Vec::new(), 0);
        while found.len() < which.last
            && let Some(row) = deliveries.next()?
        {
            let key = row.get(0)?;
            if plugin_of(key) != which.plugin || !is_over(row.get(1)?) {
                continue;
            }
            let wanted = rows::event(conn, event_of(key))?.is_some_and(|event| which.takes(&event.event_type));
            let Some(recording) = (if wanted { read(conn, &mut packs, key, row.get(2)?)? } else { None }) else { continue };
            bytes += recording.bytes();
            if bytes > which.bytes {
                break;
            }
            found.push(recording);
        }
        Ok(found)
    })
}

/// One recording.
pub(crate) fn recording(conn: &Connection, delivery: DeliveryId) -> Result<Option<Recording>, JournalError> {
    let Some(key) = delivery_key(delivery) else { return Ok(None) };
    reading(|| {
        let mut found = conn.prepare_cached("SELECT state, attempts FROM deliveries WHERE id = ?")?;
        let found = found.query_row([key], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        match found {
            Some((state, attempts)) if is_over(state) => read(conn, &mut Packs::default(), key, attempts),
            _ => Ok(None),
        }
    })
}

/// Superseded deliveries are over, but no handler had to bring them to an end.
fn is_over(state: u8) -> bool {
    matches!(key::state(state), Some(State::Done | State::Ignored | State::Dead))
}

fn read(conn: &Connection, packs: &mut Packs, key: DeliveryKey, attempt: u32) -> rusqlite::Result<Option<Recording>> {
    let event = stored_event(conn, packs, event_of(key))?;
    let Some(event) = event else { return Ok(None) };
    Ok(Some(Recording { delivery: delivery_id(key), event: Arc::new(event), attempt, calls: rows::calls(conn, key)? }))
}
