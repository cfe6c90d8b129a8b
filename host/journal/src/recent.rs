//! Events that were just accepted, so that their first delivery need not read them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use mortar_core::delivery::EventSeq;
use mortar_core::ports::{NewCallback, StoredEvent};

use crate::key::{BuildAsIs, micros, time};

/// Bytes that an event takes beside its payload, about.
const OVERHEAD: usize = 512;

/// An event of a callback that is stored.
pub(crate) struct RecentEvent {
    pub(crate) seq: EventSeq,
    pub(crate) callback: Arc<NewCallback>,
    /// Which of the callback's.
    pub(crate) index: usize,
    /// True for the first of the callback's events that is kept: with it the body counts.
    pub(crate) first: bool,
}

/// The newest events whose deliveries were not claimed yet, within a bound of bytes.
pub(crate) struct Recent {
    events: HashMap<EventSeq, Kept, BuildAsIs>,
    /// Oldest first; what was taken out stays until it is the oldest.
    order: VecDeque<EventSeq>,
    bytes: usize,
    bound: usize,
}

struct Kept {
    callback: Arc<NewCallback>,
    index: usize,
    cost: usize,
    /// Deliveries that will ask for it.
    claims: usize,
}

impl Recent {
    pub(crate) fn new(bound: usize) -> Self {
        Self { events: HashMap::default(), order: VecDeque::new(), bytes: 0, bound }
    }

    /// Keeps an event; forgets the oldest instead.
    pub(crate) fn insert(&mut self, event: RecentEvent) {
        let RecentEvent { seq, callback, index, first } = event;
        let claims = callback.events.get(index).map_or(0, |new| new.deliveries.len());
        let cost = OVERHEAD + if first { callback.body.len() } else { 0 };
        self.bytes += cost;
        self.order.push_back(seq);
        self.events.insert(seq, Kept { callback, index, cost, claims });
        while self.bytes > self.bound
            && let Some(seq) = self.order.pop_front()
        {
            self.remove(seq);
        }
    }

    fn remove(&mut self, seq: EventSeq) -> Option<Kept> {
        let kept = self.events.remove(&seq)?;
        self.bytes -= kept.cost;
        Some(kept)
    }

    /// The event, for the first claim of one of its deliveries; with the last it is forgotten.
    pub(crate) fn claim(&mut self, seq: EventSeq) -> Option<Arc<StoredEvent>> {
        let kept = self.events.get_mut(&seq)?;
        kept.claims = kept.claims.saturating_sub(1);
        if kept.claims > 0 {
            return stored(seq, &kept.callback, kept.index);
        }
        let kept = self.remove(seq)?;
        while self.order.front().is_some_and(|oldest| !self.events.contains_key(oldest)) {
            self.order.pop_front();
        }
        stored(seq, &kept.callback, kept.index)
    }
}

/// The event, just as the file would give it.
fn stored(seq: EventSeq, callback: &NewCallback, index: usize) -> Option<Arc<StoredEvent>> {
    let event = &callback.events.get(index)?.event;
    Some(Arc::new(StoredEvent {
        seq,
        id: event.id.clone(),
        event_type: event.event_type.to_string(),
        subject: event.subject.to_string(),
        source: callback.source.clone(),
        received_at: time(micros(callback.received_at)),
        as_of: event.as_of.map(|as_of| time(micros(as_of))),
        payload: callback.body.slice(event.record.clone()),
    }))
}
