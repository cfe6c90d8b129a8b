//! A look at the host: what is wrong now.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use mortar_connect::{BreakerState, Connections};
use mortar_core::config::{AlertKind, AlertsConfig};
use mortar_core::delivery::State;
use mortar_core::ports::{Filter, JournalError, RoundTrips};
use mortar_core::round_trip::RoundTripState;
use mortar_core::story::Counts;
use mortar_pipeline::Ports;
use mortar_pipeline::swap::Swaps;

use super::causes::{Cause, Seen};
use crate::poll::Poller;
use crate::telemetry::metrics::Metrics;

/// Dead letters, or mismatches, that are looked at, newest first.
const MOST: usize = 200;

/// Where a look looks, and what it remembers for the next one.
pub struct Look {
    round_trips: Arc<dyn RoundTrips>,
    connections: Arc<Connections>,
    swaps: Arc<Swaps>,
    pollers: Vec<Arc<Poller>>,
    metrics: Arc<Metrics>,
    /// The sources.
    sources: Vec<String>,
    /// Events that each source had sent, and since when it has not sent more.
    heard: BTreeMap<String, (u64, Timestamp)>,
    /// Events that polls of each source had found missing.
    missed: BTreeMap<String, u64>,
}

impl Look {
    /// Where to look.
    #[must_use]
    pub fn new(
        round_trips: Arc<dyn RoundTrips>,
        connections: Arc<Connections>,
        swaps: Arc<Swaps>,
        pollers: Vec<Arc<Poller>>,
        metrics: Arc<Metrics>,
        sources: Vec<String>,
    ) -> Self {
        Self { round_trips, connections, swaps, pollers, metrics, sources, heard: BTreeMap::new(), missed: BTreeMap::new() }
    }

    /// Looks.
    pub(super) async fn take(&mut self, ports: &Ports, config: &AlertsConfig) -> Seen {
        let mut seen = Seen::default();
        if let Err(fault) = self.stored(ports, &mut seen).await {
            tracing::warn!(%fault, "the journal could not be looked at for alerts");
            seen.partly.extend([AlertKind::RoundTripMismatch, AlertKind::DeadLetter]);
        }
        if let Err(fault) = ports.journal.health() {
            seen.add(AlertKind::Storage, "journal", format!("callbacks are answered 503: {fault}; see `mortar status`"));
        }
        for connection in self.connections.status() {
            if matches!(connection.breaker, BreakerState::Open { .. } | BreakerState::HalfOpen) {
                let text = format!("nothing is sent to {}: its requests failed; deliveries wait, see `mortar status`", connection.url);
                seen.add(AlertKind::BreakerOpen, &connection.name, text);
            }
        }
        for (plugin, standing) in self.swaps.standings() {
            // What a gate holds back was never in force: whoever brought it is told by the gate.
            let held_back = standing.record.and_then(|record| record.held_back).filter(|held| held.gate.is_none());
            if let Some(held) = held_back {
                let digest = held.digest.get(..12).unwrap_or(&held.digest);
                let text = format!("generation {digest} is out of force: {}; see `mortar plugin show {plugin}`", held.reason);
                seen.add(AlertKind::PluginRolledBack, &plugin, text);
            }
        }
        self.missed(&mut seen);
        self.silent(ports.clock.now(), config.silence, &mut seen);
        seen.wrong.retain(|cause, _| config.kinds.contains(&cause.kind));
        seen
    }

    /// What the journal knows.
    async fn stored(&self, ports: &Ports, seen: &mut Seen) -> Result<(), JournalError> {
        let Counts { deliveries, mismatches, .. } = ports.journal.counts().await?;
        if mismatches > 0 {
            let found = self.round_trips.round_trips(RoundTripState::Mismatch, None, MOST).await?;
            seen.partly.extend((found.len() >= MOST).then_some(AlertKind::RoundTripMismatch));
            for trip in found {
                let [expected, found] =
                    [&trip.round_trip.expected, &trip.round_trip.found].map(|side| side.as_deref().unwrap_or("nothing"));
                let (subject, plugin, delivery) = (&trip.subject, &trip.plugin, trip.delivery);
                let text = format!("{subject} to {plugin}: expected {expected}, found {found}; see `mortar roundtrip check {delivery}`");
                seen.add(AlertKind::RoundTripMismatch, &delivery.to_string(), text);
            }
        }
        if deliveries.iter().any(|(state, count)| *state == State::Dead && *count > 0) {
            let dead = ports.journal.events(Filter { limit: MOST, state: Some(State::Dead), ..Filter::default() }).await?;
            seen.partly.extend((dead.len() >= MOST).then_some(AlertKind::DeadLetter));
            for event in dead {
                for delivery in event.deliveries.iter().filter(|delivery| delivery.state == State::Dead) {
                    let (id, subject, plugin) = (delivery.id, &event.subject, &delivery.plugin);
                    let reason = delivery.reason.as_deref().unwrap_or_default();
                    let text = format!("{} of {subject} to {plugin}: {reason}; see `mortar dead show {id}`", event.event_type);
                    seen.add(AlertKind::DeadLetter, &id.to_string(), text);
                }
            }
        }
        Ok(())
    }

    /// Sources whose last poll found something missing, or one since the last look.
    fn missed(&mut self, seen: &mut Seen) {
        for poller in &self.pollers {
            let gap = poller.gap();
            let before = self.missed.insert(poller.source.to_string(), gap.all).unwrap_or(0);
            if gap.last > 0 || gap.all > before {
                let events = gap.examples.join(", ");
                let number = gap.last.max(gap.all - before);
                let text = format!(
                    "a poll found events that no callback brought ({number}: {events}); they are delivered. \
                     See `mortar masonhub list` and `mortar rejected list`"
                );
                seen.add(AlertKind::MissedCallbacks, &poller.source, text);
            }
        }
    }

    /// Sources that have sent nothing for too long.
    fn silent(&mut self, now: Timestamp, silence: Duration, seen: &mut Seen) {
        for source in self.sources.iter().filter(|_| !silence.is_zero()) {
            let events = self.metrics.events_of(source);
            let heard = self.heard.entry(source.clone()).or_insert((events, now));
            if heard.0 != events {
                *heard = (events, now);
            }
            if now.duration_since(heard.1).unsigned_abs() >= silence {
                let text =
                    format!("no callback came since {:.0}; is it registered, and is the way to here open? `mortar masonhub list`", heard.1);
                seen.add(AlertKind::SilentSource, source, text);
            }
        }
    }
}

impl Seen {
    fn add(&mut self, kind: AlertKind, about: &str, text: String) {
        self.wrong.insert(Cause { kind, about: about.to_owned() }, text);
    }
}
