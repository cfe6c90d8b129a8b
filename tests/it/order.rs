//! Order per subject, and the newest count.

use mortar_core::delivery::State;
use mortar_simulator::erp::{Fault, What};
use mortar_tests::{Setup, fixtures};

use super::{QUICK, erp, rest_settings};

#[tokio::test]
async fn a_stuck_subject_keeps_its_order_and_holds_up_nobody_else() {
    let (url, handle) = erp(None).await;
    let host = Setup::new().config(QUICK).connection("erp", &url, "").plugin("rest", "rest", &rest_settings()).start().await;
    handle.fault(Fault::new(What::Unavailable { retry_after: None }).on("/orders/SO-STUCK").next(3));
    let stuck: Vec<_> = ["order.created", "order.processing", "order.packed"].iter().map(|t| fixtures::about(t, "SO-STUCK")).collect();
    for callback in &stuck {
        host.send(callback).await;
    }
    let other = fixtures::about("order.created", "SO-FREE");
    host.send(&other).await;
    host.until(&fixtures::event_id(&other), State::Done).await;
    for callback in &stuck {
        host.until(&fixtures::event_id(callback), State::Done).await;
    }
    let statuses: Vec<_> = handle
        .ledger()
        .writes
        .iter()
        .filter(|w| w.path == "/orders/SO-STUCK")
        .map(|w| w.body["status"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(statuses, ["open", "inProcess", "packed"]);
}

#[tokio::test]
async fn an_older_count_never_overwrites_a_newer_one() {
    let (url, handle) = erp(None).await;
    let host = Setup::new().connection("erp", &url, "").plugin("rest", "rest", &rest_settings()).start().await;
    let count = |units: i64, as_of: &str| {
        let mut callback = fixtures::about("inventory.updated", "TEE-1");
        callback["data"][0]["total_units"] = units.into();
        callback["data"][0]["as_of"] = as_of.into();
        callback
    };
    let newer = count(20, "2026-01-05T12:00:00Z");
    host.send(&newer).await;
    host.until(&fixtures::event_id(&newer), State::Done).await;
    let older = count(10, "2026-01-05T07:59:00-04:00");
    host.send(&older).await;
    host.until(&fixtures::event_id(&older), State::Superseded).await;
    let newest = count(30, "2026-01-05T12:00:01Z");
    host.send(&newest).await;
    host.until(&fixtures::event_id(&newest), State::Done).await;
    let counts: Vec<_> = handle.ledger().writes.iter().filter(|w| w.path == "/stock/TEE-1").map(|w| w.body["on_hand"].clone()).collect();
    assert_eq!(counts, [20, 30]);
}
