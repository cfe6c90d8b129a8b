//! Operators help dead letters.

use mortar_core::call::Settlement;
use mortar_core::delivery::{DeliveryId, State, Verdict};
use mortar_core::ports::{Intervention, JournalError, Replay};
use mortar_core::story::Fate;

use super::{HOUR, Scene, Store, dead, response, waiting};

async fn intervene(scene: &Scene<'_>, delivery: DeliveryId, intervention: Intervention) -> Result<(), JournalError> {
    scene.journal.intervene(delivery, intervention, scene.now()).await
}

fn settle(step: &str, settlement: Settlement) -> Intervention {
    Intervention::Settle { step: step.into(), settlement }
}

/// A dead letter with a step in doubt.
async fn in_doubt(scene: &Scene<'_>) -> DeliveryId {
    scene.event("a", "1").await;
    let claim = scene.claim_one().await;
    scene.put(&claim, &scene.lost_call(0, "ship")).await.unwrap();
    scene.finish(&claim, dead()).await;
    claim.lease.delivery
}

pub async fn a_replay_runs_again(store: &dyn Store) {
    let scene = Scene::new(store).await;
    let delivery = in_doubt(&scene).await;
    scene.advance(HOUR);
    intervene(&scene, delivery, Intervention::Replay(Replay::Resume)).await.unwrap();
    scene.journal.claimable().await;
    assert_eq!(scene.state_of("a").await, State::Waiting);
    let claim = scene.claim_one().await;
    assert_eq!((claim.attempt, claim.spent, claim.since), (2, 0, scene.now()));
    assert_eq!(claim.calls.len(), 1, "with its journaled steps");
    scene.finish(&claim, Verdict::Done).await;
    assert_eq!(scene.count_of(State::Dead).await, 0);
}

pub async fn a_replay_goes_before_later_events(store: &dyn Store) {
    let scene = Scene::new(store).await;
    for id in ["a", "b", "c"] {
        scene.event(id, "1").await;
    }
    let delivery = scene.die().await;
    let running = scene.claim_one().await;
    intervene(&scene, delivery, Intervention::Replay(Replay::Resume)).await.unwrap();
    assert!(scene.claim_ids().await.is_empty(), "not beside the one that runs");
    scene.finish(&running, waiting(scene.now())).await;
    for id in ["a", "b", "c"] {
        let claim = scene.claim_one().await;
        assert_eq!(claim.event.id, id);
        scene.finish(&claim, Verdict::Done).await;
    }
}

pub async fn from_scratch_forgets_all_steps(store: &dyn Store) {
    let scene = Scene::new(store).await;
    let delivery = in_doubt(&scene).await;
    intervene(&scene, delivery, Intervention::Replay(Replay::FromScratch)).await.unwrap();
    assert!(scene.story("a").await.deliveries[0].calls.is_empty());
    let scene = scene.restart();
    let claim = scene.claim_one().await;
    assert_eq!((claim.attempt, claim.spent, claim.calls.len(), claim.keep_steps), (2, 0, 0, false));
}

pub async fn kept_steps_are_kept_until_it_is_over(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    let claim = scene.claim_one().await;
    assert!(!claim.keep_steps);
    for (ordinal, status) in [(0, 201), (1, 422)] {
        let mut call = scene.lost_call(ordinal, &format!("step {ordinal}"));
        call.fate = scene.answered(status);
        scene.put(&claim, &call).await.unwrap();
    }
    scene.put(&claim, &scene.lost_call(2, "ship")).await.unwrap();
    scene.finish(&claim, dead()).await;
    let delivery = claim.lease.delivery;
    intervene(&scene, delivery, Intervention::Replay(Replay::KeepSteps)).await.unwrap();
    let claim = scene.claim_one().await;
    assert!(claim.keep_steps);
    let fates = [scene.answered(201), Fate::Unsent, scene.lost_call(2, "ship").fate];
    assert_eq!(claim.calls.iter().map(|call| call.fate.clone()).collect::<Vec<_>>(), fates, "what was refused is sent again");
    scene.finish(&claim, waiting(scene.now())).await;
    let scene = scene.restart();
    assert!(scene.claim_one().await.keep_steps, "through retries and restarts");
    scene.advance(HOUR);
    scene.die().await;
    intervene(&scene, delivery, settle("ship", Settlement::Resend)).await.unwrap();
    assert!(scene.claim_one().await.keep_steps, "and through a settlement");
    scene.advance(HOUR);
    scene.die().await;
    intervene(&scene, delivery, Intervention::Replay(Replay::Resume)).await.unwrap();
    assert!(!scene.claim_one().await.keep_steps, "until the next replay says otherwise");
}

pub async fn a_discarded_letter_is_ignored(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    let delivery = scene.die().await;
    intervene(&scene, delivery, Intervention::Discard { reason: "test order".into() }).await.unwrap();
    let now = scene.delivery("a").await;
    assert_eq!((now.state, now.code.as_deref(), now.reason.as_deref()), (State::Ignored, Some("operator.discarded"), Some("test order")));
    assert!(scene.claim_ids().await.is_empty());
}

