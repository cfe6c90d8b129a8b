//! Metrics in the OpenMetrics format, at the admin API's `/metrics`.
//!
//! | file | what is in it |
//! |---|---|
//! | this one | every metric, and what is counted when something is observed |
//! | `metrics/now.rs` | what is looked at when the page is asked for |
//! | `book.rs` | how metrics are registered and described |
//! | `names.rs` | values of labels, and their limit |

mod now;

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use mortar_core::ports::{Observation, Observer};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

pub use self::now::Now;
use super::book::{Book, Durations, Entry, Label};
use super::names::{Name, Names};

/// Sources, plugins and connections that are told apart, each.
const NAMES: usize = 512;

/// Types of events that are told apart: MasonHub has some thirty.
const TYPES: usize = 64;

macro_rules! labels {
    ($($name:ident { $($label:ident: $kind:ty),+ })+) => {
        $(#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
        struct $name { $($label: $kind),+ })+
    };
}

labels! {
    BySource { source: Name }
    BySourceResult { source: Name, result: &'static str }
    BySourceType { source: Name, r#type: Name }
    BySourceSecret { source: Name, secret: u8 }
    ByPlugin { plugin: Name }
    ByPluginResult { plugin: Name, result: &'static str }
    ByPluginTypeResult { plugin: Name, r#type: Name, result: &'static str }
    ByPluginCode { plugin: Name, code: &'static str }
    ByPluginState { plugin: Name, state: &'static str }
    ByPluginComparison { plugin: Name, by: &'static str, result: &'static str }
    ByConnection { connection: Name }
    ByConnectionStatus { connection: Name, status: &'static str }
    ByConnectionState { connection: Name, state: &'static str }
    ByState { state: &'static str }
}

fn short() -> Histogram {
    Histogram::new([0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0])
}

fn long() -> Histogram {
    Histogram::new([0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 60.0, 300.0, 1800.0, 3600.0, 21_600.0, 86_400.0])
}

/// Every metric of the host.
pub struct Metrics {
    book: Book,
    names: Names,
    types: Names,
    callbacks: Durations<BySourceResult>,
    read: Family<BySourceType, Counter>,
    stored: Family<BySource, Counter>,
    duplicates: Family<BySource, Counter>,
    lag: Family<BySource, Gauge>,
    verified: Family<BySourceSecret, Counter>,
    secret_matched: Family<BySourceSecret, Gauge>,
    polled: Family<BySource, Counter>,
    missed: Family<BySource, Counter>,
    attempts: Durations<ByPluginResult>,
    ended: Family<ByPluginTypeResult, Counter>,
    errors: Family<ByPluginCode, Counter>,
    ages: Durations<ByPlugin>,
    round_trips: Durations<ByPluginState>,
    calls: Durations<ByConnectionStatus>,
    breakers: Family<ByConnectionState, Counter>,
    swaps: Family<ByPluginResult, Counter>,
    compared: Family<ByPluginComparison, Counter>,
    now: now::Gauges,
}

impl Metrics {
    /// All at nothing, for a host that starts now over a journal in this file.
    #[must_use]
    pub fn new(started_at: Timestamp, journal: PathBuf) -> Self {
        let mut book = Book::new();
        Self {
            names: Names::new(NAMES),
            types: Names::new(TYPES),
            callbacks: book.durations(
                "callback_duration",
                &["source", "result"],
                "Callbacks, from the first byte read to the answer. `result`: `accepted`, `quarantined` (genuine, unreadable), `rejected` (not genuine), `refused` (not a callback), `unavailable` (answered 503). No source: the path belongs to none",
                short,
            ),
            read: book.counter("events_read", &["source", "type"], "Events read from genuine callbacks, known ones and those that could not be stored included"),
            stored: book.counter("events_stored", &["source"], "New events"),
            duplicates: book.counter("events_duplicate", &["source"], "Events whose id was known: acked, not delivered again"),
            lag: book.seconds("event_lag", &["source"], "How long after the time that the record names the last event came. Below zero, this host's clock is behind the sender's; ever growing, the sender is late"),
            verified: book.counter("callbacks_verified", &["source", "secret"], "Genuine callbacks by the secret that matched, from 1; 0 where nothing is verified"),
            secret_matched: book.seconds("secret_matched_timestamp", &["source", "secret"], "When a secret matched last, in seconds since 1970. An old secret can go once `time()` less this is longer than the sender's retries"),
            polled: book.counter("records_polled", &["source"], "Records that polls compared with what is known"),
            missed: book.counter("events_missed", &["source"], "Events that no callback brought and a poll found"),
            attempts: book.durations("attempt_duration", &["plugin", "result"], "Attempts, calls included. `result`: `done`, `ignored`, `waiting` (comes again), `dead`. The share of `waiting` is the rate of retries", short),
            ended: book.counter("attempts", &["plugin", "type", "result"], "Attempts by the type of their event. `done` and `ignored` succeeded, `dead` failed for good"),
            errors: book.counter("attempt_errors", &["plugin", "code"], "Attempts that failed, by error code: see CODES.md"),
            ages: book.durations("delivery_age", &["plugin"], "How long after its receipt, or its last replay, a delivery was done", long),
            round_trips: book.durations("round_trip_duration", &["plugin", "state"], "Looks at the ERP for round trips. `state`: `confirmed`, `mismatch`, `unconfirmed`, `not-applicable`, or `due` (looked at again)", short),
            calls: book.durations("call_duration", &["connection", "status"], "Requests through connections. `status`: the class (`2xx`), or `none` where no answer came", short),
            breakers: book.counter("breaker_changes", &["connection", "state"], "Changes of breakers, by what they became: `open`, `half-open`, `ramping`, `closed`"),
            swaps: book.counter("plugin_swaps", &["plugin", "result"], "Generations that were `activated`, `failed` to be, were `blocked` by the gate, `parked` or `rolled-back`"),
            compared: book.counter("plugin_comparisons", &["plugin", "by", "result"], "Recorded deliveries that generations were compared on, by `gate` or `shadow`, and what came of it"),
            now: now::Gauges::new(&mut book, started_at, journal),
            book,
        }
    }

    /// Events that a source has sent since the host started, duplicates included.
    #[must_use]
    pub fn events_of(&self, source: &str) -> u64 {
        let labels = BySource { source: self.names.get(source) };
        self.stored.get_or_create(&labels).get() + self.duplicates.get_or_create(&labels).get()
    }

    /// What there is, and what it says.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        self.book.entries()
    }

    /// All metrics as text, with what is so now.
    ///
    /// # Errors
    /// Those of the encoder.
    pub fn encode(&self, now: &Now<'_>) -> Result<String, std::fmt::Error> {
        self.now.set(now, &self.names);
        self.book.encode()
    }
}

fn observe<L: Label>(family: &Durations<L>, labels: &L, took: Duration) {
    family.get_or_create(labels).observe(took.as_secs_f64());
}

impl Observer for Metrics {
    fn observe(&self, observation: &Observation<'_>) {
        let name = |name: &str| self.names.get(name);
        match *observation {
            Observation::Callback { source, result, took } => {
                observe(&self.callbacks, &BySourceResult { source: name(source), result }, took);
            }
            Observation::Verified { source, secret, at } => {
                let labels = BySourceSecret { source: name(source), secret: secret.unwrap_or(0) };
                self.verified.get_or_create(&labels).inc();
                self.secret_matched.get_or_create(&labels).set(at.as_second());
            }
            Observation::Read { source, event_type, lag } => {
                self.read.get_or_create(&BySourceType { source: name(source), r#type: self.types.get(event_type) }).inc();
                if let Some(lag) = lag {
                    self.lag.get_or_create(&BySource { source: name(source) }).set(lag.as_secs());
                }
            }
            Observation::Events { source, stored, duplicates } => {
                let labels = BySource { source: name(source) };
                self.stored.get_or_create(&labels).inc_by(stored as u64);
                if duplicates > 0 {
                    self.duplicates.get_or_create(&labels).inc_by(duplicates as u64);
                }
            }
            Observation::Polled { source, looked, missed } => {
                let labels = BySource { source: name(source) };
                self.polled.get_or_create(&labels).inc_by(looked as u64);
                self.missed.get_or_create(&labels).inc_by(missed as u64);
            }
            Observation::Attempt { plugin, event_type, result, code, took, age } => {
                let plugin = name(plugin);
                observe(&self.attempts, &ByPluginResult { plugin: plugin.clone(), result }, took);
                if let Some(code) = code {
                    self.errors.get_or_create(&ByPluginCode { plugin: plugin.clone(), code: code.as_str() }).inc();
                }
                if result == "done" {
                    observe(&self.ages, &ByPlugin { plugin: plugin.clone() }, age);
                }
                self.ended.get_or_create(&ByPluginTypeResult { plugin, r#type: self.types.get(event_type), result }).inc();
            }
            Observation::RoundTrip { plugin, state, took } => {
                observe(&self.round_trips, &ByPluginState { plugin: name(plugin), state: state.as_str() }, took);
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
                observe(&self.calls, &ByConnectionStatus { connection: name(connection), status }, took);
            }
            Observation::Swap { plugin, result } => {
                self.swaps.get_or_create(&ByPluginResult { plugin: name(plugin), result }).inc();
            }
            Observation::Compared { plugin, by, result } => {
                self.compared.get_or_create(&ByPluginComparison { plugin: name(plugin), by, result }).inc();
            }
            Observation::Breaker { connection, state } => {
                self.breakers.get_or_create(&ByConnectionState { connection: name(connection), state }).inc();
            }
        }
    }
}

#[cfg(test)]
mod tests;
