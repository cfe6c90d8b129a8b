//! What an unhappy ERP costs: time, never an event.

use mortar_core::delivery::State;
use mortar_simulator::erp::{Fault, What};
use mortar_tests::{Setup, fixtures};

use super::{QUICK, erp, rest_settings};

#[tokio::test]
async fn what_is_unavailable_is_tried_again() {
    let (url, handle) = erp(None).await;
    let host = Setup::new().config(QUICK).connection("erp", &url, "").plugin("rest", "rest", &rest_settings()).start().await;
    handle.fault(Fault::new(What::Unavailable { retry_after: Some(0) }).next(3));
    let callback = fixtures::about("order.fulfilled", "SO-1");
    host.send(&callback).await;
    let story = host.until(&fixtures::event_id(&callback), State::Done).await;
    let delivery = &story.deliveries[0];
    assert_eq!(delivery.attempts.len(), 4);
    assert!(delivery.attempts[..3].iter().all(|a| a.code.as_deref() == Some("erp.unavailable")));
    let ledger = handle.ledger();
    for parcel in ["shp_001", "shp_002"] {
        assert_eq!(ledger.applied("PUT", &format!("/orders/SO-1/shipments/{parcel}")), 1);
    }
}

#[tokio::test]
async fn attempts_end_in_a_dead_letter_that_can_be_replayed() {
    let (url, handle) = erp(None).await;
    let host = Setup::new().config(QUICK).connection("erp", &url, "").plugin("rest", "rest", &rest_settings()).start().await;
    handle.fault(Fault::new(What::Unavailable { retry_after: None }));
    let callback = fixtures::about("order.fulfilled", "SO-2");
    host.send(&callback).await;
    let story = host.until(&fixtures::event_id(&callback), State::Dead).await;
    let delivery = &story.deliveries[0].delivery;
    assert_eq!(delivery.code.as_deref(), Some("attempts.exhausted"));
    assert_eq!(delivery.attempts, 5);
    handle.clear_faults();
    let replayed = host.mortar(&["dead", "replay", &delivery.id.to_string()]).await;
    assert!(replayed.status.success(), "{replayed:?}");
    host.until(&fixtures::event_id(&callback), State::Done).await;
    assert_eq!(handle.ledger().applied("PUT", "/orders/SO-2/shipments/shp_001"), 1);
}

#[tokio::test]
async fn what_the_erp_refuses_is_a_dead_letter_at_once_and_can_be_discarded() {
    let (url, handle) = erp(None).await;
    let host = Setup::new().config(QUICK).connection("erp", &url, "").plugin("rest", "rest", &rest_settings()).start().await;
    handle.fault(Fault::new(What::Status(422)));
    let callback = fixtures::about("order.created", "SO-3");
    host.send(&callback).await;
    let story = host.until(&fixtures::event_id(&callback), State::Dead).await;
    assert_eq!(story.deliveries[0].attempts.len(), 1);
    let id = story.deliveries[0].delivery.id.to_string();
    let discarded = host.mortar(&["dead", "discard", &id, "--reason", "not ours"]).await;
    assert!(discarded.status.success(), "{discarded:?}");
    host.until(&fixtures::event_id(&callback), State::Ignored).await;
    // Who names it can bring it back, and the ERP says no again.
    let again = host.mortar(&["dead", "replay", &id]).await;
    assert!(again.status.success(), "{again:?}");
    let story = host.until(&fixtures::event_id(&callback), State::Dead).await;
    assert_eq!(story.deliveries[0].attempts.len(), 2);
}

#[tokio::test]
async fn a_replay_asks_again_what_was_refused() {
    let (url, handle) = erp(None).await;
    let host = Setup::new().config(QUICK).connection("erp", &url, "").plugin("rest", "rest", &rest_settings()).start().await;
    handle.fault(Fault::new(What::Status(422)).on("shp_002").next(1));
    let callback = fixtures::about("order.fulfilled", "SO-5");
    host.send(&callback).await;
    let story = host.until(&fixtures::event_id(&callback), State::Dead).await;
    let replayed = host.mortar(&["dead", "replay", &story.deliveries[0].delivery.id.to_string()]).await;
    assert!(replayed.status.success(), "{replayed:?}");
    host.until(&fixtures::event_id(&callback), State::Done).await;
    for parcel in ["shp_001", "shp_002"] {
        assert_eq!(handle.ledger().applied("PUT", &format!("/orders/SO-5/shipments/{parcel}")), 1);
    }
}

#[tokio::test]
async fn a_subject_goes_on_after_a_dead_letter() {
    let (url, handle) = erp(None).await;
    let host = Setup::new().config(QUICK).connection("erp", &url, "").plugin("rest", "rest", &rest_settings()).start().await;
    handle.fault(Fault::new(What::Status(422)).next(1));
    let (first, second) = (fixtures::about("order.created", "SO-4"), fixtures::about("order.packed", "SO-4"));
    host.send(&first).await;
    host.send(&second).await;
    host.until(&fixtures::event_id(&first), State::Dead).await;
    host.until(&fixtures::event_id(&second), State::Done).await;
}
