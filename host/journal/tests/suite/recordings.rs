//! Deliveries that are over, to be run again offline.

use std::sync::Arc;

use mortar_core::delivery::{DeliveryId, PluginNo, Verdict};
use mortar_core::ports::{NewDelivery, Order, Recording, Recordings, WhichRecordings};

use super::{RecordingStore, Scene, Settings, TestClock, all, callback, dead, payload, subject, waiting};
use mortar_core::event::SubjectKind;

struct Tape<'a> {
    scene: Scene<'a>,
    recordings: Arc<dyn Recordings>,
}

impl<'a> Tape<'a> {
    async fn new(store: &'a dyn RecordingStore) -> Self {
        let (settings, clock) = (Settings::default(), Arc::new(TestClock::new()));
        let (journal, recordings) = store.open_recordings(&settings, clock.clone());
        Self { scene: Scene::over(store, settings, clock, journal).await, recordings }
    }

    /// An order whose delivery ends so.
    async fn order(&self, id: &str, verdict: Verdict) -> DeliveryId {
        self.scene.event(id, id).await;
        let claim = self.scene.claim_one().await;
        self.scene.finish(&claim, verdict).await;
        claim.lease.delivery
    }

    fn which(&self) -> WhichRecordings {
        WhichRecordings { plugin: self.scene.plugin, event_types: Vec::new(), last: 100, bytes: u64::MAX }
    }

    async fn last(&self, which: WhichRecordings) -> Vec<Recording> {
        self.recordings.last(which).await.unwrap()
    }

    async fn ids(&self, which: WhichRecordings) -> Vec<String> {
        self.last(which).await.iter().map(|recording| recording.event.id.clone()).collect()
    }
}

fn ignored() -> Verdict {
    Verdict::Ignored { reason: "nothing to do".into() }
}

pub async fn are_what_is_over_newest_first(store: &dyn RecordingStore) {
    let tape = Tape::new(store).await;
    tape.order("done", Verdict::Done).await;
    tape.order("ignored", ignored()).await;
    tape.order("dead", dead()).await;
    let waits = tape.order("waiting", waiting(tape.scene.after(super::HOUR))).await;
    tape.scene.event("pending", "5").await;
    assert_eq!(tape.ids(tape.which()).await, ["dead", "ignored", "done"]);
    assert_eq!(tape.recordings.recording(waits).await.unwrap(), None);
    let nobody = DeliveryId { event: 999, plugin: tape.scene.plugin };
    assert_eq!(tape.recordings.recording(nobody).await.unwrap(), None);
}

pub async fn have_event_attempt_and_calls(store: &dyn RecordingStore) {
    let tape = Tape::new(store).await;
    let scene = &tape.scene;
    scene.event("a", "1").await;
    let claim = scene.claim_one().await;
    let mut call = scene.lost_call(0, "ship");
    scene.put(&claim, &call).await.unwrap();
    scene.finish(&claim, waiting(scene.now())).await;
    let claim = scene.claim_one().await;
    call.fate = scene.answered(201);
    scene.put(&claim, &call).await.unwrap();
    let second = scene.lost_call(1, "notify");
    scene.put(&claim, &second).await.unwrap();
    scene.finish(&claim, Verdict::Done).await;
    let last = tape.last(tape.which()).await;
    assert_eq!(last.len(), 1);
    assert_eq!((last[0].delivery, last[0].attempt, &*last[0].calls), (claim.lease.delivery, 2, &[call, second][..]));
    assert_eq!(last[0].event, claim.event);
    assert_eq!(tape.recordings.recording(claim.lease.delivery).await.unwrap().as_ref(), last.first());
}

pub async fn are_of_one_plugin_and_these_types(store: &dyn RecordingStore) {
    let tape = Tape::new(store).await;
    let scene = &tape.scene;
    let other = scene.journal.register_plugins(vec!["other".into()]).await.unwrap()[0];
    let to = |plugin| NewDelivery { plugin, order: Order::Fifo };
    let row = |id, event_type, to| (id, subject(SubjectKind::Order, id), event_type, None, to);
    let rows = vec![
        row("fulfilled", "order.fulfilled", vec![to(scene.plugin)]),
        row("created", "order.created", vec![to(scene.plugin), to(other)]),
        row("return", "return.received", vec![to(scene.plugin)]),
    ];
    scene.accept(callback(scene.now(), rows)).await;
    for claim in scene.journal.claim(scene.now(), 10, super::LEASE, &all(&[scene.plugin, other])).await.unwrap() {
        scene.finish(&claim, Verdict::Done).await;
    }
    let of = |types: &[&str]| WhichRecordings { event_types: types.iter().map(|t| (*t).into()).collect(), ..tape.which() };
    assert_eq!(tape.ids(of(&["order.*"])).await, ["created", "fulfilled"]);
    assert_eq!(tape.ids(of(&["order.created", "return.received"])).await, ["return", "created"]);
    assert_eq!(tape.ids(of(&["order"])).await, Vec::<String>::new());
    assert_eq!(tape.ids(WhichRecordings { plugin: other, ..tape.which() }).await, ["created"]);
    assert_eq!(tape.ids(WhichRecordings { plugin: PluginNo(77), ..tape.which() }).await, Vec::<String>::new());
}

pub async fn are_bounded_in_number_and_size(store: &dyn RecordingStore) {
    let tape = Tape::new(store).await;
    for id in ["a", "b", "c"] {
        tape.order(id, Verdict::Done).await;
    }
    assert_eq!(tape.ids(WhichRecordings { last: 2, ..tape.which() }).await, ["c", "b"]);
    let each = payload("a").len() as u64;
    assert_eq!(tape.last(tape.which()).await[0].bytes(), each);
    assert_eq!(tape.ids(WhichRecordings { bytes: 2 * each, ..tape.which() }).await, ["c", "b"]);
    assert_eq!(tape.ids(WhichRecordings { bytes: each - 1, ..tape.which() }).await, Vec::<String>::new());
}
