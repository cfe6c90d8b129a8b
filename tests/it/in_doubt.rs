//! Writes whose answer was lost.

use mortar_core::delivery::State;
use mortar_core::story::{EventStory, Fate};
use mortar_simulator::erp::{Fault, What};
use mortar_tests::{Setup, fixtures};

use super::{QUICK, erp};

const CALL: &str = "/orders";

/// A plugin is told of a doubt only when the ERP can no longer be at the request.
const SHORT: &str = "connect_timeout = \"300ms\"\ntimeout = \"300ms\"";

fn setup(url: &str, behaviour: &str, connection: &str) -> Setup {
    Setup::new().config(QUICK).connection("erp", url, &format!("{SHORT}\n{connection}")).misbehaving(behaviour, "")
}

#[tokio::test]
async fn without_a_key_the_operator_settles_it_as_done() {
    let (url, handle) = erp(None).await;
    let host = setup(&url, "call", "").start().await;
    handle.fault(Fault::new(What::Cut).after_applying().next(1));
    let callback = fixtures::about("order.created", "SO-1");
    host.send(&callback).await;
    let story = host.until(&fixtures::event_id(&callback), State::Dead).await;
    let delivery = &story.deliveries[0];
    assert_eq!(delivery.delivery.code.as_deref(), Some("step.in_doubt"));
    let call = &delivery.calls[0];
    assert!(matches!(call.fate, Fate::Intended { lost: Some(_) }), "{call:?}");
    let id = delivery.delivery.id.to_string();
    let replayed = host.mortar(&["dead", "replay", &id]).await;
    assert!(replayed.status.success());
    let again =
        |s: &EventStory| s.deliveries[0].attempts.len() == delivery.attempts.len() + 1 && s.deliveries[0].delivery.state == State::Dead;
    host.when(&fixtures::event_id(&callback), again).await;
    assert_eq!(handle.ledger().applied("POST", CALL), 1, "a replay alone sends nothing again");
    let settled = host.mortar(&["dead", "settle", &id, "--step", &call.step, "--done"]).await;
    assert!(settled.status.success(), "{settled:?}");
    let story = host.until(&fixtures::event_id(&callback), State::Done).await;
    assert!(matches!(&story.deliveries[0].calls[0].fate, Fate::Answered { settled_by: Some(who), .. } if who == "operator"));
    assert_eq!(handle.ledger().applied("POST", CALL), 1);
}

#[tokio::test]
async fn without_a_key_the_operator_has_it_sent_again() {
    let (url, handle) = erp(None).await;
    let host = setup(&url, "call", "").start().await;
    handle.fault(Fault::new(What::Cut).next(1));
    let callback = fixtures::about("order.created", "SO-1");
    host.send(&callback).await;
    let story = host.until(&fixtures::event_id(&callback), State::Dead).await;
    let (id, step) = (story.deliveries[0].delivery.id.to_string(), story.deliveries[0].calls[0].step.clone());
    assert!(host.mortar(&["dead", "settle", &id, "--step", &step, "--resend"]).await.status.success());
    host.until(&fixtures::event_id(&callback), State::Done).await;
    assert_eq!(handle.ledger().applied("POST", CALL), 1);
}

#[tokio::test]
async fn with_a_key_it_is_simply_repeated() {
    let (url, handle) = erp(Some("Idempotency-Key")).await;
    let host = setup(&url, "call", "idempotency_header = \"Idempotency-Key\"").start().await;
    handle.fault(Fault::new(What::Cut).after_applying().next(1));
    let callback = fixtures::about("order.created", "SO-1");
    host.send(&callback).await;
    host.until(&fixtures::event_id(&callback), State::Done).await;
    let ledger = handle.ledger();
    assert_eq!(ledger.applied("POST", CALL), 1);
    assert_eq!(ledger.repeated.values().sum::<u32>(), 1, "the ERP saw it twice under one key");
}

#[tokio::test]
async fn a_plugin_can_look_and_settle() {
    for behaviour in ["in-doubt-settle-resend", "in-doubt-settle-answered"] {
        let (url, handle) = erp(None).await;
        let host = setup(&url, behaviour, "").start().await;
        let fault = Fault::new(What::Cut).next(1);
        handle.fault(if behaviour.ends_with("answered") { fault.after_applying() } else { fault });
        let callback = fixtures::about("order.created", "SO-1");
        host.send(&callback).await;
        host.until(&fixtures::event_id(&callback), State::Done).await;
        assert_eq!(handle.ledger().applied("POST", CALL), 1, "{behaviour}");
    }
}
