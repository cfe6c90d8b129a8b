//! Recorded deliveries that are run again offline: answers come from the record, and nothing is sent.

#![allow(clippy::unwrap_used, missing_docs)]

mod fakes;

use std::sync::Arc;

use fakes::*;
use mortar_core::call::{CallError, Mail, Request, Response, Settlement};
use mortar_core::code::ErrorCode;
use mortar_core::delivery::Ending;
use mortar_core::diff::{Answer, CallFate, Likeness, OfflineRun};
use mortar_core::plugin::PluginSettings;
use mortar_core::ports::{BoxFuture, Clock, Host, Plugin, Recording, StateEntry, StateWrite};
use mortar_core::story::{Call, Fate};
use mortar_pipeline::offline::{self, StateNow};

fn plugin<F>(digest: &str, handler: impl Fn(Arc<dyn Host>) -> F + Send + Sync + 'static) -> Plugin
where
    F: Future<Output = Ending> + Send + 'static,
{
    let handler = move |_, host| -> BoxFuture<'static, Ending> { Box::pin(handler(host)) };
    FakePlugin { settings: settings(), handler: Box::new(handler) }.named("fake", digest)
}

fn answered(body: &str) -> Fate {
    let response = Response { status: 200, headers: Vec::new(), body: body.as_bytes().to_vec() };
    Fate::Answered { at: Still.now(), response, settled_by: None }
}

fn recorded(calls: Vec<(&str, Request, Fate)>) -> Recording {
    let call = |(ordinal, (step, request, fate)): (usize, (&str, Request, Fate))| Call {
        ordinal: u16::try_from(ordinal).unwrap(),
        step: step.into(),
        attempt: 1,
        request,
        sent_at: Still.now(),
        fate,
    };
    let claim = claim(7, Vec::new());
    let calls = calls.into_iter().enumerate().map(call).collect();
    Recording { delivery: claim.lease.delivery, event: claim.event, attempt: 2, calls }
}

/// Runs it in a world whose connector and journal would notice anything that is sent or stored.
async fn run(world: &World, plugin: &Plugin, recording: &Recording) -> OfflineRun {
    let ports = world.ports();
    let state = StateNow::of(ports.journal.clone(), recording.delivery.plugin);
    let run = offline::run(plugin, recording, ports.connector.clone(), state).await;
    assert!(world.happened().is_empty() && world.journal.finishes.lock().unwrap().is_empty());
    run
}

fn answers(run: &OfflineRun) -> Vec<(&str, &Answer)> {
    run.calls.iter().map(|call| (call.step.as_str(), &call.answer)).collect()
}

fn post(body: &str) -> Request {
    request("erp", "POST", body)
}

#[tokio::test]
async fn a_step_answers_from_the_record_whatever_it_asks_for_now() {
    let world = World::answering([]);
    let plugin = plugin("d1", async |host| {
        let first = host.call("first".into(), post("{\"a\": 1}")).await.unwrap();
        let second = host.call("second".into(), post("{\"b\": 3}")).await.unwrap();
        Ending::Ignored(format!("{:?} {:?}", first.body, second.body))
    });
    let recording = recorded(vec![("first", post("{\"a\":1}"), answered("1")), ("second", post("{\"b\":2}"), answered("2"))]);
    let run = run(&world, &plugin, &recording).await;
    assert_eq!(answers(&run), [("first", &Answer::Recorded), ("second", &Answer::Recorded)]);
    assert_eq!(run.end.reason.as_deref(), Some("[49] [50]"));
    assert_eq!((run.unanswered.as_deref(), run.digest.as_str()), (None, "d1"));
}

#[tokio::test]
async fn of_a_step_that_is_not_recorded_nothing_is_known() {
    let world = World::answering([]);
    let plugin = plugin("d1", async |host| match host.call("new".into(), post("1")).await {
        Err(CallError::Unavailable { reason, .. }) => Ending::Ignored(reason),
        other => panic!("{other:?}"),
    });
    for calls in [vec![], vec![("new", post("1"), Fate::Unsent)]] {
        let run = run(&world, &plugin, &recorded(calls)).await;
        assert_eq!(answers(&run), [("new", &Answer::Unrecorded)]);
        assert_eq!((run.unanswered.as_deref(), run.end.reason.as_deref()), (Some("new"), Some("no answer is recorded of step `new`")));
    }
}

#[tokio::test]
async fn a_write_in_doubt_is_in_doubt_and_can_be_settled() {
    let world = World::answering([]);
    let plugin = plugin("d1", async |host| {
        let doubt = host.call("write".into(), post("1")).await.unwrap_err();
        assert!(matches!(doubt, CallError::InDoubt(_)), "{doubt:?}");
        let found = Response { status: 201, headers: Vec::new(), body: b"found".to_vec() };
        host.settle("write".into(), Settlement::Answered(found)).await.unwrap().unwrap();
        host.settle("write".into(), Settlement::Resend).await.unwrap().unwrap_err();
        let answer = host.call("write".into(), post("1")).await.unwrap();
        Ending::Ignored(answer.status.to_string())
    });
    let run = run(&world, &plugin, &recorded(vec![("write", post("1"), Fate::Intended { lost: None })])).await;
    assert_eq!((run.end.reason.as_deref(), answers(&run)), (Some("201"), vec![("write", &Answer::Recorded)]));
    assert!(matches!(run.settled["write"], Settlement::Answered(_)));
}

#[tokio::test]
async fn grants_limits_and_steps_hold_as_in_earnest() {
    let world = World::answering([]);
    let denied = plugin("d1", async |host| {
        let refused = host.call("other".into(), request("other", "GET", "")).await.unwrap_err();
        host.call("nowhere".into(), request("nowhere", "GET", "")).await.unwrap_err();
        Ending::Refused { code: ErrorCode::PluginRejected, reason: refused.to_string() }
    });
    let denied = run(&world, &denied, &recorded(Vec::new())).await;
    assert_eq!(denied.end.code, Some(ErrorCode::CallDenied));
    assert!(denied.calls.iter().all(|call| matches!(call.answer, Answer::Refused(_))), "{denied:?}");

    let twice = plugin("d1", async |host| {
        host.call("write".into(), post("1")).await.unwrap();
        host.call("write".into(), post("1")).await.unwrap();
        assert!(matches!(host.call("write".into(), post("2")).await, Err(CallError::Diverged(_))));
        Ending::Done
    });
    let twice = run(&world, &twice, &recorded(vec![("write", post("1"), answered("1"))])).await;
    assert_eq!((twice.end.code, twice.calls.len()), (Some(ErrorCode::StepDiverged), 1));
    assert_eq!(twice.calls[0].request, post("1"));

    let mut many = plugin("d1", async |host| {
        for n in 0..3 {
            let _ = host.call(format!("read/{n}"), request("erp", "GET", "")).await;
        }
        Ending::Done
    });
    let mut settings = PluginSettings::clone(&many.settings);
    settings.limits.calls = 2;
    many.settings = Arc::new(settings);
    assert_eq!(run(&world, &many, &recorded(Vec::new())).await.end.code, Some(ErrorCode::PluginLimit));
}

#[tokio::test]
async fn a_mail_is_a_step_and_is_not_sent() {
    let world = World::answering([]);
    let mail = |subject: &str| Mail {
        to: vec!["ops@example.com".into()],
        reply_to: None,
        subject: subject.into(),
        text: "as told".into(),
        html: None,
    };
    let sends = move |subject: &'static str| {
        plugin("d1", move |host| async move {
            host.mail("mail".into(), "erp".into(), mail(subject)).await.unwrap();
            Ending::Done
        })
    };
    let body = serde_json::to_string(&mail("old")).unwrap();
    let request = Request { method: Request::MAIL.into(), path: String::new(), ..post(&body) };
    let recording = recorded(vec![("mail", request.clone(), answered(""))]);
    assert_eq!(run(&world, &sends("old"), &recording).await.calls[0].request, request);
    let ports = world.ports();
    let compared = offline::compare(&sends("old"), &sends("new"), &recording, &ports.connector, &ports.journal).await.unwrap();
    assert_eq!(compared.diff.calls[0].changes[0].at, "body/subject");
}

