//! Two hours without an ERP: the real pipeline, journal and connections on simulated time. Of the
//! counts only the newest are sent, orders arrive all and in order, and while the ERP is out it is
//! hardly asked.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use mortar_connect::Connections;
use mortar_core::call::{CallError, Request};
use mortar_core::code::ErrorCode;
use mortar_core::config::{DeliveryConfig, Secret};
use mortar_core::delivery::{DeliveryId, Ending, PluginNo, State};
use mortar_core::event::{Family, Inventory, TypedEvent};
use mortar_core::plugin::PluginSettings;
use mortar_core::ports::*;
use mortar_core::story::{Counts, EventStory, EventSummary, Quarantined, Rejected};
use mortar_journal::{Options, SqliteJournal};
use mortar_pipeline::Ports;
use mortar_pipeline::accept::{Genuine, accept};
use mortar_pipeline::dispatch::dispatch;
use mortar_pipeline::plugins::Plugins;
use mortar_sim::chance::Chance;
use mortar_simulator::erp::{Erp, ErpOptions, Fault, Ledger, What};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

const OUTAGE: Duration = Duration::from_secs(2 * 3600);
const SKUS: usize = 5_000;
/// Counts of each SKU.
const COUNTS: usize = 20;
/// Counts in a callback.
const RECORDS: usize = 50;
const ORDERS: usize = 200;
/// Events of each order.
const STATUSES: [&str; 5] = ["open", "inProcess", "packed", "fulfilled", "tendered"];
/// Callbacks come so often, several at once.
const TICK: Duration = Duration::from_secs(36);

/// Does real work while the simulated time stands still: it goes on by itself only where no thread
/// of the runtime is blocked.
async fn at_once<T>(work: impl Future<Output = T>) -> T {
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let blocked = tokio::task::spawn_blocking(move || wait.recv());
    let result = work.await;
    drop(done);
    let _ = blocked.await;
    result
}

/// The simulated time, also for the journal's own threads.
struct Simulated {
    runtime: Handle,
    began: Instant,
}

impl Clock for Simulated {
    fn now(&self) -> Timestamp {
        let _inside = self.runtime.enter();
        Timestamp::from_second(1_767_636_000).unwrap() + SignedDuration::try_from(self.began.elapsed()).unwrap()
    }
}

/// Counts attempts.
#[derive(Default)]
struct Attempts(AtomicUsize);

impl Observer for Attempts {
    fn observe(&self, observation: &Observation<'_>) {
        if let Observation::Attempt { .. } = observation {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Writes every count and every event of an order.
struct Mapping;

fn mapping() -> Plugin {
    Plugin {
        name: "mapping".into(),
        digest: "native".into(),
        component: "native".into(),
        provenance: Arc::default(),
        families: vec![Family::OrderEvents, Family::InventoryEvents],
        any_event: false,
        round_trip: false,
        settings: Arc::new(PluginSettings { connections: vec!["erp".into()], ..PluginSettings::default() }),
        handler: Arc::new(Mapping),
    }
}

impl Handler for Mapping {
    fn run(&self, _: Run, typed: Option<TypedEvent>, host: Arc<dyn Host>) -> BoxFuture<'_, Ran> {
        let (method, path, body) = match typed {
            Some(TypedEvent::Order(order)) => ("POST", format!("/orders/{}/events", order.number), json!({"status": order.status})),
            Some(TypedEvent::Inventory(Inventory::Stock(stock))) => ("PUT", format!("/stock/{}", stock.sku), json!({"total": stock.total})),
            other => panic!("{other:?}"),
        };
        let (connection, method, body) = ("erp".into(), method.into(), Some(body.to_string().into_bytes()));
        let request = Request { connection, method, path, headers: Vec::new(), body };
        Box::pin(async move {
            let ending = match host.call("write".into(), request).await {
                Ok(response) if response.status < 300 => Ending::Done,
                Err(CallError::Unavailable { reason, after_ms }) => {
                    Ending::Retry { code: ErrorCode::PluginRetry, reason, after: after_ms.map(Duration::from_millis), spent: true }
                }
                other => Ending::Refused { code: ErrorCode::PluginRejected, reason: format!("{other:?}") },
            };
            Ran { ending, log: Vec::new(), digest: "native".into() }
        })
    }
}

/// The ERP takes no simulated time for a request.
struct AtOnce<T>(T);

impl Connector for AtOnce<Connections> {
    fn manners(&self, connection: &str, method: &str) -> Option<Manners> {
        self.0.manners(connection, method)
    }
    fn patience(&self, connection: &str) -> Duration {
        self.0.patience(connection)
    }
    fn room(&self, connection: &str) -> Result<usize, Duration> {
        self.0.room(connection)
    }
    fn check(&self, request: &Request) -> Result<(), SendError> {
        self.0.check(request)
    }
    fn send<'a>(&'a self, request: &'a Request, key: &'a str) -> BoxFuture<'a, Result<mortar_core::call::Response, SendError>> {
        Box::pin(at_once(self.0.send(request, key)))
    }
}

