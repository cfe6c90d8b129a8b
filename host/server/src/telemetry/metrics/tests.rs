use std::collections::BTreeMap;
use std::path::Path;

use jiff::SignedDuration;
use mortar_connect::{BreakerState, ConnectionStatus};
use mortar_core::code::ErrorCode;
use mortar_core::delivery::State;
use mortar_core::round_trip::RoundTripState;
use mortar_core::story::Counts;

use super::*;
use crate::telemetry::book;

fn metrics() -> Metrics {
    Metrics::new(Timestamp::UNIX_EPOCH, "/nowhere/mortar.db".into())
}

fn attempt<'a>(event_type: &'a str, result: &'static str, code: Option<ErrorCode>) -> Observation<'a> {
    let (took, age) = (Duration::from_millis(20), Duration::from_secs(3));
    Observation::Attempt { plugin: "rest", event_type, result, code, took, age }
}

/// A page with every metric on it.
fn full(metrics: &Metrics) -> String {
    let took = Duration::from_millis(3);
    let lag = Some(SignedDuration::from_secs(-7));
    for observation in [
        Observation::Callback { source: "masonhub", result: "accepted", took },
        Observation::Verified { source: "masonhub", secret: Some(2), at: Timestamp::from_second(1_800_000_000).unwrap() },
        Observation::Read { source: "masonhub", event_type: "order.fulfilled", lag },
        Observation::Events { source: "masonhub", stored: 3, duplicates: 1 },
        Observation::Polled { source: "masonhub", looked: 9, missed: 2 },
        attempt("order.fulfilled", "done", None),
        attempt("order.fulfilled", "waiting", Some(ErrorCode::ErpUnavailable)),
        Observation::RoundTrip { plugin: "rest", state: RoundTripState::Confirmed, took },
        Observation::Call { connection: "erp", status: Some(201), took },
        Observation::Breaker { connection: "erp", state: "half-open" },
        Observation::Swap { plugin: "rest", result: "activated" },
        Observation::Compared { plugin: "rest", by: "gate", result: "differs" },
    ] {
        metrics.observe(&observation);
    }
    let open = BTreeMap::from([("rest".to_owned(), 5)]);
    let counts = Counts { deliveries: vec![(State::Waiting, 5), (State::Dead, 1)], held: 4, open, ..Counts::default() };
    let connection = ConnectionStatus {
        name: "erp".into(),
        url: "https://erp.example.com/".into(),
        in_flight: 2,
        waiting: 1,
        concurrency: 8,
        allowed: 4,
        breaker: BreakerState::Ramping,
        paused_until: None,
    };
    metrics.encode(&Now { ready: true, plugins: &[("active", 2)], counts: Some(&counts), connections: &[connection] }).unwrap()
}

#[test]
fn what_was_observed_is_on_the_page() {
    let page = full(&metrics());
    for line in [
        "mortar_build_info{version=\"0.1.0\"} 1",
        "mortar_ready 1",
        "mortar_plugins{state=\"active\"} 2",
        "mortar_deliveries{state=\"waiting\"} 5",
        "mortar_deliveries_open{plugin=\"rest\"} 5",
        "mortar_deliveries_held 4",
        "mortar_connection_breaker{connection=\"erp\",state=\"ramping\"} 1",
        "mortar_connection_breaker{connection=\"erp\",state=\"open\"} 0",
        "mortar_connection_in_flight{connection=\"erp\"} 2",
        "mortar_events_read_total{source=\"masonhub\",type=\"order.fulfilled\"} 1",
        "mortar_events_stored_total{source=\"masonhub\"} 3",
        "mortar_events_missed_total{source=\"masonhub\"} 2",
        "mortar_event_lag_seconds{source=\"masonhub\"} -7",
        "mortar_callbacks_verified_total{source=\"masonhub\",secret=\"2\"} 1",
        "mortar_secret_matched_timestamp_seconds{source=\"masonhub\",secret=\"2\"} 1800000000",
        "mortar_attempts_total{plugin=\"rest\",type=\"order.fulfilled\",result=\"done\"} 1",
        "mortar_attempt_errors_total{plugin=\"rest\",code=\"erp.unavailable\"} 1",
        "mortar_delivery_age_seconds_count{plugin=\"rest\"} 1",
        "mortar_call_duration_seconds_count{connection=\"erp\",status=\"2xx\"} 1",
        "mortar_breaker_changes_total{connection=\"erp\",state=\"half-open\"} 1",
        "mortar_plugin_swaps_total{plugin=\"rest\",result=\"activated\"} 1",
        "mortar_plugin_comparisons_total{plugin=\"rest\",by=\"gate\",result=\"differs\"} 1",
    ] {
        assert!(page.lines().any(|found| found == line), "{line}\n{page}");
    }
}

#[test]
fn every_sample_is_described_with_its_labels() {
    let metrics = metrics();
    let page = full(&metrics);
    let mut undescribed: Vec<_> = metrics.entries().iter().map(|entry| entry.name.as_str()).collect();
    for sample in page.lines().filter(|line| !line.starts_with('#')) {
        let name = sample.split(['{', ' ']).next().unwrap();
        let entry = metrics.entries().iter().find(|entry| entry.samples().iter().any(|ending| ending == name));
        let entry = entry.unwrap_or_else(|| panic!("{name} is not described"));
        let labels: Vec<_> = sample.split(['{', ',', '}']).filter_map(|part| part.split_once("=\"")).map(|(label, _)| label).collect();
        let labels: Vec<_> = labels.into_iter().filter(|label| *label != "le").collect();
        assert_eq!(labels, entry.labels, "{sample}");
        undescribed.retain(|name| *name != entry.name);
    }
    assert_eq!(undescribed, [""; 0], "described, and never on the page");
}

#[test]
fn types_without_end_are_counted_as_other() {
    let metrics = metrics();
    for number in 0..TYPES + 10 {
        metrics.observe(&Observation::Read { source: "masonhub", event_type: &format!("made.up{number}"), lag: None });
    }
    let page = full(&metrics);
    let series = page.lines().filter(|line| line.starts_with("mortar_events_read_total{")).count();
    assert_eq!(series, TYPES + 1);
    assert!(page.contains("type=\"other\"} 11"), "ten, and the type that came last\n{page}");
}

#[test]
fn before_everything_is_counted_nothing_is_said_of_it() {
    let page = metrics().encode(&Now { ready: false, plugins: &[], counts: None, connections: &[] }).unwrap();
    assert!(page.contains("mortar_ready 0") && !page.contains("mortar_deliveries{"), "{page}");
}

#[test]
fn the_list_for_operators_is_what_there_is() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/deploy/METRICS.md");
    let page = book::page(metrics().entries());
    if std::env::var_os("WRITE_DOCS").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(written == page, "{} is not what there is: WRITE_DOCS=1 cargo test --workspace --lib", file.display());
}

/// What dashboards and alert rules ask for.
#[test]
fn what_examples_ask_for_is_there() {
    let metrics = metrics();
    let samples: Vec<_> = metrics.entries().iter().flat_map(Entry::samples).collect();
    for file in ["grafana.json", "alerts.yml"] {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/deploy").join(file)).unwrap();
        let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
        let asked: Vec<_> = text.split(word).filter(|word| word.starts_with("mortar_")).collect();
        assert!(asked.len() > 10, "{file}");
        for name in asked {
            assert!(samples.iter().any(|sample| sample == name), "{file} asks for {name}, which there is not");
        }
    }
}