/// Counts in its state, and says so to the ERP.
fn counting(digest: &str, by: u64) -> Plugin {
    plugin(digest, move |host| async move {
        let entry = host.state_get("n".into()).await.unwrap();
        let (count, expected) = entry.map_or((0, 0), |e| (String::from_utf8(e.value).unwrap().parse::<u64>().unwrap(), e.version));
        let value = Some((count + by).to_string().into_bytes());
        host.state_put(StateWrite { key: "n".into(), expected, value }).await.unwrap().unwrap();
        let seen = host.state_get("n".into()).await.unwrap().unwrap();
        let _ = host.call("tell".into(), post(&String::from_utf8(seen.value).unwrap())).await;
        Ending::Done
    })
}

#[tokio::test]
async fn state_is_what_it_is_now_and_writes_go_nowhere() {
    let world = World::answering([]);
    world.journal.state.lock().unwrap().insert("n".into(), StateEntry { value: b"41".to_vec(), version: 9 });
    let recording = recorded(vec![("tell", post("1"), answered(""))]);
    let run = run(&world, &counting("d1", 1), &recording).await;
    assert_eq!((run.calls[0].request.body.as_deref(), run.state[0].value.as_deref()), (Some(&b"42"[..]), Some(&b"42"[..])));
    assert_eq!(world.journal.state.lock().unwrap()["n"].value, b"41");
    let ports = world.ports();
    let compare =
        async |by| offline::compare(&counting("d1", 1), &counting("d2", by), &recording, &ports.connector, &ports.journal).await.unwrap();
    assert_eq!(compare(1).await.likeness, Likeness::Same, "both see the same state, whatever it was then");
    let differs = compare(2).await;
    assert_eq!((differs.likeness, differs.diff.changes[0].at.as_str()), (Likeness::Differs, "state/n"));
}

