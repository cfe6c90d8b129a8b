//! A step that asks for something else than the write that was answered under its name.

use mortar_core::delivery::State;
use mortar_simulator::erp::Handle;
use mortar_tests::{Host, Setup, fixtures};

use super::{QUICK, erp};

const CALL: &str = "/orders";

/// A dead letter whose second attempt asked for another write than its first one had made.
async fn diverged() -> (Host, Handle, String, String) {
    let (url, handle) = erp(None).await;
    let host = Setup::new().config(QUICK).connection("erp", &url, "").misbehaving("diverge", "").start().await;
    let callback = fixtures::about("order.created", "SO-1");
    host.send(&callback).await;
    let event = fixtures::event_id(&callback);
    let story = host.until(&event, State::Dead).await;
    assert_eq!(story.deliveries[0].delivery.code.as_deref(), Some("step.diverged"));
    assert_eq!(handle.ledger().applied("POST", CALL), 1);
    (host, handle, event, story.deliveries[0].delivery.id.to_string())
}

#[tokio::test]
async fn both_requests_are_shown() {
    let (host, _, event, id) = diverged().await;
    for command in [["event", "show", &event], ["dead", "show", &id]] {
        let shown = String::from_utf8(host.mortar(&command).await.stdout).unwrap();
        for part in ["sent by attempt 1:", "asked here:", "\"attempt\": 1 ", "≠   \"attempt\": 2", "--keep-steps"] {
            assert!(shown.contains(part), "{part} is not in:\n{shown}");
        }
    }
}

#[tokio::test]
async fn the_answer_of_then_can_stand() {
    let (host, handle, event, id) = diverged().await;
    assert!(host.mortar(&["dead", "replay", &id, "--keep-steps"]).await.status.success());
    host.until(&event, State::Done).await;
    assert_eq!(handle.ledger().applied("POST", CALL), 1);
}

#[tokio::test]
async fn everything_can_be_sent_again() {
    let (host, handle, event, id) = diverged().await;
    let asked = host.mortar(&["dead", "replay", &id, "--from-scratch"]).await;
    let told = String::from_utf8_lossy(&asked.stderr).into_owned();
    assert!(!asked.status.success() && told.contains("written twice") && told.contains("--yes"), "{told}");
    assert!(host.mortar(&["dead", "replay", &id, "--from-scratch", "--yes"]).await.status.success());
    host.until(&event, State::Done).await;
    assert_eq!(handle.ledger().applied("POST", CALL), 2);
}