macro_rules! at_once {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)+) => {
        $(fn $name(&self, $($argument: $type),*) -> Receipt<$answer> {
            Box::pin(at_once(self.0.$name($($argument),*)))
        })+
    };
}

/// Nor does the disk.
impl Journal for AtOnce<SqliteJournal> {
    at_once! {
        fn register_plugins(names: Vec<String>) -> Vec<PluginNo>;
        fn accept(callback: NewCallback) -> Accepted;
        fn reject(callback: RejectedCallback) -> ();
        fn claim(now: Timestamp, max: usize, lease: Duration, shares: &[Share]) -> Vec<Claim>;
        fn call(lease: Lease, write: CallWrite) -> ();
        fn finish(finish: Finish) -> Finished;
        fn state(plugin: PluginNo, key: String) -> Option<StateEntry>;
        fn state_size(plugin: PluginNo) -> u64;
        fn events(filter: Filter) -> Vec<EventSummary>;
        fn story(event: String) -> Option<EventStory>;
        fn intervene(delivery: DeliveryId, intervention: Intervention, now: Timestamp) -> ();
        fn quarantined(released: bool, before: Option<u64>, limit: usize) -> Vec<Quarantined>;
        fn quarantined_callback(id: u64) -> Option<(Quarantined, NewCallback)>;
        fn release(id: u64, now: Timestamp) -> ();
        fn rejected(before: Option<u64>, limit: usize) -> Vec<Rejected>;
        fn rejected_callback(id: u64) -> Option<(Rejected, NewCallback)>;
        fn admit(id: u64, now: Timestamp) -> ();
        fn counts() -> Counts;
        fn purge(now: Timestamp) -> bool;
        fn close() -> ();
    }
    fn claimable(&self) -> BoxFuture<'_, ()> {
        self.0.claimable()
    }
    fn health(&self) -> Result<(), JournalError> {
        self.0.health()
    }
}

/// All callbacks in the order in which they are sent: every SKU is counted again and again, while
/// orders go from status to status.
fn callbacks() -> Vec<String> {
    let counts = (0..COUNTS).flat_map(|count| (0..SKUS / RECORDS).map(move |part| (count, part)));
    let counts = counts.map(|(count, part)| {
        let sku = |n: usize| {
            let as_of = Timestamp::from_second(1_767_636_000 + count as i64).unwrap();
            json!({"sku_id": format!("mh-{n}"), "customer_identifier": format!("SKU-{n}"), "total_units": count, "as_of": as_of.to_string()})
        };
        envelope("skuInventoryChange", &format!("c{count}-{part}"), (part * RECORDS..(part + 1) * RECORDS).map(sku).collect())
    });
    let orders = STATUSES.iter().flat_map(|status| (0..ORDERS).map(move |order| (status, order)));
    let orders = orders.map(|(status, order)| {
        let record =
            json!({"order_id": format!("mh-{order}"), "customer_identifier": format!("SO-{order}"), "status": status, "line_items": []});
        envelope("orderEvent", &format!("o{order}-{status}"), vec![record])
    });
    let (counts, orders): (Vec<_>, Vec<_>) = (counts.collect(), orders.collect());
    let (each, among) = (counts.len() / orders.len(), counts.chunks(counts.len() / orders.len()));
    assert_eq!(each * orders.len(), counts.len());
    among.zip(orders).flat_map(|(counts, order)| counts.iter().cloned().chain([order])).collect()
}

fn envelope(message_type: &str, id: &str, data: Vec<Value>) -> String {
    json!({"message_type": message_type, "message_id": id, "data": data}).to_string()
}

struct Scene {
    ports: Ports,
    plugins: Arc<Plugins>,
    attempts: Arc<Attempts>,
}

