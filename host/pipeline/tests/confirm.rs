//! After a delivery is done, the ERP is read back.

#![allow(clippy::unwrap_used, missing_docs)]

mod fakes;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fakes::*;
use jiff::Timestamp;
use mortar_core::call::CallError;
use mortar_core::code::ErrorCode;
use mortar_core::delivery::{DeliveryId, Ending, Verdict};
use mortar_core::plugin::PluginSettings;
use mortar_core::ports::*;
use mortar_core::retry::RetryPolicy;
use mortar_core::round_trip::{Confirmation, RoundTripSettings, RoundTripState};
use mortar_core::story::RoundTripSummary;
use mortar_pipeline::confirm::confirm;
use mortar_pipeline::plugins::Plugins;
use mortar_pipeline::run::Runner;
use tokio::sync::watch;

/// One round trip that is due, once; it ends the loop when it is recorded.
struct OneDue {
    due: Mutex<Option<DueRoundTrip>>,
    looks: Mutex<Vec<Look>>,
    recorded: watch::Sender<bool>,
}

fn ready<T: Send + 'static>(value: T) -> Receipt<T> {
    Box::pin(std::future::ready(Ok(value)))
}

impl RoundTrips for OneDue {
    fn due(&self, _: Timestamp, _: usize, _: Duration) -> Receipt<Vec<DueRoundTrip>> {
        ready(self.due.lock().unwrap().take().into_iter().collect())
    }
    fn record(&self, look: Look) -> Receipt<Option<RoundTripState>> {
        self.looks.lock().unwrap().push(look);
        self.recorded.send(true).unwrap();
        ready(Some(RoundTripState::Due))
    }
    fn look_again(&self, _: LookAt, _: Timestamp) -> Receipt<Marked> {
        panic!("the pipeline does not ask this")
    }
    fn round_trips(&self, _: RoundTripState, _: Option<DeliveryId>, _: usize) -> Receipt<Vec<RoundTripSummary>> {
        panic!("the pipeline does not ask this")
    }
    fn report(&self, _: Timestamp) -> Receipt<Vec<RoundTripCount>> {
        panic!("the pipeline does not ask this")
    }
}

type Handler = fn(Arc<dyn Host>) -> BoxFuture<'static, Ending>;

/// What a look by this `confirm` comes to, against an ERP that answers so, and what was sent.
async fn look(spent: u32, script: Vec<Result<mortar_core::call::Response, SendError>>, handler: Handler) -> (Looked, Vec<String>) {
    let world = World::answering(script);
    let retry = RetryPolicy { attempts: 3, ..RetryPolicy::default() };
    let settings = PluginSettings { round_trip: RoundTripSettings { retry, ..RoundTripSettings::default() }, ..settings() };
    let ports = world.ports();
    let plugin = FakePlugin { settings, handler: Box::new(move |_, host| handler(host)) }.plugin();
    let plugins = Arc::new(Plugins::of(vec![plugin], &*ports.journal).await.unwrap());
    let Claim { lease, event, since, .. } = claim(1, Vec::new());
    let (recorded, stop) = watch::channel(false);
    let due = DueRoundTrip { delivery: lease.delivery, event, spent, since };
    let one = Arc::new(OneDue { due: Mutex::new(Some(due)), looks: Mutex::default(), recorded });
    confirm(ports, one.clone(), plugins, 4, stop).await;
    let look = one.looks.lock().unwrap().remove(0);
    (look.looked, world.happened())
}

async fn ask(host: &Arc<dyn Host>, method: &str) -> Result<mortar_core::call::Response, CallError> {
    host.call("look".into(), request("erp", method, "")).await
}

#[tokio::test(start_paused = true)]
async fn what_the_erp_says_is_recorded() {
    let confirmed: Handler = |host| {
        Box::pin(async move {
            // The same step twice: each time the ERP is asked.
            let (one, other) = (ask(&host, "GET").await.unwrap(), ask(&host, "GET").await.unwrap());
            assert_eq!((one.status, other.status), (200, 404));
            Ending::Done
        })
    };
    let (looked, sent) = look(0, vec![answer(200), answer(404)], confirmed).await;
    assert!(matches!(looked, Looked::Found(Confirmation::Confirmed { .. })), "{looked:?}");
    assert_eq!(sent, ["send GET /orders/SO-1", "send GET /orders/SO-1"], "nothing is journaled");
    let (looked, _) = look(0, Vec::new(), |_| Box::pin(async { Ending::Ignored("nothing".into()) })).await;
    assert_eq!(looked, Looked::Found(Confirmation::Mismatch { expected: "1Z1".into(), found: "nothing".into() }));
}

