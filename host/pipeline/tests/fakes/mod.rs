#![allow(dead_code, reason = "each test file uses its part")]
//! Ports that remember what they were asked, for tests of the orchestration alone.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use mortar_core::call::{Request, Response};
use mortar_core::delivery::{DeliveryId, Ending, PluginNo};
use mortar_core::event::TypedEvent;
use mortar_core::plugin::PluginSettings;
use mortar_core::ports::*;
use mortar_core::retry::RetryPolicy;
use mortar_core::round_trip::Confirmation;
use mortar_core::story;
use mortar_pipeline::Ports;

/// A clock that stands still.
pub(crate) struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        "2026-01-05T18:21:00Z".parse().unwrap()
    }
}

impl Random for Still {
    fn fraction(&self) -> f64 {
        0.5
    }
}

pub(crate) struct Nobody;

impl Observer for Nobody {
    fn observe(&self, _: &Observation<'_>) {}
}

/// What happened, over all ports, in order.
pub(crate) type Happened = Arc<Mutex<Vec<String>>>;

#[derive(Default)]
pub(crate) struct FakeJournal {
    pub(crate) happened: Happened,
    pub(crate) calls: Mutex<Vec<CallWrite>>,
    pub(crate) finishes: Mutex<Vec<Finish>>,
    pub(crate) state: Mutex<HashMap<String, StateEntry>>,
    pub(crate) claims: Mutex<VecDeque<Claim>>,
    pub(crate) fails: Mutex<bool>,
    pub(crate) conflicts: Mutex<u32>,
    /// Ends that cannot be stored before one can.
    pub(crate) full: Mutex<u32>,
    pub(crate) woken: tokio::sync::Notify,
}

fn ready<T: Send + 'static>(value: Result<T, JournalError>) -> Receipt<T> {
    Box::pin(std::future::ready(value))
}

fn unused<T>() -> Receipt<T> {
    panic!("the pipeline does not ask this in these tests")
}

impl Journal for FakeJournal {
    fn register_plugins(&self, names: Vec<String>) -> Receipt<Vec<PluginNo>> {
        ready(Ok((1..).take(names.len()).map(PluginNo).collect()))
    }
    fn accept(&self, _: NewCallback) -> Receipt<Accepted> {
        unused()
    }
    fn reject(&self, _: RejectedCallback) -> Receipt<()> {
        unused()
    }
    fn claim(&self, _: Timestamp, max: usize, _: Duration, shares: &[Share]) -> Receipt<Vec<Claim>> {
        let mut claims = self.claims.lock().unwrap();
        let mut left: HashMap<_, _> = shares.iter().map(|share| (share.plugin, share.max)).collect();
        let mut taken = Vec::new();
        claims.retain(|claim| {
            let left = left.entry(claim.lease.delivery.plugin).or_default();
            let takes = taken.len() < max && *left > 0;
            if takes {
                *left -= 1;
                taken.push(claim.clone());
            }
            !takes
        });
        ready(Ok(taken))
    }
    fn claimable(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.woken.notified())
    }
    fn call(&self, _: Lease, write: CallWrite) -> Receipt<()> {
        let what = match &write {
            CallWrite::Put(call) => format!("journal {} {}", call.step, fate(&call.fate)),
            CallWrite::Fate { ordinal, fate: f } => format!("journal #{ordinal} {}", fate(f)),
        };
        self.happened.lock().unwrap().push(what);
        if *self.fails.lock().unwrap() {
            return ready(Err(JournalError::Storage("disk full".into())));
        }
        self.calls.lock().unwrap().push(write);
        ready(Ok(()))
    }
    fn finish(&self, finish: Finish) -> Receipt<Finished> {
        let mut full = self.full.lock().unwrap();
        if *full > 0 {
            *full -= 1;
            return ready(Err(JournalError::Storage("disk full".into())));
        }
        let mut conflicts = self.conflicts.lock().unwrap();
        if *conflicts > 0 && !finish.state.is_empty() {
            *conflicts -= 1;
            return ready(Ok(Finished::StateConflict));
        }
        self.finishes.lock().unwrap().push(finish);
        ready(Ok(Finished::Recorded))
    }
    fn state(&self, _: PluginNo, key: String) -> Receipt<Option<StateEntry>> {
        ready(Ok(self.state.lock().unwrap().get(&key).cloned()))
    }
    fn state_size(&self, _: PluginNo) -> Receipt<u64> {
        let state = self.state.lock().unwrap();
        ready(Ok(state.iter().map(|(key, entry)| (key.len() + entry.value.len()) as u64).sum()))
    }
    fn events(&self, _: Filter) -> Receipt<Vec<story::EventSummary>> {
        unused()
    }
    fn story(&self, _: String) -> Receipt<Option<story::EventStory>> {
        unused()
    }
    fn intervene(&self, _: DeliveryId, _: Intervention, _: Timestamp) -> Receipt<()> {
        unused()
    }
    fn quarantined(&self, _: bool, _: Option<u64>, _: usize) -> Receipt<Vec<story::Quarantined>> {
        unused()
    }
    fn quarantined_callback(&self, _: u64) -> Receipt<Option<(story::Quarantined, NewCallback)>> {
        unused()
    }
    fn release(&self, _: u64, _: Timestamp) -> Receipt<()> {
        unused()
    }
    fn rejected(&self, _: Option<u64>, _: usize) -> Receipt<Vec<story::Rejected>> {
        unused()
    }
    fn rejected_callback(&self, _: u64) -> Receipt<Option<(story::Rejected, NewCallback)>> {
        unused()
    }
    fn admit(&self, _: u64, _: Timestamp) -> Receipt<()> {
        unused()
    }
    fn counts(&self) -> Receipt<story::Counts> {
        unused()
    }
    fn purge(&self, _: Timestamp) -> Receipt<bool> {
        unused()
    }
    fn health(&self) -> Result<(), JournalError> {
        Ok(())
    }
    fn close(&self) -> Receipt<()> {
        ready(Ok(()))
    }
}

