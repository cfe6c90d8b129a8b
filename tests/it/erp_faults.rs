//! ERPs that answer badly.

use mortar_core::delivery::State;
use mortar_core::story::Fate;
use mortar_simulator::erp::{Fault, What};
use mortar_tests::{Host, Setup, fixtures};

use super::{QUICK, erp};

const KEYED: &str = "idempotency_header = \"Idempotency-Key\"\ntimeout = \"300ms\"\nresponse_limit = \"64 KiB\"";

async fn after(fault: Fault) -> (Host, String) {
    let (url, handle) = erp(Some("Idempotency-Key")).await;
    let host = Setup::new().config(QUICK).connection("erp", &url, KEYED).misbehaving("call", "").start().await;
    handle.fault(fault);
    let callback = fixtures::about("order.created", "SO-1");
    host.send(&callback).await;
    (host, fixtures::event_id(&callback))
}

#[tokio::test]
async fn one_that_hangs_once() {
    let (host, event) = after(Fault::new(What::Hang).next(1)).await;
    assert_eq!(host.until(&event, State::Done).await.deliveries[0].attempts.len(), 2);
}

#[tokio::test]
async fn one_that_closes_once() {
    let (host, event) = after(Fault::new(What::Cut).next(1)).await;
    assert_eq!(host.until(&event, State::Done).await.deliveries[0].attempts.len(), 2);
}

#[tokio::test]
async fn one_that_redirects_elsewhere_is_not_followed() {
    let (elsewhere, stranger) = erp(None).await;
    let (host, event) = after(Fault::new(What::Redirect(format!("{elsewhere}/orders")))).await;
    let story = host.until(&event, State::Done).await;
    let Fate::Answered { response, .. } = &story.deliveries[0].calls[0].fate else { panic!("{story:#?}") };
    assert_eq!(response.status, 307, "the plugin is told, and decides");
    assert_eq!(stranger.ledger().requests, 0);
}

#[tokio::test]
async fn one_that_sends_a_gibibyte() {
    let (host, event) = after(Fault::new(What::Huge(1 << 30))).await;
    let story = host.until(&event, State::Dead).await;
    let reason = story.deliveries[0].delivery.reason.clone().unwrap();
    assert!(reason.contains("response_limit"), "it names the limit: {reason}");
    let memory = host.ask("/api/status").await;
    assert_eq!(memory.status, 200, "the host is well");
}

#[tokio::test]
async fn one_that_answers_garbage_is_the_plugins_business() {
    let (host, event) = after(Fault::new(What::Garbage)).await;
    let story = host.until(&event, State::Done).await;
    assert_eq!(story.deliveries[0].calls.len(), 1);
}

#[tokio::test]
async fn private_addresses_are_out_of_reach_unless_said() {
    let (url, _) = erp(None).await;
    let name = url.replace("127.0.0.1", "localhost");
    let literal = Setup::new().config(&format!("[connections.erp]\nurl = \"{url}\"\n"));
    let checked = literal.mortar(&["check"]).await;
    assert!(!checked.status.success() && format!("{checked:?}").contains("private_addresses"), "{checked:?}");
    let connection = format!("[connections.erp]\nurl = \"{name}\"\n");
    let host = Setup::new().config(QUICK).config(&connection).misbehaving("call", "").start().await;
    let callback = fixtures::about("order.created", "SO-1");
    host.send(&callback).await;
    let story = host.until(&fixtures::event_id(&callback), State::Dead).await;
    let told = format!("{:?}", story.deliveries[0].attempts);
    assert!(told.contains("private_addresses"), "it says what to set: {told}");
}
