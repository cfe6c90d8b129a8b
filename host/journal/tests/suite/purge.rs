//! What is past its time is forgotten.

use mortar_core::delivery::{State, Verdict};
use mortar_core::event::SubjectKind;
use mortar_core::ports::{Filter, Intervention};

use super::{HOUR, Scene, Settings, Store, callback, payload, subject};

async fn ids(scene: &Scene<'_>) -> Vec<String> {
    let all = Filter { limit: 10_000, ..Filter::default() };
    scene.journal.events(all).await.unwrap().into_iter().map(|event| event.id).collect()
}

pub async fn forgets_finished_events(store: &dyn Store) {
    let scene = Scene::new(store).await;
    for n in 0..20 {
        scene.event(&format!("old{n}"), "1").await;
    }
    scene.accept(callback(scene.now(), vec![("unhandled", subject(SubjectKind::Sku, "A"), "inventory.updated", None, vec![])])).await;
    scene.drain().await;
    scene.advance(24 * HOUR + HOUR);
    scene.event("new", "1").await;
    scene.drain().await;
    scene.purge().await;
    assert_eq!(ids(&scene).await, ["new"]);
    let counts = scene.journal.counts().await.unwrap();
    assert_eq!((counts.events, counts.unhandled), (1, 0));
    assert_eq!(scene.count_of(State::Done).await, 1);
    let scene = scene.restart();
    assert_eq!(scene.journal.counts().await.unwrap(), counts);
}

pub async fn keeps_what_is_not_over(store: &dyn Store) {
    let scene = Scene::new(store).await;
    for id in ["dead", "waiting", "running", "pending"] {
        scene.event(id, id).await;
    }
    let claims = scene.claim(3).await;
    scene.finish(&claims[0], super::dead()).await;
    scene.finish(&claims[1], super::waiting(scene.after(1000 * HOUR))).await;
    scene.advance(500 * HOUR);
    scene.purge().await;
    assert_eq!(ids(&scene).await, ["pending", "running", "waiting", "dead"]);
    let discard = Intervention::Discard { reason: "old".into() };
    scene.journal.intervene(claims[0].lease.delivery, discard, scene.now()).await.unwrap();
    scene.purge().await;
    assert_eq!(ids(&scene).await, ["pending", "running", "waiting"]);
}

pub async fn keeps_a_body_as_long_as_one_of_its_events(store: &dyn Store) {
    let scene = Scene::with(store, Settings { cached: false, ..Settings::default() }).await;
    // All stand in line together, so that their bodies may share a place.
    let receipts: Vec<_> = (0..20).map(|n| scene.journal.accept(scene.callback(&[(&format!("{n}"), &format!("{n}"))]))).collect();
    for receipt in receipts {
        receipt.await.unwrap();
    }
    scene.accept(scene.callback(&[("x", "x"), ("y", "y"), ("z", "z")])).await;
    for claim in scene.claim(100).await {
        let stays = ["7", "y"].contains(&claim.event.id.as_str());
        scene.finish(&claim, if stays { super::dead() } else { Verdict::Done }).await;
    }
    scene.advance(25 * HOUR);
    scene.purge().await;
    let mut left = ids(&scene).await;
    left.retain(|id| !["x", "z"].contains(&id.as_str()));
    assert_eq!(left, ["y", "7"]);
    let scene = scene.restart();
    for id in ["7", "y"] {
        let story = scene.story(id).await;
        assert_eq!(story.payload, payload(id));
        assert_eq!(story.callback.secret, Some(2));
    }
}

pub async fn remembers_ids_beyond_their_events(store: &dyn Store) {
    let scene = Scene::new(store).await;
    let all: Vec<_> = (0..30).map(|n| format!("m{n}:0")).collect();
    for id in &all {
        scene.event(id, "1").await;
    }
    scene.drain().await;
    scene.advance(25 * HOUR);
    scene.purge().await;
    assert!(ids(&scene).await.is_empty());
    for scene in [scene.restart()] {
        for id in &all {
            assert_eq!(scene.accept(scene.callback(&[(id, "1")])).await.duplicates, 1, "{id}");
        }
    }
}

pub async fn forgets_ids_after_the_window(store: &dyn Store) {
    let scene = Scene::new(store).await;
    for n in 0..30 {
        scene.event(&format!("m{n}:0"), "1").await;
    }
    scene.drain().await;
    scene.advance(49 * HOUR);
    scene.purge().await;
    scene.event("m0:0", "1").await;
}

pub async fn goes_in_small_steps(store: &dyn Store) {
    let scene = Scene::new(store).await;
    let receipts: Vec<_> = (0..900).map(|n| scene.journal.accept(scene.callback(&[(&format!("{n}"), &format!("{n}"))]))).collect();
    for receipt in receipts {
        receipt.await.unwrap();
    }
    scene.drain().await;
    scene.advance(25 * HOUR);
    let mut steps = 1;
    while scene.journal.purge(scene.now()).await.unwrap() {
        steps += 1;
    }
    assert!(steps > 2, "{steps}");
    assert!(ids(&scene).await.is_empty());
}

pub async fn never_gives_a_place_twice(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    let first = scene.story("a").await.event.seq;
    scene.drain().await;
    scene.advance(1000 * HOUR);
    scene.purge().await;
    let scene = scene.restart();
    scene.event("b", "1").await;
    assert!(scene.story("b").await.event.seq > first);
}
