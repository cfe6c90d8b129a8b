//! Claims: memory says which deliveries may run, and nothing is written.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use mortar_core::ports::{Claim, JournalError, Lease, Share, StoredEvent};
use tokio::sync::oneshot;

use super::Writer;
use super::finish::stored_state;
use crate::key::{delivery_id, delivery_key, event_of, micros};
use crate::queue::Picked;
use crate::reader::Ask;
use crate::shared::Running;

/// A claim in line.
pub(crate) struct Claiming {
    pub(crate) now: Timestamp,
    pub(crate) max: usize,
    pub(crate) lease: Duration,
    pub(crate) shares: Vec<Share>,
    pub(crate) reply: oneshot::Sender<Result<Vec<Claim>, JournalError>>,
}

/// A delivery that was claimed, with its event where memory has it.
pub(crate) struct Taken {
    pub(crate) picked: Picked,
    pub(crate) event: Option<Arc<StoredEvent>>,
}

impl Taken {
    pub(crate) fn lease(&self) -> Lease {
        Lease { delivery: delivery_id(self.picked.key), token: self.picked.token }
    }

    /// The claim, where nothing of it has to be read from the file.
    fn at_once(&self) -> Option<Claim> {
        self.event.clone().filter(|_| !self.picked.called).map(|event| self.bare_claim(event))
    }

    /// The claim of a delivery that has called nothing yet.
    pub(crate) fn bare_claim(&self, event: Arc<StoredEvent>) -> Claim {
        let Picked { attempts, spent, .. } = self.picked;
        Claim {
            lease: self.lease(),
            attempt: attempts.saturating_add(1),
            spent,
            since: event.received_at,
            event,
            calls: Vec::new(),
            keep_steps: false,
        }
    }
}

impl Writer {
    /// Hands out deliveries. It happens between batches: what was journaled before is committed,
    /// and whoever held an expired lease can journal nothing more.
    pub(super) fn claim(&mut self, claiming: Claiming) {
        let Claiming { now, max, lease, shares, reply } = claiming;
        if reply.is_closed() {
            return;
        }
        let (now, steady) = (micros(now), self.shared.steady());
        let expires = steady.saturating_add(i64::try_from(lease.as_micros()).unwrap_or(i64::MAX));
        let queue = &mut self.memory.queue;
        let expired = queue.expire(steady);
        let given_back: Vec<_> = self.shared.take_given_back().into_iter().filter(|lease| queue.give_back(*lease)).collect();
        let picked = queue.claim(steady, max, expires, &shares);
        let mut running = self.shared.running();
        for key in expired.iter().copied().chain(given_back.iter().filter_map(|lease| delivery_key(lease.delivery))) {
            running.remove(&key);
        }
        running.extend(picked.iter().map(|picked| (picked.key, Running { since: now, stored: stored_state(picked.waiting) })));
        drop(running);
        if !expired.is_empty() {
            tracing::warn!(deliveries = expired.len(), "leases ran out before their attempts ended; the deliveries run again");
        }
        let recent = &mut self.memory.recent;
        // A delivery that was tried before asks the file; so each asks here once.
        let mut event = |picked: &Picked| (picked.attempts == 0).then(|| recent.claim(event_of(picked.key))).flatten();
        let taken: Vec<_> = picked.into_iter().map(|picked| Taken { event: event(&picked), picked }).collect();
        match taken.iter().map(Taken::at_once).collect() {
            Some(claims) => {
                let _ = reply.send(Ok(claims));
            }
            // Not the writer's time: a reader looks up what memory does not have.
            None => {
                let shared = self.shared.clone();
                let ask: Ask = Box::new(move |conn| {
                    let _ = reply.send(crate::read::claims(conn, taken, |lease| shared.give_back(lease)));
                });
                let _ = self.loads.send(ask);
            }
        }
    }
}
