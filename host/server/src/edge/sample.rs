//! The bounded sample of rejected callbacks.

use std::sync::Mutex;

use jiff::Timestamp;
use mortar_core::ports::RejectedCallback;
use mortar_pipeline::Ports;

/// Rejected callbacks that are kept in one second. A flood of forged ones costs no more disk than
/// that; a wrong secret shows all the same.
const PER_SECOND: u32 = 20;

pub(super) struct Sampler {
    ports: Ports,
    second: Mutex<(i64, u32)>,
}

impl Sampler {
    pub(super) fn new(ports: Ports) -> Self {
        Self { ports, second: Mutex::new((0, 0)) }
    }

    /// Keeps the callback, or lets it go; the sender does not wait for it.
    pub(super) fn take(&self, callback: RejectedCallback) {
        if !self.has_room(callback.received_at) {
            return;
        }
        let journal = self.ports.journal.clone();
        let kept = journal.reject(callback);
        tokio::spawn(async move {
            // What the journal itself has said already is not said again with each callback.
            if let Err(fault) = kept.await
                && journal.health().is_ok()
            {
                tracing::warn!(%fault, "a rejected callback could not be kept for the operator");
            }
        });
    }

    fn has_room(&self, now: Timestamp) -> bool {
        let mut second = self.second.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if second.0 != now.as_second() {
            *second = (now.as_second(), 0);
        }
        second.1 += 1;
        second.1 <= PER_SECOND
    }
}
