//! The worst plugin harms only its own deliveries.

use mortar_core::delivery::State;
use mortar_core::story::EventStory;
use mortar_tests::{Host, Setup, fixtures};

use super::{erp, rest_settings};

const ONCE: &str = "[retry]\nattempts = 1\n[limits]\nmemory = \"32 MiB\"\ncpu = \"200ms\"\nwall = \"2s\"\nlog = \"16 KiB\"\ncalls = 10\n";

/// Room for what is large on purpose.
const LARGE: &str = "[retry]\nattempts = 1\n[limits]\nmemory = \"256 MiB\"\ncpu = \"60s\"\nwall = \"100s\"\ncalls = 10\n";

/// Runs one event through the misbehaving plugin, with the plugin `rest` beside it, which must
/// come through whatever happens.
async fn misbehaving(behaviour: &str) -> (Host, EventStory) {
    limited(behaviour, ONCE).await
}

/// The same with other limits.
async fn limited(behaviour: &str, limits: &str) -> (Host, EventStory) {
    let (url, _) = erp(None).await;
    let host = Setup::new()
        .plugins("memory_limit = \"256 MiB\"\n")
        .connection("erp", &url, "idempotency_header = \"Idempotency-Key\"")
        .misbehaving(behaviour, &format!("events = [\"order.created\"]\n{limits}"))
        .plugin("rest", "rest", &rest_settings())
        .start()
        .await;
    let callback = fixtures::about("order.created", "SO-1");
    host.send(&callback).await;
    let event = fixtures::event_id(&callback);
    let story = host.when(&event, |s| s.deliveries.iter().all(|d| !d.delivery.state.is_open())).await;
    let good = story.deliveries.iter().find(|d| d.delivery.plugin == "rest").unwrap();
    assert_eq!(good.delivery.state, State::Done, "the good plugin came through");
    (host, story)
}

async fn dead_with(behaviour: &str, code: &str, words: &str) {
    dead_within(behaviour, ONCE, code, words).await;
}

async fn dead_within(behaviour: &str, limits: &str, code: &str, words: &str) {
    let (_, story) = limited(behaviour, limits).await;
    let bad = story.deliveries.iter().find(|d| d.delivery.plugin == "misbehave").unwrap();
    assert_eq!(bad.delivery.state, State::Dead, "{behaviour}: {bad:#?}");
    let attempt = &bad.attempts[0];
    assert_eq!(attempt.code.as_deref(), Some(code), "{behaviour}: {attempt:#?}");
    assert!(attempt.reason.clone().unwrap_or_default().contains(words), "{behaviour}: {attempt:#?}");
}

#[tokio::test]
async fn crashes() {
    dead_with("trap", "plugin.trap", "").await;
    dead_with("abort", "plugin.trap", "").await;
    dead_with("exit", "plugin.trap", "").await;
    dead_with("recursion", "plugin.trap", "").await;
}

#[tokio::test]
async fn endless_loops() {
    dead_with("loop", "plugin.timeout", "").await;
}

#[tokio::test]
async fn endless_calls() {
    dead_with("loop-calls", "plugin.timeout", "limits.cpu").await;
    dead_with("many-steps", "plugin.limit", "limits.calls").await;
    // A million of them, each refused: it ends by one limit or the other.
    dead_within("million-steps", LARGE, "plugin.limit", "limits.calls").await;
}

#[tokio::test]
async fn memory_and_huge_results() {
    dead_with("memory", "plugin.limit", "limits.memory").await;
    dead_within("huge-string", LARGE, "plugin.limit", "more than 8.0 MiB to the host at once").await;
}

#[tokio::test]
async fn denied_calls() {
    for behaviour in ["ungranted", "absolute-url", "forged-headers", "crlf-header"] {
        let (_, story) = misbehaving(behaviour).await;
        let bad = story.deliveries.iter().find(|d| d.delivery.plugin == "misbehave").unwrap();
        let trace = &bad.attempts[0].trace;
        assert!(!trace.is_empty() && trace.iter().all(|t| t.result.starts_with("denied: ")), "{behaviour}: {trace:#?}");
        assert!(bad.calls.is_empty(), "{behaviour}: nothing was sent");
    }
}

