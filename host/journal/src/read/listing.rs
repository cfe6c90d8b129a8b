//! Lists of events, newest first.

use std::collections::BTreeSet;

use mortar_core::delivery::{EventSeq, State};
use mortar_core::ports::{Filter, JournalError};
use mortar_core::story::{DeliverySummary, EventSummary};
use rusqlite::Connection;

use super::rows::{self, EVENT, EventRow};
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
    let mut below = filter.before.unwrap_or(EventSeq::MAX).min(i64::MAX.cast_unsigned());
    while found.len() < filter.limit {
        let candidates = candidates(conn, shared, filter, below)?;
        let Some(last) = candidates.last().map(|event| event.seq) else { break };
        below = last;
        for event in candidates {
            if filter.since.is_some_and(|since| event.received_at < since) {
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

/// The next events that may match, newest first. Few deliveries are running, waiting or dead, so
/// those are looked up by their state.
fn candidates(conn: &Connection, shared: &Shared, filter: &Filter, below: EventSeq) -> rusqlite::Result<Vec<EventRow>> {
    let seqs: Vec<EventSeq> = match filter.state {
        Some(State::Running) => {
            let running: BTreeSet<_> = shared.running().keys().map(|key| event_of(*key)).filter(|seq| *seq < below).collect();
            running.into_iter().rev().take(STEP).collect()
        }
        Some(State::Waiting) => unsettled(
            conn,
            "SELECT DISTINCT id >> 10 FROM deliveries INDEXED BY unsettled WHERE state = 2 AND id < ? ORDER BY id DESC LIMIT ?",
            below,
        )?,
        Some(State::Dead) => unsettled(
            conn,
            "SELECT DISTINCT id >> 10 FROM deliveries INDEXED BY unsettled WHERE state = 6 AND id < ? ORDER BY id DESC LIMIT ?",
            below,
        )?,
        _ => {
            let mut events = conn.prepare_cached(&format!("{EVENT} WHERE e.seq < ? ORDER BY e.seq DESC LIMIT ?"))?;
            return events.query_map((below.cast_signed(), STEP as i64), EventRow::read)?.collect();
        }
    };
    seqs.into_iter().filter_map(|seq| rows::event(conn, seq).transpose()).collect()
}

fn unsettled(conn: &Connection, sql: &str, below: EventSeq) -> rusqlite::Result<Vec<EventSeq>> {
    let below = below.cast_signed().saturating_mul(1 << 10);
    let mut seqs = conn.prepare_cached(sql)?;
    seqs.query_map((below, STEP as i64), |row| row.get::<_, i64>(0).map(i64::cast_unsigned))?.collect()
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
    if !type_matches || !subject_matches {
        return Ok(None);
    }
    let event = summary(conn, shared, event)?;
    let wanted = filter.state.is_some() || filter.plugin.is_some();
    let delivery_matches = |delivery: &DeliverySummary| {
        filter.state.is_none_or(|state| delivery.state == state) && filter.plugin.as_ref().is_none_or(|plugin| delivery.plugin == *plugin)
    };
    Ok((!wanted || event.deliveries.iter().any(delivery_matches)).then_some(event))
}

/// The event with its deliveries as they are now.
pub(super) fn summary(conn: &Connection, shared: &Shared, event: EventRow) -> rusqlite::Result<EventSummary> {
    let mut deliveries = rows::deliveries(conn, event.seq)?;
    for (key, delivery) in &mut deliveries {
        if delivery.state.is_open()
            && let Some(running) = shared.running().get(key)
        {
            delivery.state = State::Running;
            delivery.at = time(running.since);
            delivery.held_by = None;
        }
    }
    let EventRow { seq, id, event_type, subject, source, received_at, .. } = event;
    Ok(EventSummary { seq, id, event_type, subject, source, received_at, deliveries: deliveries.into_iter().map(|(_, d)| d).collect() })
}
