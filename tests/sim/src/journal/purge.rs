//! What is past its time is forgotten, a little at a time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mortar_core::delivery::State;

use super::Work;

/// Events that one purge looks at.
const EVENTS: usize = 256;

impl Work<'_> {
    /// Answers whether more is left.
    pub(super) fn purge(&mut self, now: Timestamp) -> bool {
        let before = earlier(now, self.settings.keep_events);
        let old = self.tables.events.range(self.tables.purge_from..).take_while(|(_, stored)| stored.event.received_at < before);
        let mut old: Vec<_> = old.take(EVENTS + 1).map(|(seq, _)| *seq).collect();
        let next = if old.len() > EVENTS { old.pop() } else { None };
        for seq in old {
            let stays = |state: State| state.is_open() || state == State::Dead;
            if !self.tables.deliveries_of(seq).any(|(_, delivery)| stays(delivery.state)) {
                self.tables.events.remove(&seq);
                self.tables.deliveries.retain(|id, _| id.event != seq);
            }
        }
        self.tables.purge_from = next.unwrap_or(0);
        if next.is_some() {
            return true;
        }
        self.tables.quarantine.retain(|_, (about, _)| about.released_at.is_none_or(|at| at >= before));
        self.tables.rejected.retain(|_, (about, _)| about.received_at >= before);
        // An id is known at least as long as its event is kept.
        let oldest = earlier(now, self.settings.dedupe_window.max(self.settings.keep_events));
        let events = &self.tables.events;
        self.tables.ids.retain(|_, (seq, at)| *at >= oldest || events.contains_key(seq));
        false
    }
}

fn earlier(now: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| now.checked_sub(by).ok()).unwrap_or(Timestamp::MIN)
}
