//! The rules of durable calls: what is sent, what is journaled, and in which order.

#![allow(clippy::unwrap_used, missing_docs)]

mod fakes;

use std::time::Duration;

use fakes::*;
use jiff::SignedDuration;
use mortar_core::call::{CallError, Response, Settlement};
use mortar_core::code::ErrorCode;
use mortar_core::delivery::Ending;
use mortar_core::ports::{CallWrite, Clock, Host, JournalError, Plugin, PutError, SendError, StateWrite};
use mortar_core::story::{Call, Fate};
use mortar_pipeline::steps::Steps;

const UPTIME: Duration = Duration::from_secs(3600);

fn plugin() -> Plugin {
    FakePlugin { settings: settings(), handler: Box::new(|_, _| Box::pin(std::future::ready(Ending::Done))) }.plugin()
}

fn steps(world: &World, calls: Vec<Call>) -> Steps {
    Steps::new(world.ports(), &plugin(), &claim(1, calls), UPTIME)
}

/// What the journal holds after the writes, as an attempt an hour later gets it.
fn journaled(world: &World) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    for write in world.journal.calls.lock().unwrap().iter() {
        match write {
            CallWrite::Put(call) => match calls.iter_mut().find(|c| c.ordinal == call.ordinal) {
                Some(old) => *old = call.clone(),
                None => calls.push(call.clone()),
            },
            CallWrite::Fate { ordinal, fate } => calls.iter_mut().find(|c| c.ordinal == *ordinal).unwrap().fate = fate.clone(),
        }
    }
    calls.iter_mut().for_each(|call| call.sent_at -= SignedDuration::from_hours(1));
    calls
}

#[tokio::test]
async fn a_write_is_journaled_before_it_is_sent_and_its_answer_before_the_next() {
    let world = World::answering([answer(201), answer(201)]);
    let steps = steps(&world, Vec::new());
    steps.call("a".into(), request("erp", "POST", "1")).await.unwrap();
    steps.call("b".into(), request("erp", "POST", "2")).await.unwrap();
    let expected = ["journal a intended", "send POST /orders/SO-1", "journal #0 answered", "journal b intended", "send POST /orders/SO-1"];
    assert_eq!(world.happened()[..5], expected);
}

#[tokio::test]
async fn reads_and_keyed_writes_need_no_intent() {
    let world = World::answering([answer(200), answer(201)]);
    let steps = steps(&world, Vec::new());
    steps.call("read".into(), request("erp", "GET", "")).await.unwrap();
    steps.call("write".into(), request("keyed", "POST", "")).await.unwrap();
    let expected = ["send GET /orders/SO-1", "journal read answered", "send POST /orders/SO-1", "journal write answered"];
    assert_eq!(world.happened(), expected);
}

#[tokio::test]
async fn an_answered_step_answers_from_the_journal() {
    let world = World::answering([answer(201)]);
    let first = steps(&world, Vec::new());
    first.call("a".into(), request("erp", "POST", "1")).await.unwrap();
    let second = steps(&world, journaled(&world));
    world.happened();
    let again = second.call("a".into(), request("erp", "POST", "1")).await.unwrap();
    assert_eq!(again.status, 201);
    assert!(world.happened().is_empty(), "nothing is sent and nothing is written");
    assert_eq!(second.end().await.trace[0].result, "journal");
}

#[tokio::test]
async fn another_request_under_an_answered_write_makes_a_dead_letter() {
    let world = World::answering([answer(201)]);
    let first = steps(&world, Vec::new());
    first.call("a".into(), request("erp", "POST", "1")).await.unwrap();
    let second = steps(&world, journaled(&world));
    let told = second.call("a".into(), request("erp", "POST", "2")).await.unwrap_err();
    assert!(matches!(told, CallError::Diverged(_)));
    let end = second.end().await;
    assert_eq!(end.trace[0].request, Some(request("erp", "POST", "2")), "the operator sees the second request too");
    // Even a plugin that does not care cannot make it done.
    assert!(matches!(end.amend(Ending::Done), Ending::Refused { code: ErrorCode::StepDiverged, .. }));
}

