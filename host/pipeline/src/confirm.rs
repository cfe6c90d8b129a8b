//! Round trips: after a delivery is done, its plugin reads back from the ERP what has arrived.

use std::sync::Arc;
use std::time::Duration;

use mortar_core::delivery::Verdict;
use mortar_core::ports::{DueRoundTrip, JournalError, Look, Looked, Observation, RoundTrips, Run};
use mortar_core::retry::History;
use mortar_core::round_trip::{Confirmation, RoundTripState};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::Ports;
use crate::plugins::Plugins;
use crate::reads::Reads;

/// How often it is looked whether something has fallen due.
const EVERY: Duration = Duration::from_secs(1);

/// A lease outlives the longest look by this much, so that it can still be recorded.
const LEASE_MARGIN: Duration = Duration::from_secs(30);

/// Looks at the ERP for what is due, at most `concurrency` at once, until `stop` says so. What is
/// under way then is dropped: it only reads, and is due again after the next start.
pub async fn confirm(
    ports: Ports,
    round_trips: Arc<dyn RoundTrips>,
    plugins: Arc<Plugins>,
    concurrency: usize,
    mut stop: watch::Receiver<bool>,
) {
    let confirmer = Arc::new(Confirmer { ports, round_trips, plugins });
    let mut looking = JoinSet::new();
    let mut said = false;
    while !*stop.borrow_and_update() {
        while looking.try_join_next().is_some() {}
        let room = concurrency.saturating_sub(looking.len());
        let due = match confirmer.due(room).await {
            Ok(due) => {
                said = false;
                due
            }
            Err(fault) => {
                if !std::mem::replace(&mut said, true) {
                    tracing::warn!(%fault, "no round trips can be taken; trying again");
                }
                Vec::new()
            }
        };
        let more = room > 0 && due.len() == room;
        for due in due {
            let confirmer = confirmer.clone();
            looking.spawn(async move { confirmer.look(due).await });
        }
        tokio::select! {
            biased;
            _ = stop.changed() => {}
            Some(_) = looking.join_next(), if more || looking.len() == concurrency => {}
            () = tokio::time::sleep(EVERY), if !more => {}
        }
    }
}

struct Confirmer {
    ports: Ports,
    round_trips: Arc<dyn RoundTrips>,
    plugins: Arc<Plugins>,
}

impl Confirmer {
    async fn due(&self, room: usize) -> Result<Vec<DueRoundTrip>, JournalError> {
        let loaded = self.plugins.now();
        let walls = loaded.iter().filter(|n| n.plugin.round_trip).map(|n| n.plugin.settings.limits.wall);
        match walls.max() {
            Some(wall) if room > 0 => self.round_trips.due(self.ports.clock.now(), room, wall + LEASE_MARGIN).await,
            _ => Ok(Vec::new()),
        }
    }

    async fn look(&self, due: DueRoundTrip) {
        let DueRoundTrip { delivery, event, spent, since } = due;
        // Where the plugin is away, the lease ends and it is looked at again.
        let Some(plugin) = self.plugins.active(delivery.plugin) else { return };
        let started = Instant::now();
        let reads = Arc::new(Reads::new(self.ports.clone(), delivery.plugin, &plugin, event.clone()));
        let (looked, log) = if plugin.round_trip {
            let run = Run { event: event.clone(), attempt: spent + 1 };
            let confirmed = plugin.handler.confirm(run, reads.clone()).await;
            let looked = match reads.amend(confirmed.answer) {
                Ok(confirmation) => Looked::Found(confirmation),
                Err(ending) => {
                    let now = self.ports.clock.now();
                    let history = History { spent, since, now, jitter: self.ports.random.fraction() };
                    after(plugin.settings.round_trip.retry.verdict(ending, history))
                }
            };
            (looked, confirmed.log)
        } else {
            let reason = "this version of the plugin does not read back".to_owned();
            (Looked::Found(Confirmation::NotApplicable { reason }), Vec::new())
        };
        let said = looked.clone();
        let state = match self.round_trips.record(Look { delivery, at: self.ports.clock.now(), looked, log }).await {
            Ok(state) => state,
            Err(fault) => {
                tracing::warn!(event = %event.id, plugin = %plugin.name, %fault, "a look at the ERP could not be recorded; it comes again");
                return;
            }
        };
        let Some(state) = state else { return };
        self.ports.observer.observe(&Observation::RoundTrip { plugin: &plugin.name, state, took: started.elapsed() });
        match (state, said) {
            (RoundTripState::Mismatch, Looked::Found(Confirmation::Mismatch { expected, found })) => {
                tracing::error!(event = %event.id, plugin = %plugin.name, %delivery, expected, found, "the ERP does not say what the event said");
            }
            (RoundTripState::Unconfirmed, Looked::GivenUp { reason }) => {
                tracing::warn!(event = %event.id, plugin = %plugin.name, %delivery, "unconfirmed: {reason}");
            }
            (state, _) => tracing::debug!(event = %event.id, plugin = %plugin.name, %state, "round trip"),
        }
    }
}

/// What follows from a look that came to no answer.
fn after(verdict: Verdict) -> Looked {
    match verdict {
        Verdict::Waiting { until, reason, spent, .. } => Looked::Again { at: until, reason, spent },
        Verdict::Dead { reason, .. } | Verdict::Ignored { reason } => Looked::GivenUp { reason },
        Verdict::Done => Looked::GivenUp { reason: "it ended without an answer".into() },
    }
}
