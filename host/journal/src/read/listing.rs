//! Lists of events.

use std::collections::BTreeSet;

use mortar_core::delivery::{EventSeq, State};
use mortar_core::ports::{Filter, JournalError};
use mortar_core::story::EventSummary;
use rusqlite::Connection;

use super::rows::{self, DeliveryRow, EVENT, EventRow};
use crate::fault::reading;
use crate::key::{event_of, time};
use crate::shared::Shared;

/// Events that are looked at in one read: none holds the write-ahead log for longer.
const STEP: usize = 2000;

/// Lists events.
pub(crate) fn list(conn: &Connection, shared: &Shared, filter: &Filter) -> Result<Vec<EventSummary>, JournalError> {
    reading(|| search(conn, shared, filter))
}

fn search(conn: &Connection, shared: &Shared, filter: &Filter) -> rusqlite::Result<Vec<EventSummary>> {
    let mut found = Vec::new();
    let mut range = Range {
        above: filter.after.unwrap_or(0),
        below: filter.before.unwrap_or(EventSeq::MAX).min(i64::MAX.cast_unsigned()),
        oldest_first: filter.after.is_some(),
    };
    while found.len() < filter.limit {
        let candidates = candidates(conn, shared, filter, range)?;
        let Some(last) = candidates.last().map(|event| event.seq) else { break };
        *(if range.oldest_first { &mut range.above } else { &mut range.below }) = last;
        for event in candidates {
            if !range.oldest_first && filter.since.is_some_and(|since| event.received_at < since) {
                return Ok(found);
            }
            found.extend(summarize(conn, shared, filter, event)?);
            if found.len() == filter.limit {
                break;
            }
        }
    }
    Ok(found)
}

/// Where it is looked for, both ends left out.
#[derive(Clone, Copy)]
struct Range {
    above: EventSeq,
    below: EventSeq,
    oldest_first: bool,
}

impl Range {
    fn order(self) -> &'static str {
        if self.oldest_first { "ASC" } else { "DESC" }
    }
}

/// The next events that may match, in order. Few deliveries are running, waiting or dead, so those
/// are looked up by their state.
fn candidates(conn: &Connection, shared: &Shared, filter: &Filter, range: Range) -> rusqlite::Result<Vec<EventRow>> {
    let seqs: Vec<EventSeq> = match filter.state {
        Some(State::Running) => {
            let running: BTreeSet<_> = shared.running().keys().map(|key| event_of(*key)).collect();
            let running = running.into_iter().filter(|seq| (range.above + 1..range.below).contains(seq));
            if range.oldest_first { running.take(STEP).collect() } else { running.rev().take(STEP).collect() }
        }
        Some(state @ (State::Waiting | State::Dead)) => unsettled(conn, state, range)?,
        _ => {
            let order = range.order();
            let mut events = conn.prepare_cached(&format!("{EVENT} WHERE e.seq > ? AND e.seq < ? ORDER BY e.seq {order} LIMIT ?"))?;
            let range = (range.above.cast_signed(), range.below.cast_signed(), STEP as i64);
            return events.query_map(range, EventRow::read)?.collect();
        }
    };
    seqs.into_iter().filter_map(|seq| rows::event(conn, seq).transpose()).collect()
}

fn unsettled(conn: &Connection, state: State, range: Range) -> rusqlite::Result<Vec<EventSeq>> {
    let order = range.order();
    // The state is written out: only so is it plain to SQLite that the index has all rows.
    let mut seqs = conn.prepare_cached(&format!(
        "SELECT DISTINCT id >> 10 FROM deliveries INDEXED BY unsettled WHERE state = {} AND id >= ? AND id < ? ORDER BY id {order} LIMIT ?",
        state as u8
    ))?;
    let key = |seq: EventSeq| seq.cast_signed().saturating_mul(1 << 10);
    let range = (key(range.above.saturating_add(1)), key(range.below), STEP as i64);
    seqs.query_map(range, |row| row.get::<_, i64>(0).map(i64::cast_unsigned))?.collect()
}

/// The event, if it matches.
fn summarize(conn: &Connection, shared: &Shared, filter: &Filter, event: EventRow) -> rusqlite::Result<Option<EventSummary>> {
    let type_matches = filter.event_type.as_ref().is_none_or(|wanted| match wanted.strip_suffix('*') {
        Some(beginning) => event.event_type.starts_with(beginning),
        None => event.event_type == *wanted,
    });
    let subject_matches = filter.subject.as_ref().is_none_or(|wanted| {
        event.subject == *wanted || event.subject.strip_suffix(wanted.as_str()).is_some_and(|kind| kind.ends_with(':'))
    });
    if !type_matches || !subject_matches || !filter.takes_time(event.received_at) {
        return Ok(None);
    }
    let event = summary(conn, shared, event)?;
    Ok(filter.takes_one_of(&event.deliveries).then_some(event))
}

/// The event with its deliveries as they are now.
pub(super) fn summary(conn: &Connection, shared: &Shared, event: EventRow) -> rusqlite::Result<EventSummary> {
    let mut deliveries = rows::deliveries(conn, event.seq)?;
    for DeliveryRow { key, summary, count } in &mut deliveries {
        let key = *key;
        if summary.state.is_open()
            && let Some(running) = shared.running().get(&key)
        {
            summary.state = State::Running;
            summary.at = time(running.since);
            summary.held_by = None;
        }
        // The file knows of newer counts that are over, memory of those that are open.
        if let Some((line, as_of)) = count.filter(|_| !summary.outdated) {
            summary.outdated = shared.look(move |queue| queue.has_newer(line, as_of, key)).unwrap_or_default();
        }
    }
    let EventRow { seq, id, event_type, subject, source, received_at, .. } = event;
    Ok(EventSummary {
        seq,
        id,
        event_type,
        subject,
        source,
        received_at,
        deliveries: deliveries.into_iter().map(|row| row.summary).collect(),
    })
}