#[tokio::test]
async fn an_operator_can_let_the_answers_of_then_stand() {
    let world = World::answering([answer(201), Err(SendError::Lost("reset".into())), answer(200), answer(201)]);
    let first = steps(&world, Vec::new());
    first.call("a".into(), request("erp", "POST", "1")).await.unwrap();
    first.call("lost".into(), request("erp", "POST", "1")).await.unwrap_err();
    let mut claim = claim(1, journaled(&world));
    claim.keep_steps = true;
    let kept = Steps::new(world.ports(), &plugin(), &claim, UPTIME);
    assert_eq!(kept.call("a".into(), request("erp", "POST", "2")).await.unwrap().status, 201);
    kept.call("look".into(), request("erp", "GET", "")).await.unwrap();
    kept.call("b".into(), request("erp", "POST", "3")).await.unwrap();
    // What is in doubt has no answer that could stand.
    let told = kept.call("lost".into(), request("erp", "POST", "2")).await.unwrap_err();
    assert!(matches!(told, CallError::Diverged(_)), "{told}");
    let trace = kept.end().await.trace;
    assert_eq!((&*trace[0].result, &trace[0].request), ("journal", &Some(request("erp", "POST", "2"))), "both requests can be told");
}

#[tokio::test]
async fn a_lost_answer_is_in_doubt_until_it_is_settled() {
    let world = World::answering([Err(SendError::Lost("reset".into())), answer(201)]);
    let first = steps(&world, Vec::new());
    let told = first.call("a".into(), request("erp", "POST", "1")).await.unwrap_err();
    assert!(matches!(told, CallError::Unavailable { .. }), "the ERP gets time before anybody looks");
    let retry = Ending::Retry { code: ErrorCode::PluginRetry, reason: "told".into(), after: None, spent: true };
    assert!(matches!(first.end().await.amend(retry), Ending::Retry { code: ErrorCode::StepInDoubt, .. }));

    let second = steps(&world, journaled(&world));
    let told = second.call("a".into(), request("erp", "POST", "1")).await.unwrap_err();
    assert!(matches!(told, CallError::InDoubt(_)), "it is not sent again by itself");
    second.settle("a".into(), Settlement::Resend).await.unwrap().unwrap();
    second.call("a".into(), request("erp", "POST", "1")).await.unwrap();
    assert!(second.settle("a".into(), Settlement::Resend).await.unwrap().is_err(), "an answered step is not in doubt");
    let sent = world.happened().iter().filter(|h| h.starts_with("send")).count();
    assert_eq!(sent, 2);
}

#[tokio::test]
async fn a_settlement_that_cannot_be_stored_is_the_hosts_fault() {
    let world = World::answering([Err(SendError::Lost("reset".into()))]);
    steps(&world, Vec::new()).call("a".into(), request("erp", "POST", "1")).await.unwrap_err();
    let second = steps(&world, journaled(&world));
    second.call("a".into(), request("erp", "POST", "1")).await.unwrap_err();
    *world.journal.fails.lock().unwrap() = true;
    let settled = second.settle("a".into(), Settlement::Resend).await;
    assert!(matches!(settled, Err(JournalError::Storage(_))), "the plugin would take it for a refusal: {settled:?}");
}

#[tokio::test]
async fn a_host_that_was_killed_after_sending_leaves_a_doubt() {
    let world = World::answering([answer(201)]);
    let first = steps(&world, Vec::new());
    first.call("a".into(), request("erp", "POST", "1")).await.unwrap();
    // The intent is what was durable when the host died.
    let mut calls = journaled(&world);
    calls[0].fate = Fate::Intended { lost: None };
    let second = steps(&world, calls);
    assert!(matches!(second.call("a".into(), request("erp", "POST", "1")).await, Err(CallError::InDoubt(_))));
    let found = Response { status: 200, headers: Vec::new(), body: b"found".to_vec() };
    second.settle("a".into(), Settlement::Answered(found.clone())).await.unwrap().unwrap();
    assert_eq!(second.call("a".into(), request("erp", "POST", "1")).await.unwrap(), found);
}

#[tokio::test]
async fn a_doubt_is_told_only_when_the_erp_can_no_longer_be_at_it() {
    let world = World::answering([Err(SendError::Lost("reset".into()))]);
    *world.connector.patience.lock().unwrap() = Duration::from_secs(29);
    let first = steps(&world, Vec::new());
    first.call("a".into(), request("erp", "POST", "1")).await.unwrap_err();
    let mut calls = journaled(&world);
    calls[0].sent_at = Still.now() - SignedDuration::from_secs(10);
    let early = steps(&world, calls.clone());
    let told = early.call("a".into(), request("erp", "POST", "1")).await.unwrap_err();
    assert!(matches!(told, CallError::Unavailable { after_ms: Some(24_000), .. }), "{told:?}");
    let retry = Ending::Retry { code: ErrorCode::PluginRetry, reason: "told".into(), after: None, spent: true };
    assert!(matches!(early.end().await.amend(retry), Ending::Retry { code: ErrorCode::StepInDoubt, spent: false, .. }));
    calls[0].sent_at = Still.now() - SignedDuration::from_secs(34);
    let later = steps(&world, calls);
    assert!(matches!(later.call("a".into(), request("erp", "POST", "1")).await, Err(CallError::InDoubt(_))));
}

