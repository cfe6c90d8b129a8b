//! Dead letters are replayed by selection.

use mortar_core::delivery::State;
use mortar_tests::{Host, Setup, fixtures};
use serde_json::Value;

use super::{QUICK, erp};

/// Three orders that the plugin rejects, whatever it is asked; their events' ids.
async fn rejected() -> (Host, Vec<String>) {
    let (url, _) = erp(None).await;
    let host = Setup::new().config(QUICK).connection("erp", &url, "").misbehaving("reject", "").start().await;
    let mut events = Vec::new();
    for order in ["SO-1", "SO-2", "SO-3"] {
        let callback = fixtures::about("order.created", order);
        host.send(&callback).await;
        events.push(fixtures::event_id(&callback));
        host.until(&events[events.len() - 1], State::Dead).await;
    }
    (host, events)
}

async fn attempts(host: &Host, event: &str) -> u32 {
    host.until(event, State::Dead).await.deliveries[0].delivery.attempts
}

#[tokio::test]
async fn a_dry_run_tells_and_does_nothing() {
    let (host, events) = rejected().await;
    let told = host.mortar(&["dead", "replay", "--type", "order.*", "--dry-run"]).await;
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains("plugin.rejected") && told.contains("3 would run again, 0 would be refused"), "{told}");
    let none = host.mortar(&["dead", "replay", "--code", "step.in_doubt", "--dry-run", "--json"]).await;
    assert_eq!(serde_json::from_slice::<Value>(&none.stdout).unwrap(), serde_json::json!([]));
    for event in &events {
        assert_eq!(attempts(&host, event).await, 1);
    }
}

#[tokio::test]
async fn only_the_selection_runs_again() {
    let (host, events) = rejected().await;
    let one = host.mortar(&["dead", "replay", "--subject", "SO-2", "--json"]).await;
    assert_eq!(serde_json::from_slice::<Value>(&one.stdout).unwrap(), serde_json::json!({ "replayed": 1, "refused": 0, "refusals": [] }));
    let again = |story: &mortar_core::story::EventStory| story.deliveries[0].delivery.attempts == 2;
    host.when(&events[1], again).await;
    assert_eq!((attempts(&host, &events[0]).await, attempts(&host, &events[2]).await), (1, 1));
    let rest = host.mortar(&["dead", "replay", "--code", "plugin.rejected", "--until", "0s", "--rate", "1000"]).await;
    assert_eq!(String::from_utf8(rest.stdout).unwrap(), "3 run again, 0 refused\n");
    host.when(&events[0], again).await;
    host.when(&events[2], again).await;
}
