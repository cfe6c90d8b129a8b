//! Of absolute counts the newest wins.

use mortar_core::delivery::{State, Verdict};
use mortar_core::ports::{Intervention, JournalError, Replay};

use super::{HOUR, Scene, Store, dead, waiting};

pub async fn a_newer_count_supersedes_older_ones(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.accept(scene.count("old", "SKU", Some(scene.now()))).await;
    scene.accept(scene.count("new", "SKU", Some(scene.after(HOUR)))).await;
    scene.accept(scene.count("newest", "SKU", Some(scene.after(2 * HOUR)))).await;
    scene.accept(scene.count("other", "SKU-2", Some(scene.now()))).await;
    assert_eq!(scene.state_of("old").await, State::Superseded);
    assert_eq!(scene.state_of("new").await, State::Superseded);
    let mut claimed = scene.claim_ids().await;
    claimed.sort();
    assert_eq!(claimed, ["newest", "other"]);
    assert_eq!(scene.count_of(State::Superseded).await, 2);
}

/// A count whose next attempt is due in an hour, and one that takes its place.
async fn in_place<'a>(store: &'a dyn Store, newer: &str) -> Scene<'a> {
    let scene = Scene::new(store).await;
    scene.accept(scene.count("old", "SKU", Some(scene.now()))).await;
    let claim = scene.claim_one().await;
    scene.finish(&claim, waiting(scene.after(HOUR))).await;
    scene.accept(scene.count(newer, "SKU", Some(scene.after(HOUR)))).await;
    scene
}

pub async fn a_newer_count_waits_in_the_place_of_the_older(store: &dyn Store) {
    let scene = in_place(store, "new").await;
    let due = scene.after(HOUR);
    scene.accept(scene.count("newest", "SKU", Some(scene.after(2 * HOUR)))).await;
    assert_eq!(scene.count_of(State::Superseded).await, 2);
    let newest = scene.delivery("newest").await;
    assert_eq!((newest.state, newest.at, newest.attempts), (State::Waiting, due, 0));
    assert!(scene.claim_ids().await.is_empty(), "the ERP may still be at the request of the older one");
    let scene = scene.restart();
    assert!(scene.claim_ids().await.is_empty());
    scene.advance(HOUR);
    let claim = scene.claim_one().await;
    assert_eq!((&*claim.event.id, claim.attempt, claim.spent), ("newest", 1, 0));
    scene.finish(&claim, Verdict::Done).await;
    // Where nothing waited, nothing is waited for.
    scene.accept(scene.count("next", "SKU", Some(scene.after(3 * HOUR)))).await;
    assert_eq!(scene.claim_ids().await, ["next"]);
}

pub async fn a_place_is_waited_for_no_longer_than_it_lasts(store: &dyn Store) {
    let scene = in_place(store, "new").await;
    scene.advance(HOUR);
    scene.accept(scene.count("newest", "SKU", Some(scene.after(2 * HOUR)))).await;
    assert_eq!(scene.state_of("newest").await, State::Pending);
    assert_eq!(scene.claim_ids().await, ["newest"]);
}

pub async fn an_older_count_is_superseded_at_once(store: &dyn Store) {
    let scene = Scene::new(store).await;
    // Both stand in line together: a batch sees what it has accepted itself.
    let new = scene.journal.accept(scene.count("new", "SKU", Some(scene.after(HOUR))));
    let old = scene.journal.accept(scene.count("old", "SKU", Some(scene.now())));
    assert_eq!((new.await.unwrap().stored, old.await.unwrap().stored), (1, 1));
    let old = scene.delivery("old").await;
    assert_eq!(old.state, State::Superseded);
    assert!(old.reason.is_some());
    assert_eq!(scene.claim_ids().await, ["new"]);
}

pub async fn an_equal_count_wins_by_arrival(store: &dyn Store) {
    let scene = Scene::new(store).await;
    let as_of = Some(scene.now());
    scene.accept(scene.count("first", "SKU", as_of)).await;
    scene.accept(scene.count("second", "SKU", as_of)).await;
    assert_eq!(scene.state_of("first").await, State::Superseded);
    assert_eq!(scene.claim_ids().await, ["second"]);
}

pub async fn a_missing_time_is_the_receipt(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.accept(scene.count("received now", "SKU", None)).await;
    let before = scene.now();
    scene.advance(HOUR);
    scene.accept(scene.count("counted before", "SKU", Some(before - jiff::SignedDuration::from_secs(1)))).await;
    assert_eq!(scene.state_of("counted before").await, State::Superseded);
    scene.accept(scene.count("received later", "SKU", None)).await;
    assert_eq!(scene.claim_ids().await, ["received later"]);
}