#[tokio::test]
async fn two_generations_are_compared_and_a_busy_host_says_nothing() {
    let writes = |digest: &str, steps: &'static [&'static str]| {
        plugin(digest, move |host| async move {
            for step in steps {
                if host.call((*step).into(), post("1")).await.is_err() {
                    return Ending::Retry { code: ErrorCode::PluginRetry, reason: "told".into(), after: None, spent: true };
                }
            }
            Ending::Done
        })
    };
    let world = World::answering([]);
    let ports = world.ports();
    let recording = recorded(vec![("a", post("1"), answered("")), ("b", post("1"), answered(""))]);
    let compare =
        async |new: &Plugin| offline::compare(&writes("d1", &["a", "b"]), new, &recording, &ports.connector, &ports.journal).await;
    assert_eq!(compare(&writes("d2", &["a", "b"])).await.unwrap().likeness, Likeness::Same);
    let diverged = compare(&writes("d2", &["a", "c", "b"])).await.unwrap();
    let fates: Vec<_> = diverged.diff.calls.iter().map(|call| (call.step.as_str(), call.fate)).collect();
    assert_eq!(fates, [("a", CallFate::Kept), ("c", CallFate::Unrecorded), ("b", CallFate::NotReached)]);
    assert_eq!((diverged.likeness, &*diverged.event), (Likeness::Diverged, "m7:0"));
    let fails = |code| plugin("d2", move |_| async move { Ending::Retry { code, reason: String::new(), after: None, spent: false } });
    assert_eq!(compare(&fails(ErrorCode::PluginTrap)).await.unwrap().likeness, Likeness::Trapped);
    assert!(compare(&fails(ErrorCode::PluginBusy)).await.is_none());
    let mut other = writes("d2", &["a", "b"]);
    other.settings = Arc::new(PluginSettings { events: Some(vec!["return.*".into()]), ..settings() });
    assert_eq!(compare(&other).await.unwrap().diff.changes[0].new.as_deref(), Some("not-delivered"));
}