#[tokio::test(start_paused = true)]
async fn nothing_but_reads_leaves_the_host() {
    let writes: Handler = |host| {
        Box::pin(async move {
            assert!(matches!(ask(&host, "POST").await, Err(CallError::Denied(reason)) if reason.contains("only reads")));
            let mail = mortar_core::call::Mail { to: vec![], reply_to: None, subject: String::new(), text: String::new(), html: None };
            assert!(matches!(host.mail("m".into(), "erp".into(), mail).await, Err(CallError::Denied(_))));
            assert!(host.state_put(StateWrite { key: "k".into(), expected: 0, value: None }).await.is_err());
            assert!(matches!(host.call("s".into(), request("bank", "GET", "")).await, Err(CallError::Denied(_))));
            Ending::Done
        })
    };
    let (_, sent) = look(0, Vec::new(), writes).await;
    assert!(sent.is_empty(), "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn an_erp_that_is_away_is_looked_at_again_until_the_policy_has_enough() {
    let away: Handler = |host| {
        Box::pin(async move {
            let error = ask(&host, "GET").await.unwrap_err();
            Ending::Retry { code: ErrorCode::PluginRetry, reason: error.to_string(), after: None, spent: true }
        })
    };
    let held = |spent| Err(SendError::NotSent { reason: "no connection".into(), after: Some(Duration::from_secs(60)), spent });
    let (looked, _) = look(0, vec![held(true)], away).await;
    let Looked::Again { at, spent: true, .. } = looked else { panic!("{looked:?}") };
    assert_eq!(at.duration_since(Still.now()).as_secs(), 60);
    let (looked, _) = look(2, vec![held(true)], away).await;
    assert!(matches!(&looked, Looked::GivenUp { reason } if reason.contains("no success in 3 attempts")), "{looked:?}");
    let (looked, _) = look(2, vec![held(false)], away).await;
    assert!(matches!(looked, Looked::Again { spent: false, .. }), "an open breaker counts for nothing: {looked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_or_a_broken_limit_gives_up() {
    let refused: Handler = |_| Box::pin(async { Ending::Refused { code: ErrorCode::PluginRejected, reason: "no such order".into() } });
    assert_eq!(look(0, Vec::new(), refused).await.0, Looked::GivenUp { reason: "no such order".into() });
    let endless: Handler = |host| {
        Box::pin(async move {
            while !matches!(ask(&host, "GET").await, Err(CallError::TooLarge(_))) {}
            Ending::Done
        })
    };
    let (looked, sent) = look(0, (0..100).map(|_| answer(200)).collect(), endless).await;
    assert_eq!(sent.len(), 100);
    assert!(matches!(&looked, Looked::GivenUp { reason } if reason.contains("limits.calls")), "{looked:?}");
}

/// When the ERP is read back after an event is done, by a plugin with these settings.
async fn confirm_at(settings: PluginSettings) -> Option<Timestamp> {
    let world = World::answering([]);
    let handler = |_, _| -> BoxFuture<'static, Ending> { Box::pin(std::future::ready(Ending::Done)) };
    let plugin = FakePlugin { settings, handler: Box::new(handler) }.plugin();
    let (ports, plugins) = (world.ports(), Arc::default());
    let runner = Runner { ports, plugins, retry: RetryPolicy::default(), up_since: tokio::time::Instant::now() };
    runner.run(claim(1, Vec::new()), plugin).await;
    let finishes = world.journal.finishes.lock().unwrap();
    assert_eq!(finishes[0].verdict, Verdict::Done);
    finishes[0].confirm_at
}

#[tokio::test(start_paused = true)]
async fn a_done_delivery_is_confirmed_after_a_while() {
    let after = RoundTripSettings::default().after;
    assert_eq!(confirm_at(settings()).await.unwrap().duration_since(Still.now()).unsigned_abs(), after);
}

#[tokio::test(start_paused = true)]
async fn only_the_event_types_that_the_settings_name_are_confirmed() {
    let only = |events: &[&str]| {
        let events = Some(events.iter().map(ToString::to_string).collect());
        PluginSettings { round_trip: RoundTripSettings { events, ..RoundTripSettings::default() }, ..settings() }
    };
    let event_type = &claim(1, Vec::new()).event.event_type;
    assert!(confirm_at(only(&["inbound_shipment.*", event_type])).await.is_some());
    assert!(confirm_at(only(&["inbound_shipment.*"])).await.is_none());
    assert!(confirm_at(only(&[])).await.is_none());
}
