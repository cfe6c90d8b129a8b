//! What every implementation of the `Journal` port must do, whatever it stores in.

#[macro_use]
mod every;

pub mod accept;
pub mod aside;
pub mod calls;
pub mod clock;
pub mod finish;
pub mod gaps;
pub mod intervene;
pub mod leases;
pub mod newest;
pub mod order;
pub mod purge;
pub mod read;
pub mod recordings;
pub mod restart;
pub mod round_trips;
pub mod state;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use mortar_core::call::{Request, Response};
use mortar_core::code::ErrorCode;
use mortar_core::delivery::{DeliveryId, Gap, PluginNo, State, Verdict};
use mortar_core::event::{Event, Subject, SubjectKind};
use mortar_core::ports::{
    Accepted, CallWrite, Claim, Clock, Finish, Finished, Journal, JournalError, NewCallback, NewDelivery, NewEvent, Order, Recordings,
    RoundTrips, Share,
};
use mortar_core::story::{Attempt, Call, DeliverySummary, EventStory, Fate};

/// What is tested: something that can be opened, and after a drop opened again.
pub trait Store {
    /// Opens it. An earlier journal of the same store has been dropped.
    fn open(&self, settings: &Settings, clock: Arc<TestClock>) -> Arc<dyn Journal>;
}

/// A store that also keeps round trips.
pub trait RoundTripStore: Store {
    /// Opens it.
    fn open_both(&self, settings: &Settings, clock: Arc<TestClock>) -> (Arc<dyn Journal>, Arc<dyn RoundTrips>);
}

/// A store that also tells recordings.
pub trait RecordingStore: Store {
    /// Opens it.
    fn open_recordings(&self, settings: &Settings, clock: Arc<TestClock>) -> (Arc<dyn Journal>, Arc<dyn Recordings>);
}

/// Settings that the suite varies.
#[derive(Clone)]
pub struct Settings {
    pub dedupe_window: Duration,
    pub keep_events: Duration,
    pub rejected_sample: u32,
    pub open_deliveries: usize,
    /// Whether accepted events may be kept in memory.
    pub cached: bool,
}

pub const HOUR: Duration = Duration::from_secs(3600);
pub const LEASE: Duration = Duration::from_secs(60);

impl Default for Settings {
    fn default() -> Self {
        Self { dedupe_window: 48 * HOUR, keep_events: 24 * HOUR, rejected_sample: 3, open_deliveries: 1000, cached: true }
    }
}

/// A clock that stands still until it is moved.
pub struct TestClock {
    now: AtomicI64,
    /// By how much it was set.
    set: AtomicI64,
}

impl TestClock {
    pub fn new() -> Self {
        Self { now: AtomicI64::new(1_750_000_000_000_000), set: AtomicI64::new(0) }
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.now.load(Ordering::SeqCst)).unwrap()
    }

    fn steady(&self) -> Timestamp {
        Timestamp::from_microsecond(self.now.load(Ordering::SeqCst) - self.set.load(Ordering::SeqCst)).unwrap()
    }
}

/// A journal under test with one plugin.
pub struct Scene<'a> {
    store: &'a dyn Store,
    settings: Settings,
    pub clock: Arc<TestClock>,
    pub journal: Arc<dyn Journal>,
    pub plugin: PluginNo,
}

impl<'a> Scene<'a> {
    pub async fn new(store: &'a dyn Store) -> Self {
        Self::with(store, Settings::default()).await
    }

    pub async fn with(store: &'a dyn Store, settings: Settings) -> Self {
        let clock = Arc::new(TestClock::new());
        let journal = store.open(&settings, clock.clone());
        Self::over(store, settings, clock, journal).await
    }

    /// A scene on an open journal.
    pub async fn over(store: &'a dyn Store, settings: Settings, clock: Arc<TestClock>, journal: Arc<dyn Journal>) -> Self {
        let plugin = journal.register_plugins(vec!["erp".into()]).await.unwrap()[0];
        Self { store, settings, clock, journal, plugin }
    }

