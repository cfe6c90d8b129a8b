//! Lists of events.

use std::collections::BTreeSet;

use mortar_core::delivery::{EventSeq, State};
use mortar_core::ports::{Filter, JournalError};
use mortar_core::story::{EventPage, EventSummary};
use mortar_core::terms::normal;
use rusqlite::Connection;

use super::round_trips::first_since;
use super::rows::{self, DeliveryRow, EVENT, EventRow};
use super::{Packs, story};
use crate::fault::reading;
use crate::key::{HashKeys, event_of, time};
use crate::shared::Shared;
use crate::terms::{Between, Terms};

/// Events that are looked at in one read: none holds the write-ahead log for longer.
const STEP: usize = 2000;

/// What lists of events are made of.
#[derive(Clone, Copy)]
pub(crate) struct Lister<'a> {
    pub(crate) conn: &'a Connection,
    pub(crate) shared: &'a Shared,
    pub(crate) keys: &'a HashKeys,
    /// Where events are by what they name; none where nobody notes that.
    pub(crate) terms: Option<&'a Terms>,
}

/// Lists events, and says where the list goes on.
pub(crate) fn list(lister: Lister<'_>, filter: &Filter) -> Result<EventPage, JournalError> {
    reading(|| lister.search(filter))
}

impl Lister<'_> {
    fn search(self, filter: &Filter) -> rusqlite::Result<EventPage> {
        let mut range = Between {
            above: filter.after.unwrap_or(0),
            below: filter.before.unwrap_or(EventSeq::MAX).min(i64::MAX.cast_unsigned()),
            oldest_first: filter.after.is_some(),
        };
        if let Some(found) = self.by_id(filter, range)? {
            return Ok(EventPage { events: vec![found], next: None });
        }
        self.skip_by_time(filter, &mut range)?;
        let look = if filter.look == 0 { usize::MAX } else { filter.look };
        let (mut events, mut looked, mut packs) = (Vec::new(), 0, Packs::default());
        while let candidates = self.candidates(filter, range)?
            && let Some(last) = candidates.last().map(|event| event.seq)
        {
            for event in candidates {
                if !range.oldest_first && filter.since.is_some_and(|since| event.received_at < since) {
                    return Ok(EventPage { events, next: None });
                }
                let seq = event.seq;
                events.extend(self.summarize(filter, &mut packs, event)?);
                looked += 1;
                if events.len() >= filter.limit || looked >= look {
                    return Ok(EventPage { events, next: Some(seq) });
                }
            }
            *(if range.oldest_first { &mut range.above } else { &mut range.below }) = last;
        }
        Ok(EventPage { events, next: None })
    }

    /// The event whose id is looked for.
    fn by_id(self, filter: &Filter, range: Between) -> rusqlite::Result<Option<EventSummary>> {
        let Some(id) = &filter.find else { return Ok(None) };
        match story::by_id(self.conn, self.shared, self.keys, id.trim())? {
            Some(event) if (range.above + 1..range.below).contains(&event.seq) => self.summarize(filter, &mut Packs::default(), event),
            _ => Ok(None),
        }
    }

    /// Leaves out the events that came too late or too early, without a look at each. Only as many as can
    /// be told by their order; the clock may have been set.
    fn skip_by_time(self, filter: &Filter, range: &mut Between) -> rusqlite::Result<()> {
        if let Some(since) = filter.since.filter(|_| range.oldest_first) {
            let first = first_since(self.conn, since)?.map_or(EventSeq::MAX, i64::cast_unsigned);
            range.above = range.above.max(first.saturating_sub(1).min(i64::MAX.cast_unsigned()));
        }
        if let Some(until) = filter.until.filter(|_| !range.oldest_first)
            && let Some(first) = first_since(self.conn, until)?
        {
            range.below = range.below.min(first.cast_unsigned());
        }
        Ok(())
    }

    /// The next events that may match, in order. Few deliveries are running, waiting or dead, so those
    /// are looked up by their state; what events name, and their types, are noted.
    fn candidates(self, filter: &Filter, range: Between) -> rusqlite::Result<Vec<EventRow>> {
        let seqs: Vec<EventSeq> = match filter.state {
            Some(State::Running) => {
                let running: BTreeSet<_> = self.shared.running().keys().map(|key| event_of(*key)).collect();
                let running = running.into_iter().filter(|seq| (range.above + 1..range.below).contains(seq));
                if range.oldest_first { running.take(STEP).collect() } else { running.rev().take(STEP).collect() }
            }
            Some(state @ (State::Waiting | State::Dead)) => unsettled(self.conn, state, range)?,
            _ => match self.terms.zip(self.terms.map(|terms| hashes(terms, filter)).filter(|hashes| !hashes.is_empty())) {
                Some((terms, hashes)) => return self.noted(terms, &hashes, range),
                None => return self.all(range),
            },
        };
        self.rows(seqs)
    }

    /// Events by what they name: the newest are not noted yet, and are read.
    fn noted(self, terms: &Terms, hashes: &[u64], range: Between) -> rusqlite::Result<Vec<EventRow>> {
        let next = terms.next();
        let noted = Between { below: range.below.min(next), ..range };
        let newer = Between { above: range.above.max(next.saturating_sub(1)), ..range };
        let noted = || self.rows(terms.find(hashes, noted, STEP)?);
        let newer = || self.all(newer);
        let first = if range.oldest_first { noted()? } else { newer()? };
        if first.is_empty() { if range.oldest_first { newer() } else { noted() } } else { Ok(first) }
    }

    fn all(self, range: Between) -> rusqlite::Result<Vec<EventRow>> {
        let order = order(range);
        let mut events = self.conn.prepare_cached(&format!("{EVENT} WHERE e.seq > ? AND e.seq < ? ORDER BY e.seq {order} LIMIT ?"))?;
        let range = (range.above.cast_signed(), range.below.cast_signed(), STEP as i64);
        events.query_map(range, EventRow::read)?.collect()
    }

    fn rows(self, seqs: Vec<EventSeq>) -> rusqlite::Result<Vec<EventRow>> {
        seqs.into_iter().filter_map(|seq| rows::event(self.conn, seq).transpose()).collect()
    }

    /// The event, if it matches.
    fn summarize(self, filter: &Filter, packs: &mut Packs, event: EventRow) -> rusqlite::Result<Option<EventSummary>> {
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
        if filter.find.is_some() {
            let pack = packs.get(self.conn, event.pack)?;
            if !filter.takes_names(&event.id, &event.subject, pack.get(event.record.clone()).unwrap_or_default()) {
                return Ok(None);
            }
        }
        let event = summary(self.conn, self.shared, event)?;
        Ok(filter.takes_one_of(&event.deliveries).then_some(event))
    }
}

