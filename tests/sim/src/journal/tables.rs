//! What is on the disk, and how callbacks come in.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use mortar_core::code::ErrorCode;
use mortar_core::delivery::{DeliveryId, EventSeq, Gap, PluginNo, State};
use mortar_core::ports::{Accepted, JournalError, NewCallback, NewEvent, Order, StateEntry, StoredEvent};
use mortar_core::story::{Attempt, Call, CallbackStory, Fate, Quarantined, Rejected};

use super::Work;
use crate::mutation::Mutation;

/// Why a delivery is superseded.
pub(super) const OUTDATED: &str = "a newer count took its place";

/// Why a delivery that was never tried waits.
pub(super) const IN_PLACE: &str = "in the place of an older count that waited";

/// Everything that is durable.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// Names of plugins; their numbers start at 1.
    pub plugins: Vec<String>,
    /// Events by place.
    pub events: BTreeMap<EventSeq, Stored>,
    /// The place of every known id of a source, and when it was received.
    pub ids: BTreeMap<(Arc<str>, String), (EventSeq, Timestamp)>,
    /// Deliveries.
    pub deliveries: BTreeMap<DeliveryId, Delivery>,
    /// The plugins' state.
    pub state: BTreeMap<(PluginNo, String), StateEntry>,
    /// The newest count that each line is through with, dead letters included.
    pub newest: BTreeMap<Line, (Timestamp, DeliveryId)>,
    /// Genuine but unreadable callbacks.
    pub quarantine: BTreeMap<u64, (Quarantined, NewCallback)>,
    /// The sample of callbacks that were not genuine.
    pub rejected: BTreeMap<u64, (Rejected, NewCallback)>,
    pub(super) next_seq: EventSeq,
    pub(super) next_version: u64,
    pub(super) next_aside: u64,
    /// Where the next purge goes on.
    pub(super) purge_from: EventSeq,
}

/// The deliveries of one subject of a source to one plugin.
pub type Line = (PluginNo, Arc<str>, String);

/// A stored event.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The event.
    pub event: Arc<StoredEvent>,
    /// The first event that its callback brought.
    pub(super) first: EventSeq,
    /// Its callback; the list of events is made when it is asked for.
    pub(super) callback: CallbackStory,
}

/// A stored delivery.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Never `running`: that is known to the leases only.
    pub state: State,
    /// When it is due or reached its state.
    pub at: Timestamp,
    /// Attempts that ended.
    pub attempts: u32,
    /// Those that count.
    pub spent: u32,
    /// Where the policy's age starts.
    pub since: Timestamp,
    /// Its count's time, where the newest wins.
    pub as_of: Option<Timestamp>,
    /// The code of the last failure.
    pub code: Option<String>,
    /// Why it is where it is.
    pub reason: Option<String>,
    /// What it means for later deliveries, while it is dead.
    pub gap: Gap,
    /// Whether answered calls answer whatever is asked now.
    pub keep_steps: bool,
    /// Attempts.
    pub story: Vec<Attempt>,
    /// Calls by ordinal.
    pub calls: BTreeMap<u16, Call>,
    /// Whether it was a dead letter at some time: then later events have gone before it.
    pub died: bool,
}

impl Delivery {
    pub(super) fn in_doubt(&self) -> u32 {
        self.calls.values().filter(|call| matches!(call.fate, Fate::Intended { .. })).map(|_| 1).sum()
    }

    pub(super) fn moves(&mut self, state: State, at: Timestamp, code: Option<ErrorCode>, reason: Option<String>) {
        (self.state, self.at, self.code, self.reason) = (state, at, code.map(|code| code.to_string()), reason);
        self.died |= state == State::Dead;
        self.gap = Gap::Skip;
    }
}

impl Tables {
    /// The line of a delivery.
    pub(super) fn line(&self, id: DeliveryId) -> Line {
        let event = &self.events[&id.event].event;
        (id.plugin, event.source.clone(), event.subject.clone())
    }