pub async fn settling_as_done_answers_the_step(store: &dyn Store) {
    let scene = Scene::new(store).await;
    let delivery = in_doubt(&scene).await;
    intervene(&scene, delivery, settle("ship", Settlement::Answered(response(200)))).await.unwrap();
    let claim = scene.claim_one().await;
    let answered = Fate::Answered { at: scene.now(), response: response(200), settled_by: Some("operator".into()) };
    assert_eq!(claim.calls[0].fate, answered);
}

pub async fn settling_as_unsent_sends_again(store: &dyn Store) {
    let scene = Scene::new(store).await;
    let delivery = in_doubt(&scene).await;
    intervene(&scene, delivery, settle("ship", Settlement::Resend)).await.unwrap();
    assert_eq!(scene.claim_one().await.calls[0].fate, Fate::Unsent);
}

pub async fn only_dead_letters_can_be_helped(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    let claim = scene.claim_one().await;
    let delivery = claim.lease.delivery;
    let all = || [Intervention::Replay(Replay::Resume), Intervention::Discard { reason: "x".into() }, settle("ship", Settlement::Resend)];
    for intervention in all() {
        assert!(matches!(intervene(&scene, delivery, intervention).await, Err(JournalError::Refused(_))));
    }
    scene.finish(&claim, Verdict::Done).await;
    for intervention in all() {
        assert!(matches!(intervene(&scene, delivery, intervention).await, Err(JournalError::Refused(_))));
    }
    for event in [delivery.event + 1, u64::MAX] {
        let unknown = DeliveryId { event, ..delivery };
        assert!(matches!(intervene(&scene, unknown, Intervention::Replay(Replay::Resume)).await, Err(JournalError::NotFound(_))));
    }
}

pub async fn what_is_open_and_does_not_run_is_discarded(store: &dyn Store) {
    let scene = Scene::new(store).await;
    for (id, subject) in [("a", "1"), ("b", "1"), ("c", "1"), ("d", "2")] {
        scene.event(id, subject).await;
    }
    let first = scene.claim_one().await;
    scene.finish(&first, waiting(scene.now())).await;
    let discard = || Intervention::Discard { reason: "gone".into() };
    for id in ["a", "b", "d"] {
        let delivery = scene.delivery(id).await.id;
        intervene(&scene, delivery, discard()).await.unwrap();
        assert_eq!(scene.state_of(id).await, State::Ignored);
        assert!(intervene(&scene, delivery, discard()).await.is_err(), "it is over");
    }
    assert_eq!((scene.count_of(State::Ignored).await, scene.count_of(State::Pending).await), (3, 1));
    let scene = scene.restart();
    assert_eq!(scene.claim_one().await.event.id, "c", "the next of the line runs");
    assert!(scene.claim(1).await.is_empty());
}

pub async fn what_is_over_is_replayed_if_that_does_something(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("done", "1").await;
    let done = scene.claim_one().await;
    let mut call = scene.lost_call(0, "ship");
    call.fate = scene.answered(200);
    scene.put(&done, &call).await.unwrap();
    scene.finish(&done, Verdict::Done).await;
    scene.event("ignored", "2").await;
    let ignored = scene.claim_one().await;
    scene.finish(&ignored, Verdict::Ignored { reason: "not ours".into() }).await;
    let replay = |claim: &mortar_core::ports::Claim, how| intervene(&scene, claim.lease.delivery, Intervention::Replay(how));
    assert!(matches!(replay(&done, Replay::KeepSteps).await, Err(JournalError::Refused(_))));
    replay(&done, Replay::FromScratch).await.unwrap();
    replay(&ignored, Replay::Resume).await.unwrap();
    assert_eq!((scene.count_of(State::Waiting).await, scene.count_of(State::Done).await, scene.count_of(State::Ignored).await), (2, 0, 0));
    let claims = scene.claim(9).await;
    assert_eq!(claims.iter().map(|claim| (&*claim.event.id, claim.calls.len())).collect::<Vec<_>>(), [("done", 0), ("ignored", 0)]);
}

pub async fn only_steps_in_doubt_can_be_settled(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    let claim = scene.claim_one().await;
    let mut find = scene.lost_call(0, "find");
    find.fate = scene.answered(200);
    scene.put(&claim, &find).await.unwrap();
    scene.put(&claim, &scene.lost_call(1, "ship")).await.unwrap();
    scene.finish(&claim, dead()).await;
    let delivery = claim.lease.delivery;
    let answered = intervene(&scene, delivery, settle("find", Settlement::Resend)).await;
    assert!(matches!(answered, Err(JournalError::Refused(_))), "{answered:?}");
    match intervene(&scene, delivery, settle("shop", Settlement::Resend)).await {
        Err(JournalError::NotFound(text)) => assert!(text.contains("ship"), "it names the step that is in doubt: {text}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(scene.state_of("a").await, State::Dead);
}