/// What the events that are asked for are noted under; empty where it is not.
fn hashes(terms: &Terms, filter: &Filter) -> Vec<u64> {
    match (&filter.find, &filter.subject, &filter.event_type) {
        (Some(term), ..) => vec![terms.term(&normal(term))],
        // An identifier may have a colon in it.
        (None, Some(subject), _) => {
            let id = subject.split_once(':').map(|(_, id)| id);
            [Some(subject.as_str()), id].into_iter().flatten().map(|term| terms.term(&normal(term))).collect()
        }
        (None, None, Some(name)) if !name.ends_with('*') => vec![terms.event_type(name)],
        _ => Vec::new(),
    }
}

fn order(range: Between) -> &'static str {
    if range.oldest_first { "ASC" } else { "DESC" }
}

fn unsettled(conn: &Connection, state: State, range: Between) -> rusqlite::Result<Vec<EventSeq>> {
    let order = order(range);
    // The state is written out: only so is it plain to SQLite that the index has all rows.
    let mut seqs = conn.prepare_cached(&format!(
        "SELECT DISTINCT id >> 10 FROM deliveries INDEXED BY unsettled WHERE state = {} AND id >= ? AND id < ? ORDER BY id {order} LIMIT ?",
        state as u8
    ))?;
    let key = |seq: EventSeq| seq.cast_signed().saturating_mul(1 << 10);
    let range = (key(range.above.saturating_add(1)), key(range.below), STEP as i64);
    seqs.query_map(range, |row| row.get::<_, i64>(0).map(i64::cast_unsigned))?.collect()
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
