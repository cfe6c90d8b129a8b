//! Candidates that run beside the generation in force: which there are, and what waits for them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use mortar_core::comparison::Comparison;
use mortar_core::delivery::DeliveryId;
use mortar_core::diff::Compared;
use mortar_core::ports::Plugin;
use tokio::sync::Notify;

/// Deliveries that may wait to be compared, over all plugins. Those beyond are skipped and counted.
pub const WAITING: usize = 1000;

/// The candidates, and the deliveries that wait for them.
#[derive(Default)]
pub struct Shadows {
    inner: Mutex<Inner>,
    more: Notify,
}

#[derive(Default)]
struct Inner {
    candidates: BTreeMap<String, Candidate>,
    waiting: VecDeque<Waiting>,
}

struct Candidate {
    plugin: Plugin,
    comparison: Comparison,
}

/// A delivery that is over, to be compared.
pub struct Waiting {
    /// The delivery.
    pub delivery: DeliveryId,
    /// The generation that it ran on.
    pub active: Plugin,
}

impl Shadows {
    /// This candidate runs beside the generation of that digest from now on.
    pub fn start(&self, candidate: Plugin, with: &str, now: Timestamp) {
        let name = candidate.name.clone();
        let comparison = Comparison::new(with, now);
        self.lock().candidates.insert(name, Candidate { plugin: candidate, comparison });
    }

    /// No candidate of this plugin runs any more. Answers what was counted.
    pub fn stop(&self, plugin: &str) -> Option<Comparison> {
        let mut inner = self.lock();
        inner.waiting.retain(|waiting| waiting.active.name != plugin);
        inner.candidates.remove(plugin).map(|candidate| candidate.comparison)
    }

    /// True where this generation is the candidate.
    #[must_use]
    pub fn is_candidate(&self, plugin: &Plugin) -> bool {
        self.lock().candidates.get(&plugin.name).is_some_and(|candidate| candidate.plugin.digest == plugin.digest)
    }

    /// What was counted so far.
    #[must_use]
    pub fn of(&self, plugin: &str) -> Option<Comparison> {
        self.lock().candidates.get(plugin).map(|candidate| candidate.comparison.clone())
    }

    /// A delivery is over on this generation. It waits to be compared, if there is a candidate and room.
    pub fn ended(&self, active: &Plugin, delivery: DeliveryId) {
        let mut inner = self.lock();
        let full = inner.waiting.len() >= WAITING;
        let Some(candidate) = inner.candidates.get_mut(&active.name) else { return };
        if full {
            candidate.comparison.skipped += 1;
            return;
        }
        inner.waiting.push_back(Waiting { delivery, active: active.clone() });
        self.more.notify_one();
    }

    /// The next delivery to compare, and the candidate.
    pub async fn next(&self) -> (Waiting, Plugin) {
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            self.more.notified().await;
        }
    }

    fn take(&self) -> Option<(Waiting, Plugin)> {
        let mut inner = self.lock();
        while let Some(waiting) = inner.waiting.pop_front() {
            if let Some(candidate) = inner.candidates.get(&waiting.active.name) {
                return Some((waiting, candidate.plugin.clone()));
            }
        }
        None
    }

    /// Counts what was compared; none where that could not be. With another generation in force than
    /// before it is counted anew.
    pub fn count(&self, candidate: &Plugin, active: &Plugin, compared: Option<Compared>, now: Timestamp) {
        let mut inner = self.lock();
        let Some(known) = inner.candidates.get_mut(&candidate.name).filter(|known| known.plugin.digest == candidate.digest) else { return };
        if *known.comparison.with != *active.digest {
            known.comparison = Comparison::new(&active.digest, now);
        }
        match compared {
            Some(compared) => known.comparison.add(compared),
            None => known.comparison.skipped += 1,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
