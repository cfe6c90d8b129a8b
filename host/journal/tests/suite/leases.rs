//! A claim is an expiring right.

use mortar_core::delivery::{State, Verdict};
use mortar_core::ports::{CallWrite, JournalError};

use super::{HOUR, LEASE, Scene, Store, is_ready, waiting};

pub async fn a_claimed_delivery_is_not_claimed_again(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    scene.claim_one().await;
    assert!(scene.claim_ids().await.is_empty());
    assert_eq!(scene.state_of("a").await, State::Running);
    assert_eq!((scene.count_of(State::Running).await, scene.count_of(State::Pending).await), (1, 0));
}

pub async fn an_expired_lease_is_taken_over(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    let first = scene.claim_one().await;
    scene.advance(LEASE - std::time::Duration::from_secs(1));
    assert!(scene.claim_ids().await.is_empty());
    scene.advance(std::time::Duration::from_secs(1));
    let second = scene.claim_one().await;
    assert_eq!(second.lease.delivery, first.lease.delivery);
    assert_ne!(second.lease.token, first.lease.token);
    assert_eq!(second.attempt, 1, "an attempt that never ended does not count");
}

pub async fn the_old_lease_journals_nothing(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    let first = scene.claim_one().await;
    scene.advance(LEASE);
    let second = scene.claim_one().await;
    assert_eq!(scene.put(&first, &scene.lost_call(0, "ship")).await, Err(JournalError::LeaseLost));
    assert_eq!(scene.journal.finish(scene.end(&first, Verdict::Done)).await, Err(JournalError::LeaseLost));
    assert_eq!(scene.state_of("a").await, State::Running);
    scene.finish(&second, Verdict::Done).await;
    assert_eq!(scene.story("a").await.deliveries[0].attempts.len(), 1);
}

pub async fn a_lease_ends_with_its_finish(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    let claim = scene.claim_one().await;
    // All three stand in line together.
    let finish = scene.journal.finish(scene.end(&claim, Verdict::Done));
    let again = scene.journal.finish(scene.end(&claim, Verdict::Done));
    let call = scene.journal.call(claim.lease, CallWrite::Put(scene.lost_call(0, "late")));
    assert!(finish.await.is_ok());
    assert_eq!(again.await, Err(JournalError::LeaseLost));
    assert_eq!(call.await, Err(JournalError::LeaseLost));
}

pub async fn claimable_tells_of_new_events(store: &dyn Store) {
    let scene = Scene::new(store).await;
    let journal = scene.journal.clone();
    let told = tokio::spawn(async move { journal.claimable().await });
    scene.event("a", "1").await;
    told.await.unwrap();
    // Also where nobody listened at the time.
    scene.event("b", "2").await;
    scene.journal.claimable().await;
    // A finish makes the next of the subject claimable.
    scene.event("c", "1").await;
    let claims = scene.claim(10).await;
    while is_ready(scene.journal.claimable()).await {}
    scene.finish(&claims[0], Verdict::Done).await;
    scene.journal.claimable().await;
    assert_eq!(scene.claim_ids().await, ["c"]);
}

pub async fn claimable_tells_of_due_deliveries(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    let claim = scene.claim_one().await;
    scene.finish(&claim, waiting(scene.after(HOUR))).await;
    assert!(scene.claim_ids().await.is_empty());
    while is_ready(scene.journal.claimable()).await {}
    scene.advance(HOUR);
    scene.journal.claimable().await;
    assert_eq!(scene.claim_ids().await, ["a"]);
}

pub async fn claimable_tells_of_expired_leases(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    scene.claim_one().await;
    assert!(scene.claim_ids().await.is_empty());
    while is_ready(scene.journal.claimable()).await {}
    scene.advance(LEASE);
    scene.journal.claimable().await;
    assert_eq!(scene.claim_ids().await, ["a"]);
}

pub async fn claimable_tells_news_once(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("parked", "1").await;
    while is_ready(scene.journal.claimable()).await {}
    // Nobody claims for the plugin: that must not keep a dispatcher spinning.
    assert!(scene.journal.claim(scene.now(), 10, LEASE, &[]).await.unwrap().is_empty());
    assert!(!is_ready(scene.journal.claimable()).await);
}