    /// Drops the journal without closing it and opens it again.
    pub fn restart(self) -> Self {
        let Self { store, settings, clock, journal, plugin } = self;
        drop(journal);
        let journal = store.open(&settings, clock.clone());
        Self { store, settings, clock, journal, plugin }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn advance(&self, by: Duration) {
        self.clock.now.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }

    /// Sets the clock, forward or back, while no time goes by.
    pub fn set_clock(&self, by: SignedDuration) {
        for part in [&self.clock.now, &self.clock.set] {
            part.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
        }
    }

    /// The time so far from now.
    pub fn after(&self, by: Duration) -> Timestamp {
        self.now() + SignedDuration::try_from(by).unwrap()
    }

    /// A callback of these events, by id and order number, for the plugin.
    pub fn callback(&self, events: &[(&str, &str)]) -> NewCallback {
        let fifo = NewDelivery { plugin: self.plugin, order: Order::Fifo };
        let events = events.iter().map(|(id, order)| (*id, subject(SubjectKind::Order, order), "order.fulfilled", None, vec![fifo]));
        callback(self.now(), events.collect())
    }

    /// A callback of one absolute count.
    pub fn count(&self, id: &str, sku: &str, as_of: Option<Timestamp>) -> NewCallback {
        let newest = NewDelivery { plugin: self.plugin, order: Order::Newest };
        callback(self.now(), vec![(id, subject(SubjectKind::Sku, sku), "inventory.updated", as_of, vec![newest])])
    }

    pub async fn accept(&self, callback: NewCallback) -> Accepted {
        self.journal.accept(callback).await.unwrap()
    }

    /// Accepts one event of an order.
    pub async fn event(&self, id: &str, order: &str) {
        let accepted = self.accept(self.callback(&[(id, order)])).await;
        assert_eq!(accepted, Accepted { stored: 1, duplicates: 0 });
    }

    pub async fn claim(&self, max: usize) -> Vec<Claim> {
        self.journal.claim(self.now(), max, LEASE, &all(&[self.plugin])).await.unwrap()
    }

    /// The ids of all events that can be claimed now.
    pub async fn claim_ids(&self) -> Vec<String> {
        self.claim(100).await.into_iter().map(|claim| claim.event.id.clone()).collect()
    }

    pub async fn claim_one(&self) -> Claim {
        let mut claims = self.claim(1).await;
        assert_eq!(claims.len(), 1, "one delivery can be claimed");
        claims.remove(0)
    }

    pub async fn finish(&self, claim: &Claim, verdict: Verdict) -> Finished {
        self.journal.finish(self.end(claim, verdict)).await.unwrap()
    }

    pub fn end(&self, claim: &Claim, verdict: Verdict) -> Finish {
        let attempt = Attempt {
            number: claim.attempt,
            started_at: self.now(),
            ended_at: self.now(),
            digest: "d1".into(),
            ending: "done".into(),
            code: None,
            reason: None,
            trace: Vec::new(),
            log: Vec::new(),
        };
        Finish { lease: claim.lease, verdict, gap: Gap::Skip, attempt, state: Vec::new(), confirm_at: None }
    }

    /// Claims and finishes what can be claimed, until nothing is left.
    pub async fn drain(&self) {
        loop {
            let claims = self.claim(100).await;
            if claims.is_empty() {
                return;
            }
            for claim in claims {
                self.finish(&claim, Verdict::Done).await;
            }
        }
    }

    /// Runs the one delivery that can be claimed into death.
    pub async fn die(&self) -> DeliveryId {
        self.die_leaving(Gap::Skip).await
    }

    /// The same, with this gap.
    pub async fn die_leaving(&self, gap: Gap) -> DeliveryId {
        let claim = self.claim_one().await;
        self.die_after(&claim, gap).await;
        claim.lease.delivery
    }

    pub async fn die_after(&self, claim: &Claim, gap: Gap) {
        self.journal.finish(Finish { gap, ..self.end(claim, dead()) }).await.unwrap();
    }

    pub async fn story(&self, id: &str) -> EventStory {
        self.journal.story(id.into()).await.unwrap().expect("the event is there")
    }

    /// The one delivery of an event.
    pub async fn delivery(&self, id: &str) -> DeliverySummary {
        let mut deliveries = self.story(id).await.event.deliveries;
        assert_eq!(deliveries.len(), 1);
        deliveries.remove(0)
    }

    pub async fn state_of(&self, id: &str) -> State {
        self.delivery(id).await.state
    }

    /// How many deliveries are in a state.
    pub async fn count_of(&self, state: State) -> u64 {
        let counts = self.journal.counts().await.unwrap();
        counts.deliveries.into_iter().find(|(of, _)| *of == state).unwrap().1
    }

    pub async fn put(&self, claim: &Claim, call: &Call) -> Result<(), JournalError> {
        self.journal.call(claim.lease, CallWrite::Put(call.clone())).await
    }

    /// Purges until nothing is left to purge.
    pub async fn purge(&self) {
        while self.journal.purge(self.now()).await.unwrap() {}
    }

    /// A call whose answer is lost.
    pub fn lost_call(&self, ordinal: u16, step: &str) -> Call {
        let request = Request {
            connection: "erp".into(),
            method: "POST".into(),
            path: "/orders/1/ship".into(),
            headers: vec![("accept".into(), "*/*".into())],
            body: Some(b"{\"a\":\xff}".to_vec()),
        };
        Call { ordinal, step: step.into(), attempt: 1, request, sent_at: self.now(), fate: Fate::Intended { lost: Some("reset".into()) } }
    }

    pub fn answered(&self, status: u16) -> Fate {
        Fate::Answered { at: self.now(), response: response(status), settled_by: None }
    }
}

pub fn response(status: u16) -> Response {
    Response { status, headers: vec![("etag".into(), "x".into())], body: vec![0, 255, 1] }
}

/// Shares that bound nothing.
pub fn all(plugins: &[PluginNo]) -> Vec<Share> {
    plugins.iter().map(|plugin| Share { plugin: *plugin, max: usize::MAX }).collect()
}

pub fn dead() -> Verdict {
    Verdict::Dead { code: ErrorCode::PluginRejected, reason: "no such order".into() }
}

pub fn waiting(until: Timestamp) -> Verdict {
    Verdict::Waiting { until, code: ErrorCode::ErpUnavailable, reason: "503".into(), spent: true }
}

pub fn subject(kind: SubjectKind, id: &str) -> Subject {
    Subject { kind, id: id.into() }
}

type Row<'a> = (&'a str, Subject, &'static str, Option<Timestamp>, Vec<NewDelivery>);

/// A callback of these events; the record of each is `{"id":"…"}`.
pub fn callback(now: Timestamp, events: Vec<Row<'_>>) -> NewCallback {
    let mut body = b"{\"data\":[".to_vec();
    let events = events.into_iter().map(|(id, subject, event_type, as_of, deliveries)| {
        let start = body.len();
        body.extend_from_slice(payload(id).as_bytes());
        let record = start..body.len();
        body.push(b',');
        NewEvent { event: Event { id: id.into(), event_type: event_type.into(), subject, as_of, record }, deliveries }
    });
    let events = events.collect();
    body.extend_from_slice(b"]}");
    NewCallback {
        source: "masonhub".into(),
        received_at: now,
        remote: Some([192, 0, 2, 7].into()),
        delivery_header: Some("delivery-1".into()),
        secret: Some(2),
        body: Bytes::from(body),
        events,
        unreadable: None,
    }
}

/// The record of an event.
pub fn payload(id: &str) -> String {
    format!("{{\"id\":\"{id}\"}}")
}

/// True where the future is ready at once.
pub async fn is_ready(future: impl Future<Output = ()>) -> bool {
    tokio::select! {
        biased;
        () = future => true,
        () = std::future::ready(()) => false,
    }
}