    /// The open deliveries of a line, in the order of their events.
    pub(super) fn open_of(&self, line: &Line) -> Vec<DeliveryId> {
        let open = self.deliveries.iter().filter(|(id, delivery)| delivery.state.is_open() && id.plugin == line.0);
        let of_line = |id: &DeliveryId| {
            let event = &self.events[&id.event].event;
            event.subject == line.2 && event.source == line.1
        };
        open.map(|(id, _)| *id).filter(of_line).collect()
    }

    /// True where a count that is open, or that the plugin is through with, is newer than this one.
    pub(super) fn is_outdated(&self, line: &Line, id: DeliveryId, as_of: Timestamp) -> bool {
        let open = self.open_of(line);
        let newer = open.iter().any(|open| self.deliveries[open].as_of.is_some_and(|time| (time, *open) > (as_of, id)));
        newer || self.newest.get(line).is_some_and(|newest| *newest > (as_of, id))
    }

    /// Dead letters with this gap in a line, up to a delivery.
    pub(super) fn gaps_before(&self, id: DeliveryId, gap: Gap) -> Vec<DeliveryId> {
        let line = self.line(id);
        let gaps = self.deliveries.range(..id).filter(|(_, delivery)| delivery.state == State::Dead && delivery.gap == gap);
        gaps.map(|(gap, _)| *gap).filter(|gap| self.line(*gap) == line).collect()
    }

    /// The dead letter that an open delivery waits for.
    #[must_use]
    pub fn held_by(&self, id: DeliveryId) -> Option<DeliveryId> {
        if self.deliveries[&id].state.is_open() { self.gaps_before(id, Gap::Hold).first().copied() } else { None }
    }

    /// A delivery that is open and held by nothing.
    #[must_use]
    pub fn first_open(&self) -> Option<(DeliveryId, &Delivery)> {
        let mut open = self.deliveries.iter().filter(|(_, delivery)| delivery.state.is_open());
        open.find(|(id, _)| self.held_by(**id).is_none()).map(|(id, delivery)| (*id, delivery))
    }

    pub(super) fn number(&mut self, names: &[String]) -> Result<Vec<PluginNo>, JournalError> {
        let mut known = self.plugins.clone();
        for name in names {
            if !known.contains(name) {
                known.push(name.clone());
            }
        }
        if known.len() >= usize::from(PluginNo::LIMIT) {
            return Err(JournalError::Refused("too many plugins".into()));
        }
        self.plugins = known;
        let number = |name: &String| self.plugins.iter().position(|known| known == name).unwrap_or(0) + 1;
        Ok(names.iter().map(|name| PluginNo(u16::try_from(number(name)).unwrap_or(0))).collect())
    }

    /// A commit that was torn apart: the last event has no deliveries.
    pub(super) fn tear(&mut self) {
        if let Some(last) = self.events.last_key_value().map(|(seq, _)| *seq) {
            self.deliveries.retain(|id, delivery| id.event != last || delivery.attempts > 0);
        }
    }
}

