//! Callbacks come in, each event once.

use mortar_core::delivery::{PluginNo, State};
use mortar_core::event::SubjectKind;
use mortar_core::ports::{Accepted, JournalError, NewDelivery, Order};

use super::{Scene, Settings, Store, callback, payload, subject};

pub async fn stores_and_fans_out(store: &dyn Store) {
    let scene = Scene::new(store).await;
    let two = scene.journal.register_plugins(vec!["erp".into(), "mail".into()]).await.unwrap();
    assert_eq!(two[0], scene.plugin, "a name keeps its number");
    let fifo = |plugin| NewDelivery { plugin, order: Order::Fifo };
    let as_of = scene.now();
    let order = subject(SubjectKind::Order, "SO-1");
    let row = ("m1:0", order, "order.fulfilled", Some(as_of), two.iter().map(|no| fifo(*no)).collect());
    assert_eq!(scene.accept(callback(scene.now(), vec![row])).await, Accepted { stored: 1, duplicates: 0 });

    let claims = scene.journal.claim(scene.now(), 10, super::LEASE, &super::all(&two)).await.unwrap();
    assert_eq!(claims.len(), 2);
    let event = &claims[0].event;
    assert_eq!((event.id.as_str(), event.event_type.as_str(), event.subject.as_str()), ("m1:0", "order.fulfilled", "order:SO-1"));
    assert_eq!((&*event.source, event.received_at, event.as_of), ("masonhub", scene.now(), Some(as_of)));
    assert_eq!(event.payload, payload("m1:0"));
    assert_eq!((claims[0].attempt, claims[0].spent, claims[0].since), (1, 0, scene.now()));
}

pub async fn counts_duplicates_in_one_callback(store: &dyn Store) {
    let scene = Scene::new(store).await;
    let accepted = scene.accept(scene.callback(&[("a", "1"), ("b", "1"), ("a", "1")])).await;
    assert_eq!(accepted, Accepted { stored: 2, duplicates: 1 });
}

pub async fn counts_duplicates_in_one_batch(store: &dyn Store) {
    let scene = Scene::new(store).await;
    let receipts: Vec<_> = (0..50).map(|_| scene.journal.accept(scene.callback(&[("a", "1")]))).collect();
    let mut stored = 0;
    for receipt in receipts {
        stored += receipt.await.unwrap().stored;
    }
    assert_eq!(stored, 1);
    assert_eq!(scene.claim_ids().await, ["a"]);
}

pub async fn knows_ids_across_many_callbacks(store: &dyn Store) {
    let scene = Scene::new(store).await;
    let ids: Vec<_> = (0..100).map(|n| format!("m{n}:0")).collect();
    for id in &ids {
        scene.event(id, id).await;
    }
    for id in &ids {
        assert_eq!(scene.accept(scene.callback(&[(id, id)])).await, Accepted { stored: 0, duplicates: 1 }, "{id}");
    }
}

pub async fn knows_ids_after_a_restart(store: &dyn Store) {
    let mut scene = Scene::new(store).await;
    for n in 0..30 {
        scene.event(&format!("m{n}:0"), "1").await;
        if n % 7 == 0 {
            scene = scene.restart();
        }
    }
    for n in 0..30 {
        let id = format!("m{n}:0");
        assert_eq!(scene.accept(scene.callback(&[(&id, "1")])).await.duplicates, 1, "{id}");
    }
}

pub async fn tells_sources_apart(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    let mut other = scene.callback(&[("a", "1")]);
    other.source = "other".into();
    assert_eq!(scene.accept(other).await.stored, 1);
    assert_eq!(scene.claim(10).await.len(), 2, "an order of another source is another subject");
}

pub async fn stores_the_new_events_of_a_known_callback(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    let accepted = scene.accept(scene.callback(&[("a", "1"), ("b", "2"), ("c", "3")])).await;
    assert_eq!(accepted, Accepted { stored: 2, duplicates: 1 });
    let story = scene.story("c").await;
    assert_eq!(story.payload, payload("c"));
    assert_eq!(story.callback.events, ["b", "c"]);
    assert_eq!(story.callback.delivery_header.as_deref(), Some("delivery-1"));
}

pub async fn quarantines_what_is_unreadable(store: &dyn Store) {
    let scene = Scene::new(store).await;
    let mut unreadable = scene.callback(&[]);
    unreadable.unreadable = Some("not JSON".into());
    let body = unreadable.body.clone();
    assert_eq!(scene.accept(unreadable).await, Accepted { stored: 0, duplicates: 0 });
    let list = scene.journal.quarantined(false, None, 10).await.unwrap();
    assert_eq!((list.len(), list[0].reason.as_str(), list[0].bytes), (1, "not JSON", body.len() as u64));
    assert_eq!(list[0].body, None);
    let counts = scene.journal.counts().await.unwrap();
    assert_eq!((counts.events, counts.quarantined), (0, 1));
}

pub async fn stores_events_beside_what_is_unreadable(store: &dyn Store) {
    let scene = Scene::new(store).await;
    let mut partly = scene.callback(&[("a", "1")]);
    partly.unreadable = Some("record 1 has no id".into());
    assert_eq!(scene.accept(partly).await.stored, 1);
    assert_eq!(scene.state_of("a").await, State::Pending);
    assert_eq!(scene.journal.quarantined(false, None, 10).await.unwrap().len(), 1);
}

pub async fn refuses_when_too_much_is_open(store: &dyn Store) {
    let scene = Scene::with(store, Settings { open_deliveries: 2, ..Settings::default() }).await;
    let receipts: Vec<_> = (0..4).map(|n| scene.journal.accept(scene.callback(&[(&format!("{n}"), "1")]))).collect();
    let mut answers = Vec::new();
    for receipt in receipts {
        answers.push(receipt.await.is_ok());
    }
    assert_eq!(answers, [true, true, false, false]);
    assert_eq!(scene.journal.accept(scene.callback(&[("x", "1")])).await, Err(JournalError::Busy));
    let claim = scene.claim_one().await;
    scene.finish(&claim, mortar_core::delivery::Verdict::Done).await;
    scene.event("x", "1").await;
}

pub async fn refuses_what_cannot_be(store: &dyn Store) {
    let scene = Scene::new(store).await;
    let mut wrong = scene.callback(&[("a", "1")]);
    wrong.events[0].event.record = 5..wrong.body.len() + 1;
    assert!(matches!(scene.journal.accept(wrong).await, Err(JournalError::Refused(_))));
    let mut wrong = scene.callback(&[("a", "1")]);
    wrong.events[0].deliveries[0].plugin = PluginNo(PluginNo::LIMIT);
    assert!(matches!(scene.journal.accept(wrong).await, Err(JournalError::Refused(_))));
    scene.event("a", "1").await;
}
