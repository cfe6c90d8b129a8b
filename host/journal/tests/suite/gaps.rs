//! What a dead letter means for the later deliveries of its subject.

use mortar_core::delivery::{Gap, State, Verdict};
use mortar_core::ports::{Intervention, Replay};

use super::{HOUR, Scene, Store, waiting};

/// A dead letter of order 1 that leaves this gap, with two deliveries behind it.
async fn broken<'a>(store: &'a dyn Store, gap: Gap) -> (Scene<'a>, mortar_core::delivery::DeliveryId) {
    let scene = Scene::new(store).await;
    for id in ["a", "b", "c"] {
        scene.event(id, "1").await;
    }
    let dead = scene.die_leaving(gap).await;
    (scene, dead)
}

async fn held(scene: &Scene<'_>) -> u64 {
    scene.journal.counts().await.unwrap().held
}

pub async fn a_held_subject_waits(store: &dyn Store) {
    let (scene, dead) = broken(store, Gap::Hold).await;
    scene.event("late", "1").await;
    scene.event("other", "2").await;
    assert_eq!(scene.claim_ids().await, ["other"], "nobody else is held");
    for id in ["b", "c", "late"] {
        let held = scene.delivery(id).await;
        assert_eq!((held.state, held.held_by), (State::Pending, Some(dead)), "{id}");
    }
    assert_eq!(held(&scene).await, 3);
    let letter = scene.delivery("a").await;
    assert_eq!((letter.state, letter.gap, letter.held_by), (State::Dead, Gap::Hold, None));
    assert_eq!(scene.delivery("other").await.held_by, None);
}

pub async fn a_held_line_is_held_after_a_restart(store: &dyn Store) {
    let (scene, dead) = broken(store, Gap::Hold).await;
    let scene = scene.restart();
    assert!(scene.claim_ids().await.is_empty());
    assert_eq!(scene.delivery("b").await.held_by, Some(dead));
    assert_eq!(held(&scene).await, 2);
    scene.journal.intervene(dead, Intervention::Discard { reason: "x".into() }, scene.now()).await.unwrap();
    let scene = scene.restart();
    assert_eq!(scene.claim_ids().await, ["b"]);
}

pub async fn a_replay_lets_its_subject_go_in_order(store: &dyn Store) {
    let (scene, dead) = broken(store, Gap::Hold).await;
    let replay = || scene.journal.intervene(dead, Intervention::Replay(Replay::Resume), scene.now());
    replay().await.unwrap();
    let claim = scene.claim_one().await;
    assert_eq!(claim.event.id, "a");
    scene.finish(&claim, waiting(scene.after(HOUR))).await;
    assert!(scene.claim_ids().await.is_empty());
    assert_eq!(scene.delivery("b").await.held_by, None, "it waits as ever");
    assert_eq!(held(&scene).await, 0);
    scene.advance(HOUR);
    assert_eq!(scene.die_leaving(Gap::Hold).await, dead);
    assert!(scene.claim_ids().await.is_empty(), "not to an end: dead once more");
    assert_eq!(held(&scene).await, 2);
    replay().await.unwrap();
    for id in ["a", "b", "c"] {
        let claim = scene.claim_one().await;
        assert_eq!(claim.event.id, id);
        scene.finish(&claim, Verdict::Done).await;
    }
}

pub async fn a_discarded_letter_lets_go(store: &dyn Store) {
    let (scene, dead) = broken(store, Gap::Hold).await;
    scene.claim_ids().await;
    while super::is_ready(scene.journal.claimable()).await {}
    let discard = Intervention::Discard { reason: "test order".into() };
    scene.journal.intervene(dead, discard, scene.now()).await.unwrap();
    scene.journal.claimable().await;
    assert_eq!(scene.claim_ids().await, ["b"]);
    assert_eq!(scene.delivery("a").await.gap, Gap::Skip);
}

pub async fn a_later_event_takes_the_place(store: &dyn Store) {
    let (scene, _) = broken(store, Gap::Supersede).await;
    scene.event("other", "2").await;
    let scene = scene.restart();
    let claims = scene.claim(10).await;
    assert_eq!(claims.iter().map(|claim| &*claim.event.id).collect::<Vec<_>>(), ["b", "other"]);
    scene.finish(&claims[1], Verdict::Done).await;
    assert_eq!(scene.state_of("a").await, State::Dead, "another subject changes nothing");
    scene.finish(&claims[0], Verdict::Done).await;
    let letter = scene.delivery("a").await;
    assert_eq!((letter.state, letter.gap, letter.code), (State::Superseded, Gap::Skip, None));
    assert!(letter.reason.is_some());
    assert_eq!((scene.count_of(State::Dead).await, scene.count_of(State::Superseded).await), (0, 1));
}

pub async fn only_what_is_done_takes_a_place(store: &dyn Store) {
    let (scene, dead) = broken(store, Gap::Supersede).await;
    let claim = scene.claim_one().await;
    scene.finish(&claim, Verdict::Ignored { reason: "not ours".into() }).await;
    assert_eq!(scene.state_of("a").await, State::Dead);
    scene.journal.intervene(dead, Intervention::Replay(Replay::Resume), scene.now()).await.unwrap();
    let claim = scene.claim_one().await;
    assert_eq!(claim.event.id, "a");
    scene.die_after(&claim, Gap::Skip).await;
    scene.drain().await;
    assert_eq!(scene.state_of("a").await, State::Dead, "the gap is that of its last end");
}

pub async fn a_count_is_never_held(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.accept(scene.count("old", "SKU", Some(scene.now()))).await;
    scene.die_leaving(Gap::Hold).await;
    scene.accept(scene.count("new", "SKU", Some(scene.after(HOUR)))).await;
    let claim = scene.claim_one().await;
    scene.finish(&claim, Verdict::Done).await;
    assert_eq!(scene.state_of("old").await, State::Superseded);
}