#[tokio::test]
async fn calls_outside_of_the_grant() {
    let grant = "[grants.erp]\nmethods = [\"GET\", \"POST\"]\npaths = [\"/orders\", \"/orders/*\"]\n";
    let (_, story) = limited("outside-grant", &format!("{ONCE}{grant}")).await;
    let bad = story.deliveries.iter().find(|d| d.delivery.plugin == "misbehave").unwrap();
    let told: Vec<_> = bad.attempts[0].trace.iter().map(|trace| trace.result.as_str()).collect();
    assert_eq!(told.len(), 4);
    assert!(told.iter().all(|told| told.starts_with("denied: ") && told.contains("[grants.erp]")), "{told:#?}");
    assert!(bad.calls.is_empty(), "nothing was sent");
    let (_, story) = limited("call", &format!("{ONCE}{grant}")).await;
    assert!(story.deliveries.iter().all(|d| d.delivery.state == State::Done), "what is granted goes through");
}

#[tokio::test]
async fn a_step_that_is_used_twice() {
    dead_with("step-reuse", "step.diverged", "write").await;
    let (_, story) = misbehaving("same-step-twice").await;
    let twice = story.deliveries.iter().find(|d| d.delivery.plugin == "misbehave").unwrap();
    let told: Vec<_> = twice.attempts[0].trace.iter().map(|trace| trace.result.as_str()).collect();
    assert_eq!((told, twice.calls.len()), (vec!["sent", "journal"], 1), "the second time it answers from the journal");
}

#[tokio::test]
async fn a_state_that_never_ends() {
    let (_, story) = limited("huge-state", &format!("{LARGE}state = \"1 MiB\"\n")).await;
    let huge = story.deliveries.iter().find(|d| d.delivery.plugin == "misbehave").unwrap();
    let log: Vec<_> = huge.attempts[0].log.iter().map(|line| line.message.as_str()).collect();
    assert!(log.contains(&"large: true"), "one value is bounded: {log:?}");
    assert!(log.contains(&"puts: 17"), "1 MiB holds 17 values of 60,000 bytes: {log:?}");
    assert_eq!(huge.delivery.state, State::Done);
}

#[tokio::test]
async fn two_plugins_see_nothing_of_each_other() {
    let (url, handle) = erp(Some("Idempotency-Key")).await;
    let plugin = |behaviour: &str| format!("connections = [\"erp\"]\n[config]\nbehaviour = \"{behaviour}\"\n");
    let host = Setup::new()
        .connection("erp", &url, "idempotency_header = \"Idempotency-Key\"")
        .plugin("misbehave", "misbehave", &plugin("state-counter"))
        .plugin("other", "misbehave", &plugin("other-state"))
        .start()
        .await;
    let counted = fixtures::about("order.created", "SO-1");
    host.send(&counted).await;
    let story = host.until(&fixtures::event_id(&counted), State::Done).await;
    let other = story.deliveries.iter().find(|d| d.delivery.plugin == "other").unwrap();
    let log: Vec<_> = other.attempts[0].log.iter().map(|line| line.message.as_str()).collect();
    let (state, rest): (Vec<&str>, Vec<&str>) = log[1..].iter().partition(|line| line.starts_with('"'));
    assert!(state.len() == 6 && state.iter().all(|line| line.ends_with("Ok(None)")), "no state of another plugin: {log:#?}");
    assert!(rest[0].contains("other-state") && !rest[0].contains("state-counter"), "its own configuration: {rest:?}");
    // The same step of the same event is another one for another plugin.
    host.replace("plugins/misbehave/plugin.toml", plugin("call"));
    host.replace("plugins/other/plugin.toml", plugin("call"));
    for name in ["misbehave", "other"] {
        host.when_plugin(name, |plugin| plugin["kept"].as_array().is_some_and(|kept| kept.len() == 2)).await;
    }
    let called = fixtures::about("order.created", "SO-2");
    host.send(&called).await;
    let story = host.until(&fixtures::event_id(&called), State::Done).await;
    assert!(story.deliveries.iter().all(|d| d.attempts[0].trace[0].result == "sent"), "{story:#?}");
    assert_eq!(handle.ledger().applied("POST", "/orders"), 2, "two keys, two orders");
}

#[tokio::test]
async fn every_instance_taken() {
    let (url, _) = erp(None).await;
    let host = Setup::new()
        .config(super::QUICK)
        .plugins("instances = 2\n")
        .connection("erp", &url, "idempotency_header = \"Idempotency-Key\"")
        .misbehaving("sleep", &format!("events = [\"order.created\"]\n{ONCE}"))
        .plugin("rest", "rest", &rest_settings())
        .start()
        .await;
    let callbacks: Vec<_> = (0..8).map(|n| fixtures::about("order.created", &format!("SO-{n}"))).collect();
    for callback in &callbacks {
        host.send(callback).await;
    }
    for callback in &callbacks {
        let story = host.when(&fixtures::event_id(callback), |s| s.deliveries.iter().all(|d| !d.delivery.state.is_open())).await;
        let mut states: Vec<_> = story.deliveries.iter().map(|d| (d.delivery.plugin.as_str(), d.delivery.state)).collect();
        states.sort_by_key(|(plugin, _)| *plugin);
        assert_eq!(states, [("misbehave", State::Dead), ("rest", State::Done)]);
    }
}