impl Work<'_> {
    pub(super) fn accept(&mut self, callback: &NewCallback) -> Result<Accepted, JournalError> {
        self.check_callback(callback)?;
        let mut accepted = Accepted { stored: 0, duplicates: 0 };
        let first = self.tables.next_seq.max(1);
        for new in &callback.events {
            let id = (callback.source.clone(), new.event.id.clone());
            if self.tables.ids.contains_key(&id) && !self.breaks(Mutation::ForgetDedupe) {
                accepted.duplicates += 1;
                continue;
            }
            let seq = self.tables.next_seq.max(1);
            self.tables.next_seq = seq + 1;
            self.tables.ids.insert(id, (seq, callback.received_at));
            self.store(seq, first, callback, new);
            accepted.stored += 1;
        }
        if let Some(reason) = &callback.unreadable {
            self.quarantine(callback, reason);
        }
        Ok(accepted)
    }

    fn check_callback(&self, callback: &NewCallback) -> Result<(), JournalError> {
        if callback.events.iter().any(|new| callback.body.get(new.event.record.clone()).is_none()) {
            return Err(JournalError::Refused("a record lies outside of its callback".into()));
        }
        let mut deliveries = callback.events.iter().flat_map(|new| &new.deliveries);
        if deliveries.any(|delivery| delivery.plugin.0 >= PluginNo::LIMIT) {
            return Err(JournalError::Refused("not the number of a plugin".into()));
        }
        let new: usize = callback.events.iter().map(|new| new.deliveries.len()).sum();
        let open = self.tables.deliveries.values().filter(|delivery| delivery.state.is_open()).count();
        if new > 0 && open + new > self.settings.open_deliveries { Err(JournalError::Busy) } else { Ok(()) }
    }

    fn store(&mut self, seq: EventSeq, first: EventSeq, callback: &NewCallback, new: &NewEvent) {
        let NewCallback { source, received_at, remote, delivery_header, secret, body, .. } = callback;
        let event = Arc::new(StoredEvent {
            seq,
            id: new.event.id.clone(),
            event_type: new.event.event_type.to_string(),
            subject: new.event.subject.to_string(),
            source: source.clone(),
            received_at: *received_at,
            as_of: new.event.as_of,
            payload: body.slice(new.event.record.clone()),
        });
        let callback = CallbackStory {
            received_at: *received_at,
            remote: remote.map(|remote| remote.to_string()),
            delivery_header: delivery_header.clone(),
            secret: *secret,
            bytes: body.len() as u64,
            events: Vec::new(),
        };
        self.tables.events.insert(seq, Stored { event: event.clone(), first, callback });
        for delivery in &new.deliveries {
            let newest = delivery.order == Order::Newest && !self.breaks(Mutation::ForgetNewest);
            let as_of = newest.then(|| event.as_of.unwrap_or(event.received_at));
            self.deliver(DeliveryId { event: seq, plugin: delivery.plugin }, *received_at, as_of);
        }
    }

    fn deliver(&mut self, id: DeliveryId, at: Timestamp, as_of: Option<Timestamp>) {
        let line = self.tables.line(id);
        let outdated = as_of.is_some_and(|as_of| self.tables.is_outdated(&line, id, as_of));
        let (state, reason) = if outdated { (State::Superseded, Some(OUTDATED.to_owned())) } else { (State::Pending, None) };
        let due = if as_of.is_some() && !outdated { self.supersede(&line, at) } else { None };
        let (state, reason) = if due.is_some() { (State::Waiting, Some(IN_PLACE.to_owned())) } else { (state, reason) };
        let (story, calls) = (Vec::new(), BTreeMap::new());
        let new = Delivery {
            state,
            at: due.unwrap_or(at),
            attempts: 0,
            spent: 0,
            since: at,
            as_of,
            code: None,
            reason,
            gap: Gap::Skip,
            keep_steps: false,
            story,
            calls,
            died: false,
        };
        self.tables.deliveries.insert(id, new);
    }

    /// Supersedes the open counts of a line, but for the one that runs. Answers when the latest of
    /// them was to be tried again, if that is still to come.
    pub(super) fn supersede(&mut self, line: &Line, at: Timestamp) -> Option<Timestamp> {
        let (mut due, hasty) = (None, self.breaks(Mutation::ForgetPlaces));
        for id in self.tables.open_of(line) {
            if let Some(delivery) = self.tables.deliveries.get_mut(&id)
                && delivery.as_of.is_some()
                && !self.leases.runs(id)
            {
                let waited = (delivery.state == State::Waiting && delivery.at > at && !hasty).then_some(delivery.at);
                due = due.max(waited);
                delivery.moves(State::Superseded, at, None, Some(OUTDATED.into()));
            }
        }
        due
    }

    fn quarantine(&mut self, callback: &NewCallback, reason: &str) {
        self.tables.next_aside += 1;
        let about = Quarantined {
            id: self.tables.next_aside,
            source: callback.source.to_string(),
            received_at: callback.received_at,
            reason: reason.to_owned(),
            body: Some(String::from_utf8_lossy(&callback.body).into_owned()),
            bytes: callback.body.len() as u64,
            released_at: None,
        };
        let kept = NewCallback { events: Vec::new(), ..callback.clone() };
        self.tables.quarantine.insert(about.id, (about, kept));
    }
}
