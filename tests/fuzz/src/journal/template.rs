//! A sound journal that has a row of every kind.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use mortar_core::call::{Request, Response};
use mortar_core::code::ErrorCode;
use mortar_core::delivery::{DeliveryId, Gap, PluginNo, Verdict};
use mortar_core::event::{Event, Subject, SubjectKind};
use mortar_core::ports::{
    CallWrite, Claim, Clock, DueRoundTrip, Finish, Journal, Look, LookAt, Looked, Marked, NewCallback, NewDelivery, NewEvent, Order,
    Receipt, RejectedCallback, RoundTrips, Share, StateWrite,
};
use mortar_core::round_trip::{Confirmation, RoundTripState};
use mortar_core::story::{Attempt, Call, Fate, LogLine};
use mortar_journal::{Options, SqliteJournal};
use tokio::runtime::Builder;

/// The ids of its events.
pub(super) const EVENTS: &[&str] = &["a:0", "a:1", "b:0", "b:1", "c:0", "c:1", "count:0", "count:1"];

const NOW: Timestamp = Timestamp::constant(1_750_000_000, 0);
const ERP: PluginNo = PluginNo(1);

pub(super) struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// When everything in it is past its time.
pub(super) fn later() -> Timestamp {
    Timestamp::constant(1_900_000_000, 0)
}

pub(super) fn options() -> Options {
    Options { free_space: 0, ids_per_run: 3, event_cache: 0, ..Options::default() }
}

pub(super) fn claim(journal: &SqliteJournal, plugins: &[PluginNo]) -> Receipt<Vec<Claim>> {
    let shares: Vec<_> = plugins.iter().map(|plugin| Share { plugin: *plugin, max: 100 }).collect();
    journal.claim(NOW, 100, Duration::from_secs(60), &shares)
}

pub(super) fn done(claim: &Claim) -> Finish {
    let attempt = Attempt {
        number: claim.attempt,
        started_at: NOW,
        ended_at: NOW,
        digest: "d1".into(),
        ending: "done".into(),
        code: None,
        reason: None,
        trace: Vec::new(),
        log: vec![LogLine { level: "info".into(), message: "sent".into() }],
    };
    let state = vec![StateWrite { key: "cursor".into(), expected: 0, value: Some(b"7".to_vec()) }];
    Finish { lease: claim.lease, verdict: Verdict::Done, gap: Gap::Skip, attempt, state, confirm_at: Some(NOW) }
}

/// The callbacks that it was made of.
pub(super) fn callbacks() -> Vec<NewCallback> {
    EVENTS.chunks(2).map(callback).collect()
}

fn callback(ids: &[&str]) -> NewCallback {
    let body = format!("[{}]", ids.iter().map(|id| format!("{{\"id\":\"{id}\"}}")).collect::<Vec<_>>().join(","));
    let count = ids[0].starts_with("count");
    let event = |id: &&str| {
        let start = body.find(&format!("{{\"id\":\"{id}\"}}")).unwrap();
        let subject = Subject { kind: if count { SubjectKind::Sku } else { SubjectKind::Order }, id: id[..1].into() };
        let event = Event {
            id: (*id).into(),
            event_type: if count { "inventory.updated".into() } else { "order.shipped".into() },
            subject,
            as_of: count.then_some(NOW),
            record: start..start + id.len() + 9,
        };
        NewEvent { event, deliveries: vec![NewDelivery { plugin: ERP, order: if count { Order::Newest } else { Order::Fifo } }] }
    };
    NewCallback {
        source: "masonhub".into(),
        received_at: NOW,
        remote: Some([192, 0, 2, 7].into()),
        delivery_header: Some("d".into()),
        secret: Some(1),
        events: ids.iter().map(event).collect(),
        body: Bytes::from(body.clone()),
        unreadable: None,
    }
}

