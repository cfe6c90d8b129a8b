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

/// The newest events, within a bound of bytes.
pub(crate) struct Recent {
    events: HashMap<EventSeq, (Arc<NewCallback>, usize), BuildAsIs>,
    order: VecDeque<(EventSeq, usize)>,
    bytes: usize,
    bound: usize,
}

impl Recent {
    pub(crate) fn new(bound: usize) -> Self {
        Self { events: HashMap::default(), order: VecDeque::new(), bytes: 0, bound }
    }

    /// Keeps an event; forgets the oldest instead.
    pub(crate) fn insert(&mut self, event: RecentEvent) {
        let RecentEvent { seq, callback, index, first } = event;
        let cost = OVERHEAD + if first { callback.body.len() } else { 0 };
        self.bytes += cost;
        self.order.push_back((seq, cost));
        self.events.insert(seq, (callback, index));
        while self.bytes > self.bound
            && let Some((seq, cost)) = self.order.pop_front()
        {
            self.events.remove(&seq);
            self.bytes -= cost;
        }
    }

    /// The event, just as the file would give it.
    pub(crate) fn get(&self, seq: EventSeq) -> Option<Arc<StoredEvent>> {
        let (callback, index) = self.events.get(&seq)?;
        let event = &callback.events.get(*index)?.event;
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
}