#[tokio::test]
async fn after_a_start_the_clock_is_not_believed() {
    let world = World::answering([]);
    *world.connector.patience.lock().unwrap() = Duration::from_secs(29);
    let sent_at = Still.now() - SignedDuration::from_hours(1);
    let fate = Fate::Intended { lost: None };
    let calls = vec![Call { ordinal: 0, step: "a".into(), attempt: 1, request: request("erp", "POST", "1"), sent_at, fate }];
    let just_started = Steps::new(world.ports(), &plugin(), &claim(1, calls), Duration::from_secs(4));
    let told = just_started.call("a".into(), request("erp", "POST", "1")).await.unwrap_err();
    assert!(matches!(told, CallError::Unavailable { after_ms: Some(29_000..=30_000), .. }), "{told:?}");
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_hold_a_doubt_up() {
    let world = World::answering([]);
    let sent_at = Still.now() + SignedDuration::from_hours(24 * 365);
    let fate = Fate::Intended { lost: None };
    let calls = vec![Call { ordinal: 0, step: "a".into(), attempt: 1, request: request("erp", "POST", "1"), sent_at, fate }];
    let told = steps(&world, calls).call("a".into(), request("erp", "POST", "1")).await.unwrap_err();
    assert!(matches!(told, CallError::Unavailable { .. }), "{told:?}");
    // An hour later.
    let told = steps(&world, journaled(&world)).call("a".into(), request("erp", "POST", "1")).await.unwrap_err();
    assert!(matches!(told, CallError::InDoubt(_)), "{told:?}");
}

#[tokio::test]
async fn a_look_is_at_the_erp_as_it_is_now() {
    let world = World::answering([answer(404), answer(404), answer(200)]);
    let first = steps(&world, Vec::new());
    first.call("read".into(), request("erp", "GET", "a")).await.unwrap();
    first.call("look".into(), request("erp", "GET", "b")).await.unwrap();
    // Then the write was sent again, and the host was killed: the next run has the same number.
    let mut calls = journaled(&world);
    let (sent_at, fate) = (calls[0].sent_at, Fate::Intended { lost: None });
    calls.push(Call { ordinal: 2, step: "a".into(), attempt: 1, request: request("erp", "POST", "1"), sent_at, fate });
    let second = steps(&world, calls);
    assert_eq!(second.call("read".into(), request("erp", "GET", "a")).await.unwrap().status, 404, "the same world as before");
    assert!(matches!(second.call("a".into(), request("erp", "POST", "1")).await, Err(CallError::InDoubt(_))));
    let found = second.call("look".into(), request("erp", "GET", "b")).await.unwrap();
    assert_eq!(found.status, 200);
    second.settle("a".into(), Settlement::Answered(found)).await.unwrap().unwrap();
    assert_eq!(second.call("look".into(), request("erp", "GET", "b")).await.unwrap().status, 200, "from the journal again");
}

#[tokio::test]
async fn keyed_writes_are_repeated_under_the_same_key() {
    let world = World::answering([Err(SendError::Lost("timeout".into())), answer(201)]);
    let first = steps(&world, Vec::new());
    let told = first.call("a".into(), request("keyed", "POST", "1")).await.unwrap_err();
    assert!(matches!(told, CallError::Unavailable { .. }));
    let second = steps(&world, journaled(&world));
    second.call("a".into(), request("keyed", "POST", "1")).await.unwrap();
    let keys = world.connector.keys.lock().unwrap();
    assert_eq!(keys[0], keys[1]);
}

#[tokio::test]
async fn what_was_not_applied_is_sent_again_and_waits_as_long_as_was_asked() {
    let busy = SendError::NotSent { reason: "503".into(), after: Some(Duration::from_secs(7)), spent: true };
    let world = World::answering([Err(busy), answer(201)]);
    let first = steps(&world, Vec::new());
    let told = first.call("a".into(), request("erp", "POST", "1")).await.unwrap_err();
    assert_eq!(told, CallError::Unavailable { reason: "503".into(), after_ms: Some(7000) });
    let retry = Ending::Retry { code: ErrorCode::PluginRetry, reason: "503".into(), after: None, spent: true };
    let amended = first.end().await.amend(retry);
    assert!(
        matches!(amended, Ending::Retry { code: ErrorCode::ErpUnavailable, after: Some(after), .. } if after == Duration::from_secs(7))
    );
    let second = steps(&world, journaled(&world));
    // The plugin may have been mended meanwhile: nothing was applied, so another request is fine.
    second.call("a".into(), request("erp", "POST", "2")).await.unwrap();
}

#[tokio::test]
async fn a_failing_journal_lets_nothing_out() {
    let world = World::answering([answer(201)]);
    let steps = steps(&world, Vec::new());
    *world.journal.fails.lock().unwrap() = true;
    let told = steps.call("a".into(), request("erp", "POST", "1")).await.unwrap_err();
    assert!(matches!(told, CallError::Unavailable { .. }));
    assert_eq!(world.happened(), ["journal a intended"]);
    let retry = Ending::Retry { code: ErrorCode::PluginRetry, reason: "told".into(), after: None, spent: true };
    let amended = steps.end().await.amend(retry);
    assert!(matches!(amended, Ending::Retry { code: ErrorCode::HostFault, spent: false, .. }), "the plugin's attempts are not used up");
}

#[tokio::test]
async fn limits_and_grants_hold() {
    let world = World::answering([]);
    let mut settings = settings();
    settings.connections = vec!["erp".into(), "nowhere".into()];
    settings.limits.calls = 4;
    let plugin = Plugin { settings: settings.into(), ..plugin() };
    let steps = Steps::new(world.ports(), &plugin, &claim(1, Vec::new()), UPTIME);
    let denied = |told: Result<Response, CallError>| matches!(told, Err(CallError::Denied(_)));
    assert!(denied(steps.call("a".into(), request("keyed", "POST", "")).await), "not granted");
    assert!(denied(steps.call("a".into(), request("nowhere", "POST", "")).await), "not configured");
    assert!(denied(steps.call(String::new(), request("erp", "POST", "")).await), "no name");
    assert!(denied(steps.call("x".repeat(201), request("erp", "POST", "")).await), "name too long");
    assert!(matches!(steps.call("a".into(), request("erp", "POST", "")).await, Err(CallError::TooLarge(_))), "too many calls");
    assert!(matches!(steps.end().await.amend(Ending::Done), Ending::Refused { code: ErrorCode::PluginLimit, .. }));
    assert!(world.happened().is_empty());
}

#[tokio::test]
async fn state_is_bounded_in_all() {
    let world = World::answering([]);
    let stored = mortar_core::ports::StateEntry { value: vec![0; 50], version: 1 };
    world.journal.state.lock().unwrap().insert("old".into(), stored);
    let mut settings = settings();
    settings.limits.state = bytesize::ByteSize(100);
    let plugin = Plugin { settings: settings.into(), ..plugin() };
    let steps = Steps::new(world.ports(), &plugin, &claim(1, Vec::new()), UPTIME);
    let put = |key: &str, expected, bytes: usize| {
        let write = StateWrite { key: key.into(), expected, value: Some(vec![0; bytes]) };
        async { steps.state_put(write).await.unwrap() }
    };
    assert_eq!(put("a", 0, 46).await, Ok(()), "100 bytes with the keys");
    assert!(matches!(put("b", 0, 0).await, Err(PutError::TooLarge(words)) if words.contains("limits.state")));
    assert_eq!(put("old", 1, 49).await, Ok(()), "what takes no more room is taken in any case");
    assert_eq!(put("b", 0, 0).await, Ok(()));
}

#[tokio::test]
async fn state_is_compared_and_written_at_the_end() {
    let world = World::answering([]);
    let steps = steps(&world, Vec::new());
    let put = |key: &str, expected, value: &str| StateWrite { key: key.into(), expected, value: Some(value.into()) };
    assert_eq!(steps.state_get("n".into()).await.unwrap(), None);
    assert_eq!(steps.state_put(put("n", 5, "1")).await.unwrap(), Err(PutError::Conflict(0)));
    steps.state_put(put("n", 0, "1")).await.unwrap().unwrap();
    let seen = steps.state_get("n".into()).await.unwrap().unwrap();
    assert_eq!((seen.value.as_slice(), seen.version), (b"1".as_slice(), 1));
    steps.state_put(put("n", 1, "2")).await.unwrap().unwrap();
    let big = "x".repeat(64 * 1024 + 1);
    assert!(matches!(steps.state_put(put("big", 0, &big)).await.unwrap(), Err(PutError::TooLarge(_))));
    assert_eq!(steps.end().await.state, [put("n", 0, "2")], "one write, against what was stored");
}
