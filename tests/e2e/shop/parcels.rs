//! Parcels of orders.

use mortar_core::delivery::State;
use mortar_tests::fixtures::{event_id, fresh};
use mortar_tests::vendure::Vendure;
use serde_json::Value;

use super::audit::arrived;
use crate::callbacks::{Parcel, fulfilled};

/// `order.delivered`, with or without its parcels.
fn delivered(order: &str, parcels: &[Parcel<'_>]) -> Value {
    let mut callback = fresh("order.delivered");
    callback["data"][0]["shipments"] = fulfilled(order, parcels, &[])["data"][0]["shipments"].take();
    callback["data"][0]["customer_identifier"] = order.into();
    callback
}

#[tokio::test]
#[ignore = "needs a real shop: cargo xtask e2e"]
async fn one_parcel_its_redelivery_and_its_arrival() {
    let vendure = Vendure::start().await;
    let host = vendure.host(vendure.port()).start().await;
    let order = vendure.order(&[("TEE-BLU-M", 3)]).await;
    let parcel = [("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 3)][..])];
    let callback = fulfilled(&order, &parcel, &[]);
    assert_eq!(host.send(&callback).await.status, 200);
    let story = host.until(&event_id(&callback), State::Done).await;
    assert_eq!(story.deliveries[0].attempts.len(), 1);
    assert_eq!(host.send(&callback).await.json()["duplicates"], 1);
    // The same under another message id, as after a replay at MasonHub.
    let again = fulfilled(&order, &parcel, &[]);
    host.send(&again).await;
    let story = host.until(&event_id(&again), State::Done).await;
    assert!(story.deliveries[0].calls.iter().all(|call| call.request.method == "GET"), "{:#?}", story.deliveries[0].calls);
    arrived(&vendure, &host, "one parcel", &order, &["1Z01"], &[&callback, &again]).await;
    let found = vendure.find(&order).await;
    assert_eq!((found["state"].as_str().unwrap(), found["fulfillments"][0]["method"].as_str().unwrap()), ("Shipped", "UPS"));
    assert_eq!(vendure.held("TEE-BLU-M", "Default Stock Location").await, 997);

    let arrival = delivered(&order, &[]);
    host.send(&arrival).await;
    host.until(&event_id(&arrival), State::Done).await;
    assert_eq!(vendure.find(&order).await["state"], "Delivered");
}

#[tokio::test]
#[ignore = "needs a real shop: cargo xtask e2e"]
async fn several_parcels_of_several_events_keep_their_numbers() {
    let vendure = Vendure::start().await;
    let host = vendure.host(vendure.port()).start().await;
    let order = vendure.order(&[("TEE-BLU-M", 5), ("PANT-NVY-L", 2), ("HAT-GRN-U", 1)]).await;
    let first = fulfilled(
        &order,
        &[
            ("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 2)]),
            ("shp_2", "9402", "USPS", &[("TEE-BLU-M", 2), ("PANT-NVY-L", 1)]),
            ("shp_3", "1Z03", "UPS", &[("HAT-GRN-U", 1)]),
        ],
        &[],
    );
    host.send(&first).await;
    host.until(&event_id(&first), State::Done).await;
    assert_eq!(vendure.find(&order).await["state"], "PartiallyShipped");
    let second = fulfilled(&order, &[("shp_4", "7904", "FedEx", &[("TEE-BLU-M", 1)])], &[]);
    // The last one says again what the first said, and is short of a unit.
    let third = fulfilled(&order, &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 2)])], &[("PANT-NVY-L", 1)]);
    for callback in [&second, &third] {
        host.send(callback).await;
    }
    for callback in [&second, &third] {
        host.until(&event_id(callback), State::Done).await;
    }
    arrived(&vendure, &host, "several parcels", &order, &["1Z01", "9402", "1Z03", "7904"], &[&first, &second, &third]).await;
    let found = vendure.find(&order).await;
    assert_eq!(found["state"], "Shipped", "what is short is not waited for: {found}");
    let left: i64 = found["lines"].as_array().unwrap().iter().map(|line| line["quantity"].as_i64().unwrap()).sum();
    assert_eq!(left, 7, "one of eight units is cancelled");

    let one = delivered(&order, &[("shp_2", "9402", "USPS", &[("TEE-BLU-M", 2), ("PANT-NVY-L", 1)])]);
    host.send(&one).await;
    host.until(&event_id(&one), State::Done).await;
    let states = vendure.find(&order).await["fulfillments"].take();
    let arrived: Vec<_> = states.as_array().unwrap().iter().filter(|f| f["state"] == "Delivered").map(|f| &f["trackingCode"]).collect();
    assert_eq!(arrived, ["9402"]);
}

#[tokio::test]
#[ignore = "needs a real shop: cargo xtask e2e"]
async fn what_vendure_does_not_know_is_a_dead_letter_that_says_so() {
    let vendure = Vendure::start().await;
    let host = vendure.host(vendure.port()).start().await;
    let order = vendure.order(&[("TEE-BLU-M", 1)]).await;
    let more = fulfilled(&order, &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 2)])], &[]);
    let unknown = fulfilled("NO-SUCH-ORDER", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 1)])], &[]);
    for (callback, words) in [(&more, "has no 1 TEE-BLU-M left"), (&unknown, "Vendure has no order with the code NO-SUCH-ORDER")] {
        host.send(callback).await;
        let story = host.until(&event_id(callback), State::Dead).await;
        let reason = story.deliveries[0].delivery.reason.clone().unwrap();
        assert!(reason.contains(words), "{reason}");
    }
    assert_eq!(vendure.find(&order).await["fulfillments"].as_array().unwrap().len(), 0);
}
