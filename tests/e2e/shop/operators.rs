//! People who work in the shop meanwhile.

use mortar_core::delivery::State;
use mortar_tests::fixtures::event_id;
use mortar_tests::vendure::Vendure;
use serde_json::json;

use super::audit::arrived;
use crate::callbacks::{counted, fulfilled};

#[tokio::test]
#[ignore = "needs a real shop: cargo xtask e2e"]
async fn one_who_shipped_by_hand_without_a_number_takes_it_back() {
    let vendure = Vendure::start().await;
    let host = vendure.host(vendure.port()).start().await;
    let order = vendure.order(&[("TEE-BLU-M", 2)]).await;
    let line = vendure.find(&order).await["lines"][0]["id"].clone();
    let by_hand = "mutation ($l: ID!) { addFulfillmentToOrder(input: { lines: [{ orderLineId: $l, quantity: 2 }],
        handler: { code: \"manual-fulfillment\", arguments: [
            { name: \"method\", value: \"By hand\" }, { name: \"trackingCode\", value: \"\" }
        ] } }) { ... on Fulfillment { id } } }";
    let fulfilment = vendure.admin(by_hand, json!({ "l": line })).await["addFulfillmentToOrder"]["id"].take();
    let callback = fulfilled(&order, &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 2)])], &[]);
    host.send(&callback).await;
    let story = host.until(&event_id(&callback), State::Dead).await;
    let reason = story.deliveries[0].delivery.reason.clone().unwrap();
    assert!(reason.contains("without a tracking code") && reason.contains("cancel it there, then replay"), "{reason}");

    let cancel = "mutation ($f: ID!) { transitionFulfillmentToState(id: $f, state: \"Cancelled\") { ... on Fulfillment { state } } }";
    vendure.admin(cancel, json!({ "f": fulfilment })).await;
    let id = story.deliveries[0].delivery.id.to_string();
    let replayed = host.mortar(&["dead", "replay", &id]).await;
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
    host.until(&event_id(&callback), State::Done).await;
    arrived(&vendure, &host, "shipped by hand", &order, &["1Z01"], &[&callback]).await;
}

#[tokio::test]
#[ignore = "needs a real shop: cargo xtask e2e"]
async fn stock_that_is_missing_is_waited_for() {
    let vendure = Vendure::start().await;
    let host = vendure.host(vendure.port()).start().await;
    let order = vendure.order(&[("TEE-BLU-M", 3)]).await;
    vendure.set_stock("TEE-BLU-M", 1).await;
    let callback = fulfilled(&order, &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 3)])], &[]);
    host.send(&callback).await;
    let story = host.when(&event_id(&callback), |s| s.deliveries[0].attempts.len() > 2).await;
    let told = |reason: &Option<String>| reason.as_deref().is_some_and(|reason| reason.contains("INSUFFICIENT_STOCK_ON_HAND_ERROR"));
    assert!(story.deliveries[0].attempts.iter().all(|attempt| told(&attempt.reason)), "{:#?}", story.deliveries[0].attempts);
    // What the warehouse counts mends it.
    let count = counted("TEE-BLU-M", &[("available", 10)], 10);
    host.send(&count).await;
    host.until(&event_id(&count), State::Done).await;
    host.until(&event_id(&callback), State::Done).await;
    arrived(&vendure, &host, "short stock", &order, &["1Z01"], &[&callback]).await;
    assert_eq!(vendure.held("TEE-BLU-M", "Default Stock Location").await, 7);
}