fn fate(fate: &story::Fate) -> &'static str {
    match fate {
        story::Fate::Intended { lost: None } => "intended",
        story::Fate::Intended { lost: Some(_) } => "lost",
        story::Fate::Unsent => "unsent",
        story::Fate::Answered { .. } => "answered",
    }
}

/// A connector that answers from a script; the connection `keyed` dedupes by key.
pub(crate) struct FakeConnector {
    pub(crate) happened: Happened,
    pub(crate) script: Mutex<VecDeque<Result<Response, SendError>>>,
    pub(crate) keys: Mutex<Vec<String>>,
    pub(crate) retry: HashMap<&'static str, RetryPolicy>,
    pub(crate) patience: Mutex<Duration>,
    /// Connections that let nothing, or only so much, start.
    pub(crate) rooms: Mutex<HashMap<&'static str, Result<usize, Duration>>>,
}

impl Connector for FakeConnector {
    fn manners(&self, connection: &str, method: &str) -> Option<Manners> {
        (connection != "nowhere").then(|| Manners { idempotent: connection == "keyed", safe: method == "GET" })
    }
    fn retry(&self, connection: &str) -> Option<RetryPolicy> {
        self.retry.get(connection).cloned()
    }
    fn patience(&self, _: &str) -> Duration {
        *self.patience.lock().unwrap()
    }
    fn room(&self, connection: &str) -> Result<usize, Duration> {
        self.rooms.lock().unwrap().get(connection).copied().unwrap_or(Ok(usize::MAX))
    }
    fn check(&self, _: &Request) -> Result<(), SendError> {
        Ok(())
    }
    fn send<'a>(&'a self, request: &'a Request, key: &'a str) -> BoxFuture<'a, Result<Response, SendError>> {
        self.happened.lock().unwrap().push(format!("send {} {}", request.method, request.path));
        self.keys.lock().unwrap().push(key.to_owned());
        let answer = self.script.lock().unwrap().pop_front().expect("the script has an answer for each request");
        Box::pin(std::future::ready(answer))
    }
}

/// A plugin whose handler is a closure.
pub(crate) struct FakePlugin {
    pub(crate) settings: PluginSettings,
    #[allow(clippy::type_complexity)]
    pub(crate) handler: Box<dyn Fn(Run, Arc<dyn Host>) -> BoxFuture<'static, Ending> + Send + Sync>,
}

impl FakePlugin {
    pub(crate) fn plugin(self) -> Plugin {
        self.named("fake", "d1")
    }