#[tokio::test]
async fn refusals_and_reasons() {
    dead_with("reject", "plugin.rejected", "").await;
    let (_, story) = misbehaving("ignored").await;
    let ignored = story.deliveries.iter().find(|d| d.delivery.plugin == "misbehave").unwrap();
    assert_eq!(ignored.delivery.state, State::Ignored);
    assert!(ignored.delivery.reason.is_some());
}

#[tokio::test]
async fn floods_of_log_lines_are_cut() {
    for behaviour in ["log-flood", "big-log-lines"] {
        let (_, story) = misbehaving(behaviour).await;
        let flood = story.deliveries.iter().find(|d| d.delivery.plugin == "misbehave").unwrap();
        let log = flood.attempts.iter().flat_map(|a| &a.log).map(|l| l.message.len()).sum::<usize>();
        assert!(log <= 17 * 1024, "{behaviour}: {log} bytes");
    }
}

#[tokio::test]
async fn nonsense_is_answered_and_survived() {
    let (_, story) = misbehaving("nonsense").await;
    let nonsense = story.deliveries.iter().find(|d| d.delivery.plugin == "misbehave").unwrap();
    assert!(!nonsense.attempts[0].log.is_empty(), "{nonsense:#?}");
}

#[tokio::test]
async fn nothing_of_the_machine_is_seen() {
    for behaviour in ["read-file", "read-env", "network"] {
        let (_, story) = misbehaving(behaviour).await;
        let told = format!("{:?}", story.deliveries);
        assert!(!told.contains("root:") && !told.contains("PATH="), "{behaviour}: {told}");
    }
}

#[tokio::test]
async fn clock_and_randomness_are_the_same_in_every_run() {
    let (host, story) = misbehaving("clock").await;
    let lines = |story: &EventStory| {
        let clock = story.deliveries.iter().find(|d| d.delivery.plugin == "misbehave").unwrap();
        clock.attempts.iter().map(|a| a.log.clone()).collect::<Vec<_>>()
    };
    let first = lines(&story);
    assert!(!first[0].is_empty());
    // The plugin ends with a retry first, so that it runs twice over the same event.
    let all = host.when(&story.event.id, |s| lines(s).len() >= first.len()).await;
    assert!(lines(&all).windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn a_step_that_changes_its_request_is_a_dead_letter_with_both() {
    let (url, handle) = erp(None).await;
    let quick = super::QUICK;
    let host = Setup::new().config(quick).connection("erp", &url, "").misbehaving("diverge", "").start().await;
    let callback = fixtures::about("order.created", "SO-1");
    host.send(&callback).await;
    let story = host.until(&fixtures::event_id(&callback), State::Dead).await;
    let delivery = &story.deliveries[0];
    assert_eq!(delivery.delivery.code.as_deref(), Some("step.diverged"));
    let second = delivery.attempts.last().unwrap().trace.iter().find_map(|t| t.request.clone()).unwrap();
    assert_ne!(second.body, delivery.calls[0].request.body);
    assert_eq!(handle.ledger().applied("POST", "/orders"), 1);
}

#[tokio::test]
async fn state_counts_every_event_once() {
    let (url, _) = erp(None).await;
    let host = Setup::new().config(super::QUICK).connection("erp", &url, "").misbehaving("state-counter", "").start().await;
    let callbacks: Vec<_> = (0..20).map(|n| fixtures::about("order.created", &format!("SO-{n}"))).collect();
    for callback in &callbacks {
        host.send(callback).await;
    }
    let mut seen = Vec::new();
    for callback in &callbacks {
        let story = host.until(&fixtures::event_id(callback), State::Done).await;
        let last = story.deliveries[0].attempts.last().unwrap().log.last().unwrap().message.clone();
        seen.push(last.rsplit(' ').next().unwrap().parse::<u32>().unwrap());
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..=20).collect::<Vec<_>>(), "no count is lost to another delivery");
}

#[tokio::test]
async fn nothing_is_left_over_from_the_event_before() {
    let (url, _) = erp(None).await;
    let host = Setup::new().connection("erp", &url, "").misbehaving("globals", "").start().await;
    for n in 0..3 {
        let callback = fixtures::about("order.created", &format!("SO-{n}"));
        host.send(&callback).await;
        let story = host.until(&fixtures::event_id(&callback), State::Done).await;
        assert!(story.deliveries[0].attempts[0].log.last().unwrap().message.ends_with(" 1"), "{story:#?}");
    }
}
