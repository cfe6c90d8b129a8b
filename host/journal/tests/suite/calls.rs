//! Journaled calls come back when a handler runs again.

use mortar_core::ports::{CallWrite, JournalError};
use mortar_core::story::Fate;

use super::{LEASE, Scene, Store, waiting};

pub async fn come_back_with_the_next_claim(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    let claim = scene.claim_one().await;
    let mut find = scene.lost_call(0, "find");
    find.fate = scene.answered(200);
    let mut ship = scene.lost_call(1, "ship");
    ship.request.body = None;
    ship.request.headers.clear();
    scene.put(&claim, &find).await.unwrap();
    scene.put(&claim, &ship).await.unwrap();
    scene.finish(&claim, waiting(scene.now())).await;
    let again = scene.claim_one().await;
    assert_eq!(again.calls, [find, ship]);
    assert_eq!((again.attempt, again.spent), (2, 1));
}

pub async fn are_replaced_at_their_ordinal(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    let claim = scene.claim_one().await;
    scene.put(&claim, &scene.lost_call(0, "ship")).await.unwrap();
    let mut again = scene.lost_call(0, "ship");
    again.attempt = 2;
    again.fate = scene.answered(201);
    scene.put(&claim, &again).await.unwrap();
    assert_eq!(scene.story("a").await.deliveries[0].calls, [again]);
}

pub async fn change_their_fate(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    let claim = scene.claim_one().await;
    let call = scene.lost_call(0, "ship");
    scene.put(&claim, &call).await.unwrap();
    for fate in [Fate::Unsent, scene.answered(204), Fate::Intended { lost: None }] {
        scene.journal.call(claim.lease, CallWrite::Fate { ordinal: 0, fate: fate.clone() }).await.unwrap();
        assert_eq!(scene.story("a").await.deliveries[0].calls[0].fate, fate);
    }
}

pub async fn survive_a_killed_attempt(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    let claim = scene.claim_one().await;
    let call = scene.lost_call(0, "ship");
    scene.put(&claim, &call).await.unwrap();
    scene.advance(LEASE);
    let taken_over = scene.claim_one().await;
    assert_eq!(taken_over.calls, std::slice::from_ref(&call), "whoever takes over sees what was intended");
    let scene = scene.restart();
    let after = scene.claim_one().await;
    assert_eq!(after.calls, [call]);
    assert_eq!(after.attempt, 1);
}

pub async fn need_their_place(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    let claim = scene.claim_one().await;
    let fate = CallWrite::Fate { ordinal: 3, fate: Fate::Unsent };
    assert!(matches!(scene.journal.call(claim.lease, fate).await, Err(JournalError::NotFound(_))));
    scene.put(&claim, &scene.lost_call(1023, "last")).await.unwrap();
    assert!(matches!(scene.put(&claim, &scene.lost_call(1024, "over")).await, Err(JournalError::Refused(_))));
}