    pub(crate) fn named(self, name: &str, digest: &str) -> Plugin {
        Plugin {
            name: name.into(),
            digest: digest.into(),
            component: digest.into(),
            provenance: Arc::default(),
            families: Vec::new(),
            any_event: true,
            round_trip: true,
            settings: Arc::new(self.settings),
            handler: Arc::new(FakeHandler { digest: digest.into(), handler: self.handler }),
        }
    }
}

struct FakeHandler {
    digest: Arc<str>,
    #[allow(clippy::type_complexity)]
    handler: Box<dyn Fn(Run, Arc<dyn Host>) -> BoxFuture<'static, mortar_core::delivery::Ending> + Send + Sync>,
}

impl Handler for FakeHandler {
    fn run(&self, run: Run, _: Option<TypedEvent>, host: Arc<dyn Host>) -> BoxFuture<'_, Ran> {
        let running = (self.handler)(run, host);
        Box::pin(async move { Ran { ending: running.await, log: Vec::new(), digest: self.digest.clone() } })
    }
    /// The handler looks: done is confirmed, ignored is a mismatch.
    fn confirm(&self, run: Run, host: Arc<dyn Host>) -> BoxFuture<'_, Confirmed> {
        let running = (self.handler)(run, host);
        Box::pin(async move {
            let answer = match running.await {
                Ending::Done => Ok(Confirmation::Confirmed { evidence: "it is there".into() }),
                Ending::Ignored(found) => Ok(Confirmation::Mismatch { expected: "1Z1".into(), found }),
                ending => Err(ending),
            };
            Confirmed { answer, log: Vec::new() }
        })
    }
}

/// The parts of a test, before they become [`Ports`].
pub(crate) struct World {
    pub(crate) journal: Arc<FakeJournal>,
    pub(crate) connector: Arc<FakeConnector>,
    pub(crate) happened: Happened,
}

impl World {
    pub(crate) fn answering(script: impl IntoIterator<Item = Result<Response, SendError>>) -> Self {
        let happened = Happened::default();
        let journal = Arc::new(FakeJournal { happened: happened.clone(), ..FakeJournal::default() });
        let script = Mutex::new(script.into_iter().collect());
        let connector = Arc::new(FakeConnector {
            happened: happened.clone(),
            script,
            keys: Mutex::default(),
            retry: HashMap::new(),
            patience: Mutex::default(),
            rooms: Mutex::default(),
        });
        Self { journal, connector, happened }
    }

    pub(crate) fn ports(&self) -> Ports {
        Ports {
            journal: self.journal.clone(),
            connector: self.connector.clone(),
            clock: Arc::new(Still),
            random: Arc::new(Still),
            observer: Arc::new(Nobody),
        }
    }

    pub(crate) fn happened(&self) -> Vec<String> {
        std::mem::take(&mut *self.happened.lock().unwrap())
    }
}

pub(crate) fn claim(event: u64, calls: Vec<story::Call>) -> Claim {
    let event = StoredEvent {
        seq: event,
        id: format!("m{event}:0"),
        event_type: "order.fulfilled".into(),
        subject: "order:SO-1".into(),
        source: "masonhub".into(),
        received_at: Still.now(),
        as_of: None,
        payload: bytes::Bytes::from_static(b"{}"),
    };
    let delivery = DeliveryId { event: event.seq, plugin: PluginNo(1) };
    Claim {
        lease: Lease { delivery, token: 1 },
        attempt: 1,
        spent: 0,
        since: Still.now(),
        event: Arc::new(event),
        calls,
        keep_steps: false,
    }
}

pub(crate) fn settings() -> PluginSettings {
    PluginSettings { connections: vec!["erp".into(), "keyed".into(), "nowhere".into()], ..PluginSettings::default() }
}

pub(crate) fn answer(status: u16) -> Result<Response, SendError> {
    Ok(Response { status, headers: Vec::new(), body: status.to_string().into_bytes() })
}

pub(crate) fn request(connection: &str, method: &str, body: &str) -> Request {
    Request {
        connection: connection.into(),
        method: method.into(),
        path: "/orders/SO-1".into(),
        headers: Vec::new(),
        body: Some(body.as_bytes().to_vec()),
    }
}
