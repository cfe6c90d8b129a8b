//! Round trips: what the ERP said when it was read back.

use std::sync::Arc;

use mortar_core::delivery::{DeliveryId, PluginNo, State, Verdict};
use mortar_core::ports::{
    DueRoundTrip, Finish, Intervention, JournalError, Look, LookAt, Looked, Marked, Replay, RoundTripCount, RoundTrips,
};
use mortar_core::round_trip::{Confirmation, RoundTripState};
use mortar_core::story::{LogLine, RoundTrip};

use super::{HOUR, LEASE, RoundTripStore, Scene, Settings, TestClock, dead};

struct Trips<'a> {
    scene: Scene<'a>,
    round_trips: Arc<dyn RoundTrips>,
}

impl<'a> Trips<'a> {
    async fn new(store: &'a dyn RoundTripStore) -> Self {
        let (settings, clock) = (Settings::default(), Arc::new(TestClock::new()));
        let (journal, round_trips) = store.open_both(&settings, clock.clone());
        Self { scene: Scene::over(store, settings, clock, journal).await, round_trips }
    }

    /// Has the one delivery that can be claimed done, to be confirmed at once.
    async fn done(&self) -> DeliveryId {
        let claim = self.scene.claim_one().await;
        let end = Finish { confirm_at: Some(self.scene.now()), ..self.scene.end(&claim, Verdict::Done) };
        self.scene.journal.finish(end).await.unwrap();
        claim.lease.delivery
    }

    /// An order that is done.
    async fn order(&self, id: &str) -> DeliveryId {
        self.scene.event(id, id).await;
        self.done().await
    }

    async fn due(&self) -> Vec<DueRoundTrip> {
        self.round_trips.due(self.scene.now(), 10, LEASE).await.unwrap()
    }

    async fn record(&self, delivery: DeliveryId, looked: Looked) -> Option<RoundTripState> {
        let log = vec![LogLine { level: "info".into(), message: "looked".into() }];
        self.round_trips.record(Look { delivery, at: self.scene.now(), looked, log }).await.unwrap()
    }

    async fn known(&self, id: &str) -> Option<RoundTrip> {
        self.scene.story(id).await.deliveries.remove(0).round_trip
    }

    async fn mismatches(&self) -> u64 {
        self.scene.journal.counts().await.unwrap().mismatches
    }
}

fn mismatch() -> Looked {
    Looked::Found(Confirmation::Mismatch { expected: "1Z1".into(), found: "nothing".into() })
}

fn confirmed() -> Looked {
    Looked::Found(Confirmation::Confirmed { evidence: "shipment 7 has 1Z1".into() })
}

pub async fn falls_due_after_its_delivery(store: &dyn RoundTripStore) {
    let trips = Trips::new(store).await;
    trips.scene.event("a", "1").await;
    let claim = trips.scene.claim_one().await;
    let at = trips.scene.after(HOUR);
    trips.scene.journal.finish(Finish { confirm_at: Some(at), ..trips.scene.end(&claim, Verdict::Done) }).await.unwrap();
    assert_eq!(trips.known("a").await.unwrap().state, RoundTripState::Due);
    assert!(trips.due().await.is_empty());
    trips.scene.advance(HOUR);
    let due = trips.due().await.remove(0);
    assert_eq!((due.delivery, &*due.event.id, due.spent), (claim.lease.delivery, "a", 0));
    assert_eq!(due.event.payload, super::payload("a"));
    // What is not done has nothing to be confirmed.
    trips.scene.event("b", "2").await;
    let claim = trips.scene.claim_one().await;
    trips.scene.journal.finish(Finish { confirm_at: Some(at), ..trips.scene.end(&claim, dead()) }).await.unwrap();
    assert_eq!(trips.known("b").await, None);
}

pub async fn is_looked_at_by_one_at_a_time(store: &dyn RoundTripStore) {
    let trips = Trips::new(store).await;
    trips.order("a").await;
    assert_eq!(trips.due().await.len(), 1);
    assert!(trips.due().await.is_empty());
    trips.scene.advance(LEASE);
    assert_eq!(trips.due().await.len(), 1, "the one who looked has not come back");
}

