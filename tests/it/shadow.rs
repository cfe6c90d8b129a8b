//! A candidate runs beside the generation in force, on real deliveries, and nothing of it is sent.

use std::fs;

use mortar_core::delivery::State;
use mortar_simulator::erp::Handle;
use mortar_tests::{Host, Setup, fixtures};
use serde_json::Value;

use super::erp;

fn settings(behaviour: &str) -> String {
    format!("connections = [\"erp\"]\n\n[config]\nbehaviour = \"{behaviour}\"\n")
}

/// A host on which `call` is in force: one step, `write`.
async fn host() -> (Host, Handle) {
    let (url, handle) = erp(None).await;
    (Setup::new().connection("erp", &url, "").misbehaving("call", "").start().await, handle)
}

async fn deliver(host: &Host, order: &str) -> String {
    let callback = fixtures::about("order.created", order);
    host.send(&callback).await;
    let event = fixtures::event_id(&callback);
    host.until(&event, State::Done).await;
    event
}

/// Starts a candidate with this behaviour; its digest.
async fn start(host: &Host, behaviour: &str) -> String {
    let file = host.setup.path().join("candidate.toml");
    // Settings that mean the same are another generation where they are put otherwise.
    fs::write(&file, format!("{}# a candidate\n", settings(behaviour))).unwrap();
    let started = host.mortar(&["plugin", "shadow", "start", "misbehave", &file.display().to_string(), "--json"]).await;
    assert!(started.status.success(), "{started:?}");
    serde_json::from_slice::<Value>(&started.stdout).unwrap()["digest"].as_str().unwrap().to_owned()
}

/// What was counted, once it is so many.
async fn counted(host: &Host, count: u64) -> Value {
    let all = |plugin: &Value| {
        let counts = &plugin["shadow"]["comparison"];
        ["same", "differs", "diverged", "trapped", "skipped"].iter().filter_map(|name| counts[*name].as_u64()).sum::<u64>()
    };
    host.when_plugin("misbehave", |plugin| all(plugin) == count).await["shadow"]["comparison"].clone()
}

#[tokio::test]
async fn a_candidate_sees_what_is_delivered_and_sends_nothing() {
    let (host, erp) = host().await;
    let in_force = host.plugin("misbehave").await["digest"].clone();
    let cases = [("call", "same"), ("call-twice", "diverged"), ("reject", "differs"), ("trap", "trapped"), ("loop", "trapped")];
    for (n, (behaviour, likeness)) in cases.iter().enumerate() {
        let digest = start(&host, behaviour).await;
        let event = deliver(&host, &format!("SO-{n}")).await;
        let found = counted(&host, 1).await;
        assert_eq!((found[*likeness].as_u64(), &found["with"]), (Some(1), &in_force), "{behaviour}: {found:#}");
        let report = host.mortar(&["plugin", "shadow", "report", "misbehave"]).await;
        let report = String::from_utf8_lossy(&report.stdout).into_owned();
        assert!(report.contains(&digest[..12]), "{report}");
        assert_eq!(report.contains(&format!("event {event}  order.created")), *likeness != "same", "{report}");
    }
    let ledger = erp.ledger();
    assert_eq!((ledger.writes.len(), ledger.requests), (cases.len(), cases.len() as u64), "one write for each event, and no read");
    assert_eq!(host.plugin("misbehave").await["digest"], in_force);
    let metrics = String::from_utf8(host.ask("/metrics").await.body.to_vec()).unwrap();
    assert!(metrics.contains("mortar_plugin_comparisons_total{plugin=\"misbehave\",by=\"shadow\",result=\"trapped\"} 2"), "{metrics}");
}

#[tokio::test]
async fn a_candidate_goes_on_after_a_restart() {
    let (mut host, _erp) = host().await;
    let digest = start(&host, "ignored").await;
    deliver(&host, "SO-1").await;
    counted(&host, 1).await;
    // Whatever becomes of the file that it was started from.
    fs::remove_file(host.setup.path().join("candidate.toml")).unwrap();
    host.kill().await;
    host.restart().await;
    deliver(&host, "SO-2").await;
    let found = counted(&host, 1).await;
    assert_eq!((found["differs"].as_u64(), found["samples"].as_array().unwrap().len()), (Some(1), 1));
    assert_eq!(host.plugin("misbehave").await["shadow"]["digest"], digest.as_str());
}

#[tokio::test]
async fn a_promoted_candidate_is_in_force_with_its_files() {
    let (host, _erp) = host().await;
    let old = host.plugin("misbehave").await["digest"].as_str().unwrap().to_owned();
    let digest = start(&host, "ignored").await;
    deliver(&host, "SO-1").await;
    counted(&host, 1).await;
    let promoted = host.mortar(&["plugin", "shadow", "promote", "misbehave"]).await;
    assert!(promoted.status.success(), "{promoted:?}");
    let plugin = host.plugin("misbehave").await;
    assert_eq!((&plugin["digest"], &plugin["shadow"]), (&digest.as_str().into(), &Value::Null));
    assert_eq!(plugin["kept"][0]["gate"]["differs"].as_u64(), Some(1), "what was counted is kept with it");
    assert_eq!(
        fs::read_to_string(host.setup.path().join("plugins/misbehave/plugin.toml")).unwrap(),
        settings("ignored") + "# a candidate\n"
    );
    let callback = fixtures::about("order.created", "SO-2");
    host.send(&callback).await;
    let story = host.until(&fixtures::event_id(&callback), State::Ignored).await;
    assert_eq!(story.deliveries[0].attempts[0].digest, digest);
    assert!(host.mortar(&["plugin", "rollback", "misbehave"]).await.status.success());
    assert_eq!(host.plugin("misbehave").await["digest"], old.as_str());
}

#[tokio::test]
async fn a_candidate_ends_when_it_is_told_to() {
    let (host, _erp) = host().await;
    let none = host.mortar(&["plugin", "shadow", "report", "misbehave"]).await;
    assert_eq!(none.status.code(), Some(5), "{none:?}");
    start(&host, "ignored").await;
    assert!(host.mortar(&["plugin", "shadow", "stop", "misbehave"]).await.status.success());
    assert!(host.plugin("misbehave").await["shadow"].is_null());
    assert_eq!(host.mortar(&["plugin", "shadow", "promote", "misbehave"]).await.status.code(), Some(5));
    let file = host.setup.path().join("plugins/misbehave/plugin.toml").display().to_string();
    let in_force = host.mortar(&["plugin", "shadow", "start", "misbehave", &file]).await;
    assert_eq!(in_force.status.code(), Some(6), "{in_force:?}");
}
