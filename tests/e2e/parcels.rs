//! Parcels of orders.

use mortar_core::delivery::State;
use mortar_tests::fixtures::event_id;
use mortar_tests::tryton::Tryton;
use serde_json::json;

use super::audit::arrived;
use super::callbacks::fulfilled;

#[tokio::test]
#[ignore = "needs a real ERP: cargo xtask e2e"]
async fn one_parcel_and_its_redelivery() {
    let tryton = Tryton::start().await;
    let host = tryton.host(tryton.port()).start().await;
    tryton.sale("WEB-1", &[("TEE-BLU-M", 3)]).await;
    let callback = fulfilled("WEB-1", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 3)])], &[]);
    assert_eq!(host.send(&callback).await.status, 200);
    let story = host.until(&event_id(&callback), State::Done).await;
    assert_eq!(story.deliveries[0].attempts.len(), 1);
    assert_eq!(host.send(&callback).await.json()["duplicates"], 1);
    // The same under another message id, as after a replay at MasonHub.
    let again = fulfilled("WEB-1", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 3)])], &[]);
    host.send(&again).await;
    let story = host.until(&event_id(&again), State::Done).await;
    assert!(story.deliveries[0].calls.iter().all(|call| call.request.method == "GET"), "{:#?}", story.deliveries[0].calls);
    arrived(&tryton, &host, "one parcel", "WEB-1", &["1Z01"], &[&callback, &again]).await;
    assert_eq!(tryton.held("TEE-BLU-M", "STOCK").await, 997);
    let shown = host.mortar(&["event", "show", &event_id(&callback)]).await;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    for step in ["look for shp_1", "set shp_1", "assign shp_1", "pick shp_1", "package shp_1", "pack shp_1", "do shp_1"] {
        assert!(shown.contains(step), "the story tells of `{step}`:\n{shown}");
    }
}

#[tokio::test]
#[ignore = "needs a real ERP: cargo xtask e2e"]
async fn several_parcels_of_several_events_keep_their_numbers() {
    let tryton = Tryton::start().await;
    let host = tryton.host(tryton.port()).start().await;
    tryton.sale("WEB-1", &[("TEE-BLU-M", 5), ("PANT-NVY-L", 2), ("HAT-GRN-U", 1)]).await;
    let first = fulfilled(
        "WEB-1",
        &[
            ("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 2)]),
            ("shp_2", "9402", "USPS", &[("TEE-BLU-M", 2), ("PANT-NVY-L", 1)]),
            ("shp_3", "1Z03", "UPS", &[("HAT-GRN-U", 1)]),
        ],
        &[],
    );
    let second = fulfilled("WEB-1", &[("shp_4", "7904", "FedEx", &[("TEE-BLU-M", 1)])], &[]);
    // The last one says again what the others said, and is short of a unit.
    let third = fulfilled("WEB-1", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 2)])], &[("PANT-NVY-L", 1)]);
    for callback in [&first, &second, &third] {
        host.send(callback).await;
    }
    for callback in [&first, &second, &third] {
        host.until(&event_id(callback), State::Done).await;
    }
    arrived(&tryton, &host, "several parcels", "WEB-1", &["1Z01", "9402", "1Z03", "7904"], &[&first, &second, &third]).await;
    let sale = tryton.search("sale.sale", json!([["reference", "=", "WEB-1"]]), &["shipment_state", "shipments.state"]).await.remove(0);
    assert_eq!(sale["shipment_state"], "sent", "what is short is not waited for: {sale}");
    assert_eq!(tryton.held("TEE-BLU-M", "STOCK").await, 995);
    assert_eq!(tryton.held("PANT-NVY-L", "STOCK").await, 999);
}

#[tokio::test]
#[ignore = "needs a real ERP: cargo xtask e2e"]
async fn a_part_of_the_rest_is_short_and_the_other_part_ships_later() {
    let tryton = Tryton::start().await;
    let host = tryton.host(tryton.port()).start().await;
    tryton.sale("WEB-1", &[("TEE-BLU-M", 4), ("PANT-NVY-L", 3)]).await;
    let first = fulfilled("WEB-1", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 2)])], &[("TEE-BLU-M", 1), ("PANT-NVY-L", 3)]);
    host.send(&first).await;
    host.until(&event_id(&first), State::Done).await;
    let state = || async {
        let sale = tryton.search("sale.sale", json!([["reference", "=", "WEB-1"]]), &["shipment_state"]).await;
        sale[0]["shipment_state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state().await, "partially shipped");
    let second = fulfilled("WEB-1", &[("shp_2", "1Z02", "UPS", &[("TEE-BLU-M", 1)])], &[("TEE-BLU-M", 1), ("PANT-NVY-L", 3)]);
    host.send(&second).await;
    host.until(&event_id(&second), State::Done).await;
    assert_eq!(state().await, "sent");
    arrived(&tryton, &host, "partial and short", "WEB-1", &["1Z01", "1Z02"], &[&first, &second]).await;
    assert_eq!(tryton.held("TEE-BLU-M", "STOCK").await, 997);
    assert_eq!(tryton.held("PANT-NVY-L", "STOCK").await, 1000);
}

#[tokio::test]
#[ignore = "needs a real ERP: cargo xtask e2e"]
async fn what_tryton_does_not_know_is_a_dead_letter_that_says_so() {
    let tryton = Tryton::start().await;
    let host = tryton.host(tryton.port()).start().await;
    tryton.sale("WEB-1", &[("TEE-BLU-M", 1)]).await;
    let parcel = |carrier| fulfilled("WEB-1", &[("shp_1", "1Z01", carrier, &[("TEE-BLU-M", 1)])], &[]);
    let order = fulfilled("WEB-2", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 1)])], &[]);
    let more = fulfilled("WEB-1", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 2)])], &[]);
    let cases = [
        (parcel("Pigeon"), "Tryton has no carrier `Pigeon`"),
        (order, "Tryton has no sale with the reference or number WEB-2"),
        (more, "no shipment of the sale WEB-1 in Tryton has 2 TEE-BLU-M left for parcel shp_1"),
    ];
    for (callback, words) in &cases {
        host.send(callback).await;
        let story = host.until(&event_id(callback), State::Dead).await;
        let reason = story.deliveries[0].delivery.reason.clone().unwrap();
        assert!(reason.contains(words), "{reason}");
    }
}
