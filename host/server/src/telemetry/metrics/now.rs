//! What is looked at when the page is asked for, so that it costs nothing in between.

use std::path::PathBuf;

use jiff::Timestamp;
use mortar_connect::{BreakerState, ConnectionStatus};
use mortar_core::story::Counts;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Unit;

use super::{Book, ByConnection, ByConnectionState, ByPlugin, ByState, Names};

/// How the host is now.
pub struct Now<'a> {
    /// Whether callbacks are taken.
    pub ready: bool,
    /// How many plugins are in which state.
    pub plugins: &'a [(&'static str, usize)],
    /// What is stored, where that is known.
    pub counts: Option<&'a Counts>,
    /// The connections.
    pub connections: &'a [ConnectionStatus],
}

/// The gauges for it.
pub(super) struct Gauges {
    journal: PathBuf,
    ready: Gauge,
    plugins: Family<ByState, Gauge>,
    deliveries: Family<ByState, Gauge>,
    open: Family<ByPlugin, Gauge>,
    held: Gauge,
    events: Gauge,
    unhandled: Gauge,
    quarantined: Gauge,
    rejected: Gauge,
    mismatches: Gauge,
    in_flight: Family<ByConnection, Gauge>,
    waiting: Family<ByConnection, Gauge>,
    allowed: Family<ByConnection, Gauge>,
    breaker: Family<ByConnectionState, Gauge>,
    file: Gauge,
    log: Gauge,
    free: Gauge,
    resident: Gauge,
    files: Gauge,
}

impl Gauges {
    pub(super) fn new(book: &mut Book, started_at: Timestamp, journal: PathBuf) -> Self {
        book.info("build", &["version"], "The host's version", vec![("version", env!("CARGO_PKG_VERSION").to_owned())]);
        let start = book.measure("start_timestamp", Unit::Seconds, "When the host started, in seconds since 1970");
        start.set(started_at.as_second());
        Self {
            journal,
            ready: book.gauge("ready", "1 while callbacks are taken, 0 while the journal cannot store them"),
            plugins: book.gauges("plugins", &["state"], "Plugins: `active`, `parked` (their files are gone), `failed`"),
            deliveries: book.gauges(
                "deliveries",
                &["state"],
                "Deliveries: the queue is `pending`, `running` and `waiting`. Absent while they are counted after a crash",
            ),
            open: book.gauges("deliveries_open", &["plugin"], "Deliveries that are not over, of plugins that have some"),
            held: book.gauge("deliveries_held", "Open deliveries that a dead letter of their subject holds"),
            events: book.gauge("events", "Events in the journal"),
            unhandled: book.gauge("events_unhandled", "Events in the journal that no plugin handled"),
            quarantined: book.gauge("callbacks_quarantined", "Callbacks that are genuine and could not be read, and wait for an operator"),
            rejected: book.gauge("callbacks_kept_rejected", "Callbacks in the bounded sample of those that were not genuine"),
            mismatches: book.gauge("round_trip_mismatches", "Deliveries of which the ERP says something else than the event"),
            in_flight: book.gauges("connection_in_flight", &["connection"], "Requests under way"),
            waiting: book.gauges("connection_waiting", &["connection"], "Requests that wait for their turn"),
            allowed: book.gauges(
                "connection_allowed",
                &["connection"],
                "Requests that may be under way at once now; fewer than `concurrency` after an outage",
            ),
            breaker: book.gauges(
                "connection_breaker",
                &["connection", "state"],
                "1 for the state that the breaker is in: `closed`, `open`, `half-open`, `ramping`",
            ),
            file: book.measure("journal_file", Unit::Bytes, "The journal's file. 0 where it is no file"),
            log: book.measure("journal_log", Unit::Bytes, "The journal's write-ahead log"),
            free: book.measure(
                "journal_free",
                Unit::Bytes,
                "What is free on the journal's file system; below `journal.free_space`, callbacks are refused",
            ),
            resident: book.measure("memory_resident", Unit::Bytes, "Memory of the process that is resident"),
            files: book.gauge("open_files", "Files and connections that the process has open"),
        }
    }

    pub(super) fn set(&self, now: &Now<'_>, names: &Names) {
        self.ready.set(now.ready.into());
        for (state, count) in now.plugins {
            self.plugins.get_or_create(&ByState { state }).set(gauge(*count as u64));
        }
        if let Some(counts) = now.counts {
            self.count(counts, names);
        }
        self.connections(now.connections, names);
        self.system();
    }

    fn count(&self, counts: &Counts, names: &Names) {
        for (state, count) in &counts.deliveries {
            self.deliveries.get_or_create(&ByState { state: state.as_str() }).set(gauge(*count));
        }
        // A plugin that has none any more is not in the list.
        self.open.clear();
        for (plugin, count) in &counts.open {
            self.open.get_or_create(&ByPlugin { plugin: names.get(plugin) }).inc_by(gauge(*count));
        }
        let single = [
            (&self.held, counts.held),
            (&self.events, counts.events),
            (&self.unhandled, counts.unhandled),
            (&self.quarantined, counts.quarantined),
            (&self.rejected, counts.rejected),
            (&self.mismatches, counts.mismatches),
        ];
        for (metric, count) in single {
            metric.set(gauge(count));
        }
    }

    fn connections(&self, connections: &[ConnectionStatus], names: &Names) {
        for connection in connections {
            let labels = ByConnection { connection: names.get(&connection.name) };
            self.in_flight.get_or_create(&labels).set(gauge(connection.in_flight as u64));
            self.waiting.get_or_create(&labels).set(gauge(connection.waiting as u64));
            self.allowed.get_or_create(&labels).set(gauge(connection.allowed as u64));
            let is = match connection.breaker {
                BreakerState::Closed => "closed",
                BreakerState::Open { .. } => "open",
                BreakerState::HalfOpen => "half-open",
                BreakerState::Ramping => "ramping",
            };
            for state in ["closed", "open", "half-open", "ramping"] {
                let labels = ByConnectionState { connection: labels.connection.clone(), state };
                self.breaker.get_or_create(&labels).set((state == is).into());
            }
        }
    }

    /// What the system says: a few calls that never wait.
    fn system(&self) {
        let size = |path: PathBuf| std::fs::metadata(path).map_or(0, |meta| meta.len());
        self.file.set(gauge(size(self.journal.clone())));
        let mut log = self.journal.clone().into_os_string();
        log.push("-wal");
        self.log.set(gauge(size(log.into())));
        let folder = self.journal.parent().unwrap_or(&self.journal);
        let free = rustix::fs::statvfs(folder).map_or(0, |system| system.f_bavail.saturating_mul(system.f_frsize));
        self.free.set(gauge(free));
        let pages = std::fs::read_to_string("/proc/self/statm").ok().and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok());
        self.resident.set(gauge(pages.unwrap_or(0).saturating_mul(rustix::param::page_size() as u64)));
        self.files.set(gauge(std::fs::read_dir("/proc/self/fd").map_or(0, |files| files.count() as u64)));
    }
}

fn gauge(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