pub async fn a_running_count_ends_and_the_newer_follows(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.accept(scene.count("old", "SKU", Some(scene.now()))).await;
    let claim = scene.claim_one().await;
    scene.accept(scene.count("new", "SKU", Some(scene.after(HOUR)))).await;
    assert_eq!(scene.state_of("old").await, State::Running);
    assert!(scene.claim_ids().await.is_empty(), "the newer count waits for the one that runs");
    scene.finish(&claim, Verdict::Done).await;
    assert_eq!(scene.claim_ids().await, ["new"]);
    assert_eq!(scene.state_of("old").await, State::Done);
}

pub async fn a_running_count_is_not_tried_again_after_a_newer_one(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.accept(scene.count("old", "SKU", Some(scene.now()))).await;
    let claim = scene.claim_one().await;
    let new = scene.journal.accept(scene.count("new", "SKU", Some(scene.after(HOUR))));
    let end = scene.journal.finish(scene.end(&claim, waiting(scene.after(HOUR))));
    new.await.unwrap();
    end.await.unwrap();
    let (old, new) = (scene.delivery("old").await, scene.delivery("new").await);
    assert_eq!((old.state, old.at), (State::Superseded, scene.now()));
    assert_eq!((new.state, new.at), (State::Waiting, scene.after(HOUR)), "it waits in its place");
    assert_eq!((scene.count_of(State::Pending).await, scene.count_of(State::Waiting).await), (0, 1));
    assert!(scene.claim_ids().await.is_empty());
    let scene = scene.restart();
    scene.advance(HOUR);
    assert_eq!(scene.claim_ids().await, ["new"]);
}

pub async fn finished_counts_are_remembered(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.accept(scene.count("new", "SKU", Some(scene.after(HOUR)))).await;
    scene.drain().await;
    let scene = scene.restart();
    scene.accept(scene.count("old", "SKU", Some(scene.now()))).await;
    assert_eq!(scene.state_of("old").await, State::Superseded);
    scene.accept(scene.count("newer", "SKU", Some(scene.after(2 * HOUR)))).await;
    assert_eq!(scene.claim_ids().await, ["newer"]);
}

pub async fn an_outdated_dead_letter_is_not_replayed(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.accept(scene.count("old", "SKU", Some(scene.now()))).await;
    let claim = scene.claim_one().await;
    scene.finish(&claim, dead()).await;
    scene.accept(scene.count("new", "SKU", Some(scene.after(HOUR)))).await;
    scene.drain().await;
    let replayed = scene.journal.intervene(claim.lease.delivery, Intervention::Replay(Replay::Resume), scene.now()).await;
    assert!(matches!(replayed, Err(JournalError::Refused(_))), "{replayed:?}");
    assert_eq!(scene.state_of("old").await, State::Dead);
}

pub async fn a_dead_count_outdates_older_ones(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.accept(scene.count("newest", "SKU", Some(scene.after(2 * HOUR)))).await;
    let newest = scene.die().await;
    let scene = scene.restart();
    scene.advance(24 * HOUR);
    scene.accept(scene.count("old", "SKU", Some(scene.now() - jiff::SignedDuration::from_hours(23)))).await;
    assert_eq!(scene.state_of("old").await, State::Superseded);
    assert!(scene.claim_ids().await.is_empty());
    scene.journal.intervene(newest, Intervention::Replay(Replay::Resume), scene.now()).await.unwrap();
    assert_eq!(scene.claim_ids().await, ["newest"]);
}

pub async fn of_dead_counts_of_one_time_only_the_last_is_replayed(store: &dyn Store) {
    let scene = Scene::new(store).await;
    let as_of = Some(scene.now());
    scene.accept(scene.count("first", "SKU", as_of)).await;
    let first = scene.die().await;
    scene.accept(scene.count("second", "SKU", as_of)).await;
    let second = scene.die().await;
    let replay = |delivery| scene.journal.intervene(delivery, Intervention::Replay(Replay::Resume), scene.now());
    assert!(matches!(replay(first).await, Err(JournalError::Refused(_))));
    replay(second).await.unwrap();
    assert_eq!(scene.claim_ids().await, ["second"]);
}

pub async fn a_killed_run_of_an_older_count_ends_before_the_newer(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.accept(scene.count("old", "SKU", Some(scene.now()))).await;
    scene.claim_one().await;
    scene.accept(scene.count("new", "SKU", Some(scene.after(HOUR)))).await;
    let scene = scene.restart();
    let claim = scene.claim_one().await;
    assert_eq!(claim.event.id, "old", "the ERP may still be at its request");
    scene.finish(&claim, waiting(scene.after(HOUR))).await;
    assert_eq!(scene.state_of("old").await, State::Superseded);
    assert!(scene.claim_ids().await.is_empty());
    scene.advance(HOUR);
    assert_eq!(scene.claim_ids().await, ["new"]);
}