pub async fn keeps_what_was_found(store: &dyn RoundTripStore) {
    let trips = Trips::new(store).await;
    let (a, b) = (trips.order("a").await, trips.order("b").await);
    trips.due().await;
    assert_eq!(trips.record(a, mismatch()).await, Some(RoundTripState::Mismatch));
    assert_eq!(trips.record(b, confirmed()).await, Some(RoundTripState::Confirmed));
    let known = trips.known("a").await.unwrap();
    assert_eq!((known.state, known.looks), (RoundTripState::Mismatch, 1));
    assert_eq!((known.expected.as_deref(), known.found.as_deref()), (Some("1Z1"), Some("nothing")));
    assert_eq!(known.log[0].message, "looked");
    assert_eq!(trips.known("b").await.unwrap().reason.as_deref(), Some("shipment 7 has 1Z1"));
    assert_eq!(trips.mismatches().await, 1);
    let listed = trips.round_trips.round_trips(RoundTripState::Mismatch, None, 10).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].delivery, &*listed[0].event_id, &*listed[0].plugin), (a, "a", "erp"));
    assert_eq!(trips.record(a, confirmed()).await, None, "it is not due");
}

pub async fn is_looked_at_again_when_asked(store: &dyn RoundTripStore) {
    let trips = Trips::new(store).await;
    let a = trips.order("a").await;
    trips.due().await;
    trips.record(a, mismatch()).await;
    let marked = trips.round_trips.look_again(LookAt::One(a), trips.scene.now()).await.unwrap();
    assert_eq!(marked, Marked { marked: 1, next: None });
    assert_eq!(trips.mismatches().await, 0);
    assert_eq!(trips.due().await.len(), 1);
    assert_eq!(trips.record(a, confirmed()).await, Some(RoundTripState::Confirmed));
    let missing = DeliveryId { event: 999, plugin: a.plugin };
    let refused = trips.round_trips.look_again(LookAt::One(missing), trips.scene.now()).await;
    assert!(matches!(refused, Err(JournalError::NotFound(_))), "{refused:?}");
    trips.scene.event("b", "2").await;
    let b = trips.scene.die().await;
    let refused = trips.round_trips.look_again(LookAt::One(b), trips.scene.now()).await;
    assert!(matches!(refused, Err(JournalError::Refused(_))), "{refused:?}");
}

pub async fn is_looked_at_again_later(store: &dyn RoundTripStore) {
    let trips = Trips::new(store).await;
    let a = trips.order("a").await;
    trips.due().await;
    let at = trips.scene.after(HOUR);
    let again = |spent| Looked::Again { at, reason: "503".into(), spent };
    assert_eq!(trips.record(a, again(true)).await, Some(RoundTripState::Due));
    assert!(trips.due().await.is_empty());
    trips.scene.advance(HOUR);
    assert_eq!(trips.due().await[0].spent, 1);
    trips.record(a, Looked::Again { at: trips.scene.now(), reason: "the breaker is open".into(), spent: false }).await;
    assert_eq!(trips.due().await[0].spent, 1);
    let known = trips.known("a").await.unwrap();
    assert_eq!((known.looks, known.reason.as_deref()), (2, Some("the breaker is open")));
}

pub async fn gives_up(store: &dyn RoundTripStore) {
    let trips = Trips::new(store).await;
    let a = trips.order("a").await;
    trips.due().await;
    assert_eq!(trips.record(a, Looked::GivenUp { reason: "no such order".into() }).await, Some(RoundTripState::Unconfirmed));
    trips.scene.advance(LEASE);
    assert!(trips.due().await.is_empty());
    assert_eq!(trips.round_trips.round_trips(RoundTripState::Unconfirmed, None, 10).await.unwrap().len(), 1);
}