impl Scene {
    async fn new(directory: &std::path::Path, erp: &str) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(Simulated { runtime: Handle::current(), began: Instant::now() });
        let attempts = Arc::new(Attempts::default());
        let connections: BTreeMap<_, _> = toml::from_str(&format!("[erp]\nurl = \"{erp}\"\nprivate_addresses = true\n")).unwrap();
        let connections =
            Connections::new(&connections, &|_: &Secret| Err("there is none".into()), clock.clone(), attempts.clone()).unwrap();
        let journal = SqliteJournal::open(&directory.join("mortar.db"), Options::default(), clock.clone()).unwrap();
        let journal = Arc::new(AtOnce(journal));
        let plugins = Arc::new(Plugins::of(vec![mapping()], &*journal).await.unwrap());
        let (connector, random, observer) = (Arc::new(AtOnce(connections)), Arc::new(Chance::new(1)), attempts.clone());
        Self { ports: Ports { journal, connector, clock, random, observer }, plugins, attempts }
    }

    async fn receive(&self, body: String) {
        let received_at = self.ports.clock.now();
        let body = body.into();
        let genuine = Genuine { source: "masonhub".into(), received_at, remote: None, delivery_header: None, secret: Some(1), body };
        accept(&self.ports, &self.plugins, genuine).await.unwrap();
    }

    async fn count(&self, state: State) -> u64 {
        let counts = self.ports.journal.counts().await.unwrap();
        counts.deliveries.into_iter().filter(|(of, _)| *of == state).map(|(_, count)| count).sum()
    }

    async fn rest(&self) {
        loop {
            let mut open = 0;
            for state in State::ALL.into_iter().filter(|state| state.is_open()) {
                open += self.count(state).await;
            }
            if open == 0 {
                return;
            }
            sleep(Duration::from_secs(10)).await;
        }
    }
}

/// The bodies of what was written to a path.
fn written<'a>(ledger: &'a Ledger, method: &str) -> BTreeMap<&'a str, Vec<&'a Value>> {
    let mut by_path: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for write in ledger.writes.iter().filter(|write| write.method == method) {
        by_path.entry(&*write.path).or_default().push(&write.body);
    }
    by_path
}

#[tokio::test(start_paused = true)]
async fn after_two_hours_only_the_newest_counts_are_sent_and_every_order() {
    let directory = tempfile::tempdir().unwrap();
    let erp = Erp::bind(ErpOptions::default()).await.unwrap();
    let (url, handle) = (erp.url(), erp.handle());
    tokio::spawn(erp.run(std::future::pending()));
    let host = Scene::new(directory.path(), &url).await;
    let (stop, stopping) = watch::channel(false);
    let dispatching = tokio::spawn(dispatch(host.ports.clone(), host.plugins.clone(), DeliveryConfig::default(), stopping));

    handle.fault(Fault::new(What::Unavailable { retry_after: None }));
    let callbacks = callbacks();
    let ticks = OUTAGE.as_secs() / TICK.as_secs();
    for at_a_time in callbacks.chunks(callbacks.len().div_ceil(ticks as usize)) {
        join_all(at_a_time.iter().map(|body| host.receive(body.clone()))).await;
        sleep(TICK).await;
    }
    let (asked, tried) = (handle.ledger().requests, host.attempts.0.load(Ordering::SeqCst));
    // A breaker that is open for a minute at most sends 120 probes in that time.
    assert!((100..200).contains(&asked), "{asked} requests while the ERP was out");
    assert!(tried < 300, "{tried} attempts, of which nothing could come");

    handle.clear_faults();
    host.rest().await;
    stop.send(true).unwrap();
    dispatching.await.unwrap();
    let ledger = handle.ledger();
    let counts = written(&ledger, "PUT");
    assert_eq!(counts.len(), SKUS);
    assert!(counts.values().all(|totals| totals.last().unwrap()["total"] == COUNTS - 1), "the last count is the newest");
    let calls: usize = counts.values().map(Vec::len).sum();
    assert!(calls < SKUS * 11 / 10, "{calls} calls for {SKUS} SKUs");
    let orders = written(&ledger, "POST");
    assert_eq!(orders.len(), ORDERS);
    for (path, events) in orders {
        assert_eq!(events.iter().map(|event| event["status"].as_str().unwrap()).collect::<Vec<_>>(), STATUSES, "{path}");
    }
    assert_eq!(host.count(State::Superseded).await, (SKUS * COUNTS - calls) as u64);
    assert_eq!(host.count(State::Dead).await, 0);
}
