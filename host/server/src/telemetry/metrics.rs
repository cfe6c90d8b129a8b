//! Metrics in the OpenMetrics format, at the admin API's `/metrics`.

use std::time::Duration;

use mortar_core::ports::{Observation, Observer};
use mortar_core::story::Counts;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CallbackLabels {
    source: String,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct SourceLabels {
    source: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct AttemptLabels {
    plugin: String,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RoundTripLabels {
    plugin: String,
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CallLabels {
    connection: String,
    /// `2xx` to `5xx`, or `none` where no answer came.
    status: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct SwapLabels {
    plugin: String,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ComparedLabels {
    plugin: String,
    by: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct BreakerLabels {
    connection: String,
    /// What the breaker became.
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

type Durations<L> = Family<L, Histogram, fn() -> Histogram>;

fn seconds() -> Histogram {
    Histogram::new([0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0])
}

/// Every metric of the host.
pub struct Metrics {
    registry: Registry,
    callbacks: Durations<CallbackLabels>,
    stored: Family<SourceLabels, Counter>,
    duplicates: Family<SourceLabels, Counter>,
    polled: Family<SourceLabels, Counter>,
    missed: Family<SourceLabels, Counter>,
    attempts: Durations<AttemptLabels>,
    round_trips: Durations<RoundTripLabels>,
    calls: Durations<CallLabels>,
    breakers: Family<BreakerLabels, Counter>,
    swaps: Family<SwapLabels, Counter>,
    compared: Family<ComparedLabels, Counter>,
    ready: Gauge,
    plugins: Family<StateLabels, Gauge>,
    deliveries: Family<StateLabels, Gauge>,
    held: Gauge,
}

impl Metrics {
    /// Events that a source has sent since the host started, duplicates included.
    #[must_use]
    pub fn events_of(&self, source: &str) -> u64 {
        let labels = SourceLabels { source: source.to_owned() };
        self.stored.get_or_create(&labels).get() + self.duplicates.get_or_create(&labels).get()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("mortar");
        let callbacks = Durations::new_with_constructor(seconds as fn() -> Histogram);
        let attempts = Durations::new_with_constructor(seconds as fn() -> Histogram);
        let calls = Durations::new_with_constructor(seconds as fn() -> Histogram);
        let round_trips = Durations::new_with_constructor(seconds as fn() -> Histogram);
        let (stored, duplicates, breakers, swaps) = (Family::default(), Family::default(), Family::default(), Family::default());
        let (polled, missed, compared) = (Family::default(), Family::default(), Family::default());
        let help = "Callbacks by source and result, from the first byte read to the answer";
        registry.register_with_unit("callback_duration", help, Unit::Seconds, callbacks.clone());
        registry.register("events_stored", "New events by source", stored.clone());
        registry.register("events_duplicate", "Events by source whose id was known", duplicates.clone());
        registry.register("records_polled", "Records by source that polls compared with what is known", polled.clone());
        registry.register("events_missed", "Events by source that no callback brought and a poll found", missed.clone());
        let help = "Attempts by plugin and result";
        registry.register_with_unit("attempt_duration", help, Unit::Seconds, attempts.clone());
        let help = "Looks at the ERP for round trips by plugin and what they came to; due: looked at again";
        registry.register_with_unit("round_trip_duration", help, Unit::Seconds, round_trips.clone());
        let help = "Requests through connections by class of status";
        registry.register_with_unit("call_duration", help, Unit::Seconds, calls.clone());
        registry.register("breaker_changes", "Changes of the breakers of connections, by what they became", breakers.clone());
        registry.register("plugin_swaps", "Generations of plugins that were put in force, failed to be, or were taken out", swaps.clone());
        let help = "Recorded deliveries that generations of plugins were compared on, by gate or shadow and what came of it";
        registry.register("plugin_comparisons", help, compared.clone());
        let ready = Gauge::default();
        registry.register("ready", "1 while callbacks are taken, 0 while the journal cannot store them", ready.clone());
        let plugins = Family::default();
        registry.register("plugins", "Plugins by state: active, parked (their files are gone), failed", plugins.clone());
        let (deliveries, held) = (Family::default(), Gauge::default());
        registry.register("deliveries", "Deliveries by state; absent while they are counted after a crash", deliveries.clone());
        registry.register("deliveries_held", "Open deliveries that a dead letter of their subject holds", held.clone());
        Self {
            registry,
            callbacks,
            stored,
            duplicates,
            polled,
            missed,
            attempts,
            round_trips,
            calls,
            breakers,
            swaps,
            compared,
            ready,
            plugins,
            deliveries,
            held,
        }
    }
}

impl Metrics {
    /// All metrics as text; `ready` says whether callbacks are taken now, `plugins` how many are in
    /// which state, `counts` what is stored, where that is known.
    ///
    /// # Errors
    /// Those of the encoder.
    pub fn encode(&self, ready: bool, plugins: &[(&'static str, usize)], counts: Option<&Counts>) -> Result<String, std::fmt::Error> {
        self.ready.set(ready.into());
        for (state, count) in plugins {
            self.plugins.get_or_create(&StateLabels { state }).set(i64::try_from(*count).unwrap_or(i64::MAX));
        }
        if let Some(counts) = counts {
            for (state, count) in &counts.deliveries {
                self.deliveries.get_or_create(&StateLabels { state: state.as_str() }).set(count.cast_signed());
            }
            self.held.set(counts.held.cast_signed());
        }
        let mut page = String::new();
        text::encode(&mut page, &self.registry)?;
        Ok(page)
    }
}

fn observe<L>(family: &Durations<L>, labels: &L, took: Duration)
where
    L: Clone + std::hash::Hash + Eq,
{
    family.get_or_create(labels).observe(took.as_secs_f64());
}

impl Observer for Metrics {
    fn observe(&self, observation: &Observation<'_>) {
        match *observation {
            Observation::Callback { source, result, took } => {
                observe(&self.callbacks, &CallbackLabels { source: source.to_owned(), result }, took);
            }
            Observation::Events { source, stored, duplicates } => {
                let labels = SourceLabels { source: source.to_owned() };
                self.stored.get_or_create(&labels).inc_by(stored as u64);
                if duplicates > 0 {
                    self.duplicates.get_or_create(&labels).inc_by(duplicates as u64);
                }
            }
            Observation::Polled { source, looked, missed } => {
                let labels = SourceLabels { source: source.to_owned() };
                self.polled.get_or_create(&labels).inc_by(looked as u64);
                self.missed.get_or_create(&labels).inc_by(missed as u64);
            }
            Observation::Attempt { plugin, result, took, .. } => {
                observe(&self.attempts, &AttemptLabels { plugin: plugin.to_owned(), result }, took);
            }
            Observation::RoundTrip { plugin, state, took } => {
                observe(&self.round_trips, &RoundTripLabels { plugin: plugin.to_owned(), state: state.as_str() }, took);
            }
            Observation::Call { connection, status, took } => {
                let status = match status {
                    Some(100..=199) => "1xx",
                    Some(200..=299) => "2xx",
                    Some(300..=399) => "3xx",
                    Some(400..=499) => "4xx",
                    Some(_) => "5xx",
                    None => "none",
                };
                observe(&self.calls, &CallLabels { connection: connection.to_owned(), status }, took);
            }
            Observation::Swap { plugin, result } => {
                self.swaps.get_or_create(&SwapLabels { plugin: plugin.to_owned(), result }).inc();
            }
            Observation::Compared { plugin, by, result } => {
                self.compared.get_or_create(&ComparedLabels { plugin: plugin.to_owned(), by, result }).inc();
            }
            Observation::Breaker { connection, state } => {
                self.breakers.get_or_create(&BreakerLabels { connection: connection.to_owned(), state }).inc();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use mortar_core::delivery::State;

    use super::*;

    #[test]
    fn what_was_observed_is_on_the_page() {
        let metrics = Metrics::default();
        metrics.observe(&Observation::Events { source: "masonhub", stored: 3, duplicates: 1 });
        metrics.observe(&Observation::Call { connection: "erp", status: Some(201), took: Duration::from_millis(3) });
        metrics.observe(&Observation::Breaker { connection: "erp", state: "half-open" });
        metrics.observe(&Observation::Polled { source: "masonhub", looked: 9, missed: 2 });
        metrics.observe(&Observation::Swap { plugin: "rest", result: "activated" });
        metrics.observe(&Observation::Compared { plugin: "rest", by: "gate", result: "differs" });
        let page = metrics.encode(true, &[("active", 2)], None).unwrap();
        assert!(page.contains("mortar_events_missed_total{source=\"masonhub\"} 2"), "{page}");
        assert!(page.contains("mortar_plugins{state=\"active\"} 2"), "{page}");
        assert!(page.contains("mortar_plugin_swaps_total{plugin=\"rest\",result=\"activated\"} 1"), "{page}");
        assert!(page.contains("mortar_plugin_comparisons_total{plugin=\"rest\",by=\"gate\",result=\"differs\"} 1"), "{page}");
        assert!(!page.contains("mortar_deliveries{"), "{page}");
        let counts = Counts { deliveries: vec![(State::Waiting, 5), (State::Dead, 1)], held: 4, ..Counts::default() };
        let page = metrics.encode(true, &[], Some(&counts)).unwrap();
        assert!(page.contains("mortar_deliveries{state=\"waiting\"} 5"), "{page}");
        assert!(page.contains("mortar_deliveries_held 4"), "{page}");
        assert!(page.contains("mortar_ready 1"), "{page}");
        assert!(page.contains("mortar_events_stored_total{source=\"masonhub\"} 3"), "{page}");
        assert!(page.contains("mortar_call_duration_seconds_count{connection=\"erp\",status=\"2xx\"} 1"), "{page}");
        assert!(page.contains("mortar_breaker_changes_total{connection=\"erp\",state=\"half-open\"} 1"), "{page}");
    }
}