pub async fn goes_with_a_replay(store: &dyn RoundTripStore) {
    let trips = Trips::new(store).await;
    let a = trips.order("a").await;
    trips.due().await;
    trips.record(a, mismatch()).await;
    trips.scene.journal.intervene(a, Intervention::Replay(Replay::FromScratch), trips.scene.now()).await.unwrap();
    assert_eq!((trips.known("a").await, trips.mismatches().await), (None, 0));
    assert_eq!(trips.done().await, a);
    assert_eq!(trips.due().await.len(), 1);
}

pub async fn a_newer_count_takes_its_place(store: &dyn RoundTripStore) {
    let trips = Trips::new(store).await;
    let count = async |id| {
        trips.scene.accept(trips.scene.count(id, "SKU", Some(trips.scene.now()))).await;
        trips.scene.advance(HOUR);
    };
    count("first").await;
    trips.done().await;
    count("second").await;
    assert!(trips.due().await.is_empty(), "it is on its way to the ERP");
    assert_eq!(trips.known("first").await.unwrap().state, RoundTripState::NotApplicable);
    let second = trips.done().await;
    assert_eq!(trips.due().await.len(), 1);
    count("third").await;
    assert_eq!(trips.record(second, mismatch()).await, Some(RoundTripState::NotApplicable), "what was found may be the third");
    assert_eq!(trips.mismatches().await, 0);
}

pub async fn is_marked_since_a_time(store: &dyn RoundTripStore) {
    let trips = Trips::new(store).await;
    for (id, order) in [("a", "1"), ("b", "2"), ("c", "3")] {
        trips.scene.event(id, order).await;
        trips.scene.drain().await;
        trips.scene.advance(HOUR);
    }
    trips.scene.event("open", "4").await;
    let since = trips.scene.after(HOUR) - jiff::SignedDuration::from_hours(3);
    let mark = async |plugins: Vec<PluginNo>| {
        let at = LookAt::Since { since, plugins, from: None };
        trips.round_trips.look_again(at, trips.scene.now()).await.unwrap()
    };
    assert_eq!(mark(vec![PluginNo(77)]).await.marked, 0);
    assert_eq!(mark(vec![trips.scene.plugin]).await, Marked { marked: 2, next: None });
    let due: Vec<_> = trips.due().await.into_iter().map(|due| due.event.id.clone()).collect();
    assert_eq!(due, ["b", "c"]);
    let none = LookAt::Since { since: trips.scene.after(HOUR), plugins: vec![trips.scene.plugin], from: None };
    assert_eq!(trips.round_trips.look_again(none, trips.scene.now()).await.unwrap().marked, 0);
}

pub async fn is_counted_by_plugin_and_state(store: &dyn RoundTripStore) {
    let trips = Trips::new(store).await;
    let (a, b) = (trips.order("a").await, trips.order("b").await);
    trips.due().await;
    trips.record(a, mismatch()).await;
    trips.record(b, confirmed()).await;
    trips.scene.event("never", "3").await;
    trips.scene.drain().await;
    let count = |state| RoundTripCount { plugin: "erp".into(), state, count: 1 };
    let expected = [None, Some(RoundTripState::Confirmed), Some(RoundTripState::Mismatch)].map(count);
    assert_eq!(trips.round_trips.report(trips.scene.now()).await.unwrap(), expected);
    assert!(trips.round_trips.report(trips.scene.after(HOUR)).await.unwrap().is_empty());
    assert_eq!(trips.scene.count_of(State::Done).await, 3);
}

pub async fn goes_with_its_event(store: &dyn RoundTripStore) {
    let trips = Trips::new(store).await;
    let a = trips.order("a").await;
    trips.due().await;
    trips.record(a, mismatch()).await;
    trips.scene.advance(25 * HOUR);
    trips.scene.purge().await;
    assert_eq!(trips.mismatches().await, 0);
    assert!(trips.round_trips.round_trips(RoundTripState::Mismatch, None, 10).await.unwrap().is_empty());
}
