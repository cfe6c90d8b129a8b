//! The book of metrics: nothing is registered without being described, so that the list for operators
//! is made of what there is.

use std::fmt::{Debug, Write as _};
use std::hash::Hash;

use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// Durations by labels.
pub(super) type Durations<L> = Family<L, Histogram, fn() -> Histogram>;

/// What is written down of a metric.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name on the page, with prefix and unit, without the endings of samples.
    pub name: String,
    /// `counter`, `gauge`, `histogram` or `info`.
    pub kind: &'static str,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

/// Every metric and its description.
pub(super) struct Book {
    registry: Registry,
    entries: Vec<Entry>,
}

const PREFIX: &str = "mortar";

impl Book {
    pub(super) fn new() -> Self {
        Self { registry: Registry::with_prefix(PREFIX), entries: Vec::new() }
    }

    /// A counter by labels.
    pub(super) fn counter<L: Label>(&mut self, name: &str, labels: &'static [&'static str], help: &'static str) -> Family<L, Counter> {
        self.add(name, None, "counter", labels, help, Family::<L, Counter>::default())
    }

    /// A gauge by labels.
    pub(super) fn gauges<L: Label>(&mut self, name: &str, labels: &'static [&'static str], help: &'static str) -> Family<L, Gauge> {
        self.add(name, None, "gauge", labels, help, Family::<L, Gauge>::default())
    }

    /// One gauge.
    pub(super) fn gauge(&mut self, name: &str, help: &'static str) -> Gauge {
        self.add(name, None, "gauge", &[], help, Gauge::default())
    }

    /// A gauge in seconds by labels.
    pub(super) fn seconds<L: Label>(&mut self, name: &str, labels: &'static [&'static str], help: &'static str) -> Family<L, Gauge> {
        self.add(name, Some(Unit::Seconds), "gauge", labels, help, Family::<L, Gauge>::default())
    }

    /// One gauge in a unit.
    pub(super) fn measure(&mut self, name: &str, unit: Unit, help: &'static str) -> Gauge {
        self.add(name, Some(unit), "gauge", &[], help, Gauge::default())
    }

    /// Durations in seconds by labels.
    pub(super) fn durations<L: Label>(
        &mut self,
        name: &str,
        labels: &'static [&'static str],
        help: &'static str,
        made: fn() -> Histogram,
    ) -> Durations<L> {
        self.add(name, Some(Unit::Seconds), "histogram", labels, help, Durations::new_with_constructor(made))
    }

    /// What never changes while the host runs.
    pub(super) fn info(&mut self, name: &str, labels: &'static [&'static str], help: &'static str, values: Vec<(&'static str, String)>) {
        self.registry.register(name, help, Info::new(values));
        self.entries.push(Entry { name: format!("{PREFIX}_{name}_info"), kind: "info", labels, help });
    }

    fn add<M>(
        &mut self,
        name: &str,
        unit: Option<Unit>,
        kind: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        metric: M,
    ) -> M
    where
        M: EncodeMetric + Debug + Clone + Send + Sync + 'static,
    {
        let ending = unit.as_ref().map(|unit| format!("_{}", unit.as_str())).unwrap_or_default();
        match unit {
            Some(unit) => self.registry.register_with_unit(name, help, unit, metric.clone()),
            None => self.registry.register(name, help, metric.clone()),
        }
        self.entries.push(Entry { name: format!("{PREFIX}_{name}{ending}"), kind, labels, help });
        metric
    }

    /// All metrics as text.
    pub(super) fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut page = String::new();
        text::encode(&mut page, &self.registry)?;
        Ok(page)
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

/// What a set of labels has to be.
pub(super) trait Label: Clone + Hash + Eq + EncodeLabelSet + Debug + Send + Sync + 'static {}

impl<L: Clone + Hash + Eq + EncodeLabelSet + Debug + Send + Sync + 'static> Label for L {}

impl Entry {
    /// The names that its samples have.
    #[must_use]
    pub fn samples(&self) -> Vec<String> {
        let endings: &[&str] = match self.kind {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        endings.iter().map(|ending| format!("{}{ending}", self.name)).collect()
    }
}

/// The list for operators, as a page.
#[must_use]
pub fn page(entries: &[Entry]) -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         Every metric of `GET /metrics` on the admin address, in the OpenMetrics format. All but the gauges count from the \
         host's start. Labels have a bounded number of values: what comes beyond is counted as `other`. `alerts.yml` and \
         `grafana.json` beside this page use them.\n\n\
         | metric | kind | labels | what it says |\n|---|---|---|---|\n",
    );
    for entry in entries {
        let name = if entry.kind == "counter" { format!("{}_total", entry.name) } else { entry.name.clone() };
        let labels = entry.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
        // Writing to a string does not fail.
        let _ = writeln!(page, "| `{name}` | {} | {labels} | {} |", entry.kind, entry.help);
    }
    page
}