/// The file's bytes.
pub(super) fn bytes() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.db");
        Builder::new_current_thread().enable_time().build().unwrap().block_on(fill(&path));
        std::fs::read(&path).unwrap()
    })
}

async fn fill(path: &Path) {
    let journal = SqliteJournal::open(path, options(), Arc::new(Still)).unwrap();
    journal.register_plugins(vec!["erp".into()]).await.unwrap();
    let [first, rest @ ..] = &callbacks()[..] else { panic!("there are some") };
    journal.accept(first.clone()).await.unwrap();
    let over = claim(&journal, &[ERP]).await.unwrap();
    answer(&journal, &over[0]).await;
    journal.finish(done(&over[0])).await.unwrap();
    look(&journal, over[0].lease.delivery).await.unwrap();
    for callback in rest {
        journal.accept(callback.clone()).await.unwrap();
    }
    // One of each kind: waiting, dead with a call in doubt and a line that it holds; the rest is pending.
    let claims = claim(&journal, &[ERP]).await.unwrap();
    let ended = |claim: &Claim, verdict| Finish { verdict, gap: Gap::Hold, state: Vec::new(), ..done(claim) };
    let waiting = Verdict::Waiting { until: later(), code: ErrorCode::ErpUnavailable, reason: "503".into(), spent: true };
    journal.finish(ended(&claims[0], waiting)).await.unwrap();
    put(&journal, &claims[1], 0, Fate::Intended { lost: Some("reset".into()) }).await;
    put(&journal, &claims[1], 1, Fate::Unsent).await;
    let dead = Verdict::Dead { code: ErrorCode::PluginRejected, reason: "no such order".into() };
    journal.finish(ended(&claims[1], dead)).await.unwrap();
    let mut unreadable = callback(&["q:0"]);
    (unreadable.events, unreadable.unreadable) = (Vec::new(), Some("not JSON".into()));
    journal.accept(unreadable).await.unwrap();
    let rejected = RejectedCallback {
        source: "masonhub".into(),
        received_at: NOW,
        remote: Some([192, 0, 2, 8].into()),
        reason: "no signature".into(),
        delivery_header: None,
        body: Bytes::from_static(b"{}"),
    };
    journal.reject(rejected).await.unwrap();
    journal.close().await.unwrap();
}

/// What a look at the ERP came to.
pub(super) fn look(journal: &SqliteJournal, delivery: DeliveryId) -> Receipt<Option<RoundTripState>> {
    let found = Confirmation::Mismatch { expected: "2 parcels".into(), found: "1 parcel".into() };
    journal.record(Look { delivery, at: NOW, looked: Looked::Found(found), log: Vec::new() })
}

/// Takes what is to be looked at.
pub(super) fn due(journal: &SqliteJournal) -> Receipt<Vec<DueRoundTrip>> {
    journal.due(NOW, 100, Duration::from_secs(60))
}

/// Has all of it looked at again.
pub(super) fn look_again(journal: &SqliteJournal) -> Receipt<Marked> {
    let since = LookAt::Since { since: Timestamp::UNIX_EPOCH, plugins: vec![ERP], from: None };
    journal.look_again(since, NOW)
}

async fn answer(journal: &SqliteJournal, claim: &Claim) {
    let response = Response { status: 201, headers: vec![("etag".into(), "x".into())], body: b"{}".to_vec() };
    put(journal, claim, 0, Fate::Answered { at: NOW, response, settled_by: Some("plugin".into()) }).await;
}

async fn put(journal: &SqliteJournal, claim: &Claim, ordinal: u16, fate: Fate) {
    let request = Request {
        connection: "erp".into(),
        method: "POST".into(),
        path: "/orders".into(),
        headers: vec![("accept".into(), "*/*".into())],
        body: Some(b"{}".to_vec()),
    };
    let call = Call { ordinal, step: format!("step/{ordinal}"), attempt: claim.attempt, request, sent_at: NOW, fate };
    journal.call(claim.lease, CallWrite::Put(call)).await.unwrap();
}
