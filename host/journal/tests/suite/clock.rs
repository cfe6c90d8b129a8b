//! The system's clock is set, forward or back.

use jiff::SignedDuration;
use mortar_core::delivery::{State, Verdict};

use super::{HOUR, LEASE, Scene, Store, is_ready, waiting};

const JUMP: SignedDuration = SignedDuration::from_hours(1000);

/// An event whose next attempt is due in an hour.
async fn with_a_retry(store: &dyn Store) -> Scene<'_> {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    let claim = scene.claim_one().await;
    scene.finish(&claim, waiting(scene.after(HOUR))).await;
    assert!(scene.claim_ids().await.is_empty());
    while is_ready(scene.journal.claimable()).await {}
    scene
}

/// The retry comes when the hour has gone by, and not before.
async fn comes_in_an_hour(scene: &Scene<'_>) {
    assert!(scene.claim_ids().await.is_empty());
    while is_ready(scene.journal.claimable()).await {}
    scene.advance(HOUR);
    scene.journal.claimable().await;
    assert_eq!(scene.claim_ids().await, ["a"]);
}

pub async fn set_forward_it_ends_no_lease(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    let claim = scene.claim_one().await;
    scene.set_clock(JUMP);
    assert!(scene.claim_ids().await.is_empty(), "the attempt is still under way");
    scene.finish(&claim, Verdict::Done).await;
    assert_eq!(scene.state_of("a").await, State::Done);
}

pub async fn set_forward_it_wakes_nothing_that_waits(store: &dyn Store) {
    let scene = with_a_retry(store).await;
    scene.set_clock(JUMP);
    comes_in_an_hour(&scene).await;
}

pub async fn set_back_it_holds_no_lease_up(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    scene.claim_one().await;
    scene.set_clock(-JUMP);
    scene.advance(LEASE);
    assert_eq!(scene.claim_ids().await, ["a"]);
}

pub async fn set_back_it_holds_nothing_up_that_waits(store: &dyn Store) {
    let scene = with_a_retry(store).await;
    scene.set_clock(-JUMP);
    comes_in_an_hour(&scene).await;
    // What comes and waits afterwards goes by the new time.
    scene.event("b", "2").await;
    let claim = scene.claim_one().await;
    scene.finish(&claim, waiting(scene.after(HOUR))).await;
    scene.advance(HOUR);
    assert!(scene.claim_ids().await.contains(&"b".to_owned()));
}

pub async fn set_back_between_two_starts_it_holds_nothing_up(store: &dyn Store) {
    let scene = with_a_retry(store).await;
    scene.set_clock(-JUMP);
    comes_in_an_hour(&scene.restart()).await;
}

pub async fn set_while_down_it_keeps_all(store: &dyn Store) {
    for jump in [JUMP, -JUMP] {
        let scene = Scene::new(store).await;
        let id = format!("{jump}");
        scene.event(&id, &id).await;
        scene.set_clock(jump);
        let scene = scene.restart();
        assert_eq!(scene.accept(scene.callback(&[(&id, &id)])).await.duplicates, 1);
        let claim = scene.claim_one().await;
        assert_eq!(claim.event.id, id);
        scene.finish(&claim, Verdict::Done).await;
    }
}

/// An event that is over, after a first purge.
async fn with_an_old_event(store: &dyn Store) -> Scene<'_> {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    scene.drain().await;
    scene.purge().await;
    scene
}

/// Whether the event is there and its id is known.
async fn keeps(scene: &Scene<'_>) -> (bool, bool) {
    let stored = scene.journal.story("a".into()).await.unwrap().is_some();
    (stored, scene.accept(scene.callback(&[("a", "1")])).await.duplicates == 1)
}

pub async fn set_forward_it_forgets_nothing(store: &dyn Store) {
    let scene = with_an_old_event(store).await;
    scene.set_clock(JUMP);
    scene.event("of the new time", "2").await;
    scene.drain().await;
    scene.purge().await;
    assert_eq!(keeps(&scene).await, (true, true));
    let scene = scene.restart();
    scene.purge().await;
    assert_eq!(keeps(&scene).await, (true, true), "nor does the next host");
    scene.set_clock(-JUMP);
    scene.advance(23 * HOUR);
    scene.purge().await;
    assert_eq!(keeps(&scene).await, (true, true), "set right, nothing has happened");
    scene.advance(2 * HOUR);
    scene.purge().await;
    assert_eq!(keeps(&scene).await, (false, true));
}

pub async fn set_forward_for_good_it_forgets_in_its_own_time(store: &dyn Store) {
    let scene = with_an_old_event(store).await;
    scene.set_clock(JUMP);
    let scene = scene.restart();
    scene.advance(11 * HOUR);
    scene.purge().await;
    assert_eq!(keeps(&scene).await, (true, true));
    scene.advance(2 * HOUR);
    scene.purge().await;
    assert_eq!(keeps(&scene).await, (false, true), "twice as fast as time goes by");
}

pub async fn set_back_it_forgets_nothing(store: &dyn Store) {
    let scene = with_an_old_event(store).await;
    scene.set_clock(-JUMP);
    scene.advance(100 * HOUR);
    scene.purge().await;
    assert_eq!(keeps(&scene).await, (true, true));
}
