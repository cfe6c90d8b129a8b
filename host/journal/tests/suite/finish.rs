//! Attempts end, and what becomes of their deliveries.

use mortar_core::code::ErrorCode;
use mortar_core::delivery::{State, Verdict};
use mortar_core::ports::Finished;
use mortar_core::story::{LogLine, Trace};

use super::{HOUR, Scene, Store, dead, waiting};

pub async fn done_is_done(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    let claim = scene.claim_one().await;
    scene.advance(HOUR);
    assert_eq!(scene.finish(&claim, Verdict::Done).await, Finished::Recorded);
    let delivery = scene.delivery("a").await;
    assert_eq!((delivery.state, delivery.attempts, delivery.at), (State::Done, 1, scene.now()));
    assert_eq!((delivery.code, delivery.reason), (None, None));
    assert!(scene.claim_ids().await.is_empty());
}

pub async fn ignored_keeps_its_reason(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    let claim = scene.claim_one().await;
    scene.finish(&claim, Verdict::Ignored { reason: "not ours".into() }).await;
    let delivery = scene.delivery("a").await;
    assert_eq!((delivery.state, delivery.reason.as_deref()), (State::Ignored, Some("not ours")));
}

pub async fn waiting_runs_again_when_due(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    let received = scene.now();
    let claim = scene.claim_one().await;
    let due = scene.after(HOUR);
    scene.finish(&claim, waiting(due)).await;
    let delivery = scene.delivery("a").await;
    assert_eq!((delivery.state, delivery.at), (State::Waiting, due));
    assert_eq!((delivery.code.as_deref(), delivery.reason.as_deref()), (Some("erp.unavailable"), Some("503")));
    assert!(scene.claim_ids().await.is_empty());
    scene.advance(HOUR);
    let again = scene.claim_one().await;
    assert_eq!((again.attempt, again.spent, again.since), (2, 1, received));
    scene.finish(&again, Verdict::Done).await;
    assert_eq!(scene.delivery("a").await.code, None);
}

pub async fn unspent_attempts_do_not_count(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    let claim = scene.claim_one().await;
    let until = scene.now();
    scene.finish(&claim, Verdict::Waiting { until, code: ErrorCode::PluginBusy, reason: "busy".into(), spent: false }).await;
    let again = scene.claim_one().await;
    assert_eq!((again.attempt, again.spent), (2, 0));
}

pub async fn dead_stays_dead(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    let claim = scene.claim_one().await;
    scene.finish(&claim, dead()).await;
    scene.advance(1000 * HOUR);
    assert!(scene.claim_ids().await.is_empty());
    let delivery = scene.delivery("a").await;
    assert_eq!((delivery.state, delivery.code.as_deref()), (State::Dead, Some("plugin.rejected")));
}

pub async fn keeps_what_the_attempt_left(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    let claim = scene.claim_one().await;
    let request = scene.lost_call(0, "ship").request;
    let mut end = scene.end(&claim, waiting(scene.now()));
    end.attempt.code = Some("erp.unavailable".into());
    end.attempt.reason = Some("503".into());
    end.attempt.ending = "retry".into();
    end.attempt.trace = vec![Trace { step: "ship".into(), at_ms: 1, took_ms: 2, result: "sent".into(), request: Some(request) }];
    end.attempt.log = vec![LogLine { level: "info".into(), message: "hello".into() }];
    let first = end.attempt.clone();
    scene.journal.finish(end).await.unwrap();
    let claim = scene.claim_one().await;
    let second = scene.end(&claim, Verdict::Done);
    let attempts = [first, second.attempt.clone()];
    scene.journal.finish(second).await.unwrap();
    assert_eq!(scene.story("a").await.deliveries[0].attempts, attempts);
}

pub async fn keeps_the_last_of_very_many_attempts(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    for _ in 0..1030 {
        let claim = scene.claim_one().await;
        scene.finish(&claim, waiting(scene.now())).await;
    }
    let story = scene.story("a").await;
    assert_eq!(story.event.deliveries[0].attempts, 1030);
    assert_eq!(story.deliveries[0].attempts.last().unwrap().number, 1030);
}
