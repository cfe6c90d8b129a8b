//! What is read from the file: events for their attempts, and what operators ask for.

mod aside;
mod known;
mod listing;
mod operators;
mod recordings;
mod round_trips;
mod rows;
mod story;
mod tally;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use mortar_core::delivery::{EventSeq, PluginNo};
use mortar_core::ports::{Claim, JournalError, Lease, StateEntry, StoredEvent};
use rusqlite::{Connection, OptionalExtension};

pub(crate) use aside::{quarantined, quarantined_callback, rejected, rejected_callback};
pub(crate) use known::{Subjects, known};
pub(crate) use listing::{Lister, list};
pub(crate) use operators::{actions, token, tokens};
pub(crate) use recordings::{recording, recordings};
pub(crate) use round_trips::{due, first_since, report, round_trips};
pub(crate) use story::story;
pub(crate) use tally::Tallying;

use crate::fault::{journal_error, reading};
use crate::key::{event_of, time};
use crate::writer::Taken;

/// Completes claims with what memory did not have. Those that cannot be read are given back, so that
/// the others need not wait for them.
///
/// # Errors
/// None of them can be read.
pub(crate) fn claims(conn: &Connection, taken: Vec<Taken>, give_back: impl Fn(Lease)) -> Result<Vec<Claim>, JournalError> {
    // One look at the file for all of them. Without it each row is a look of its own: slower, and as good.
    let _look = conn.unchecked_transaction().ok();
    let mut packs = Packs::default();
    let (mut claims, mut fault) = (Vec::with_capacity(taken.len()), None);
    for taken in taken {
        match claim(conn, &mut packs, &taken) {
            Ok(Some(claim)) => claims.push(claim),
            // Its lease runs out and it comes again.
            Ok(None) => tracing::error!(delivery = %taken.lease().delivery, "the event of a delivery is missing from the journal"),
            Err(error) => {
                give_back(taken.lease());
                fault = Some(journal_error(&error));
            }
        }
    }
    match fault {
        Some(fault) if claims.is_empty() => Err(fault),
        Some(fault) => {
            tracing::error!(%fault, "some deliveries cannot be read; they are tried again with the next claim");
            Ok(claims)
        }
        None => Ok(claims),
    }
}

fn claim(conn: &Connection, packs: &mut Packs, taken: &Taken) -> rusqlite::Result<Option<Claim>> {
    let key = taken.picked.key;
    let event = match &taken.event {
        Some(event) => event.clone(),
        None => match stored_event(conn, packs, event_of(key))? {
            Some(event) => Arc::new(event),
            None => return Ok(None),
        },
    };
    let mut claim = taken.bare_claim(event);
    if taken.picked.called {
        let mut replayed = conn.prepare_cached("SELECT since, keep_steps IS NOT NULL FROM deliveries WHERE id = ?")?;
        let (since, keep_steps): (Option<i64>, _) = replayed.query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))?;
        claim.since = since.map_or(claim.since, time);
        claim.keep_steps = keep_steps;
        claim.calls = rows::calls(conn, key)?;
    }
    Ok(Some(claim))
}

/// The pack that was read last: events that follow each other often share one.
#[derive(Default)]
pub(crate) struct Packs(Option<(i64, Bytes)>);

impl Packs {
    pub(crate) fn get(&mut self, conn: &Connection, id: i64) -> rusqlite::Result<Bytes> {
        if let Some((_, pack)) = self.0.as_ref().filter(|(last, _)| *last == id) {
            return Ok(pack.clone());
        }
        let mut pack = conn.prepare_cached("SELECT bytes FROM packs WHERE id = ?")?;
        let pack = Bytes::from(pack.query_row([id], |row| row.get::<_, Vec<u8>>(0))?);
        self.0 = Some((id, pack.clone()));
        Ok(pack)
    }
}

fn stored_event(conn: &Connection, packs: &mut Packs, seq: EventSeq) -> rusqlite::Result<Option<StoredEvent>> {
    let Some(row) = rows::event(conn, seq)? else { return Ok(None) };
    let pack = packs.get(conn, row.pack)?;
    let Some(payload) = (pack.len() >= row.record.end).then(|| pack.slice(row.record.clone())) else { return Ok(None) };
    let rows::EventRow { id, event_type, subject, source, received_at, as_of, .. } = row;
    let source = source.into();
    Ok(Some(StoredEvent { seq, id, event_type, subject, source, received_at, as_of, payload }))
}

/// A value of a plugin's state.
pub(crate) fn state(conn: &Connection, plugin: PluginNo, key: &str) -> Result<Option<StateEntry>, JournalError> {
    reading(|| {
        let mut entry = conn.prepare_cached("SELECT value, version FROM state WHERE plugin = ? AND key = ?")?;
        let entry = entry.query_row((plugin.0, key), |row| Ok(StateEntry { value: row.get(0)?, version: rows::number(row, 1)? }));
        entry.optional()
    })
}

/// Bytes of a plugin's state.
pub(crate) fn state_size(conn: &Connection, plugin: PluginNo) -> Result<u64, JournalError> {
    reading(|| {
        let mut size = conn.prepare_cached("SELECT ifnull(sum(octet_length(key) + octet_length(value)), 0) FROM state WHERE plugin = ?")?;
        size.query_row([plugin.0], |row| rows::number(row, 0))
    })
}

/// Open deliveries by the plugin's name, of those by its number.
pub(crate) fn open(conn: &Connection, open: &[u64]) -> Result<BTreeMap<String, u64>, JournalError> {
    reading(|| {
        let mut names = conn.prepare_cached("SELECT no, name FROM plugins")?;
        let count = |no: i64| usize::try_from(no).ok().and_then(|no| open.get(no)).copied().unwrap_or(0);
        let counted = names.query_map([], |row| Ok((row.get(1)?, count(row.get(0)?))))?;
        counted.filter(|counted| counted.as_ref().map_or(true, |(_, count)| *count > 0)).collect()
    })
}
