//! People who work in the ERP meanwhile.

use mortar_core::delivery::State;
use mortar_tests::fixtures::event_id;
use mortar_tests::proxy::{At, Proxy};
use mortar_tests::tryton::Tryton;
use serde_json::json;

use super::audit::arrived;
use super::callbacks::{counted, fulfilled};

async fn ship_by_hand(tryton: &Tryton, shipment: i64) {
    let carrier = tryton.search("carrier", json!([]), &[]).await[0]["id"].clone();
    tryton.rest("PUT", &format!("stock.shipment.out/{shipment}"), &json!({ "carrier": carrier })).await;
    tryton.act("stock.shipment.out", shipment, &["assign_try", "pick", "pack", "ship", "do"]).await;
}

#[tokio::test]
#[ignore = "needs a real ERP: cargo xtask e2e"]
async fn one_who_shipped_by_hand_before_the_event_came() {
    let tryton = Tryton::start().await;
    let host = tryton.host(tryton.port()).start().await;
    tryton.sale("WEB-1", &[("TEE-BLU-M", 3)]).await;
    ship_by_hand(&tryton, tryton.shipment("WEB-1").await).await;
    assert_eq!(tryton.mails().len(), 0, "Tryton has no number to tell yet");
    let callback = fulfilled("WEB-1", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 3)])], &[]);
    host.send(&callback).await;
    host.until(&event_id(&callback), State::Done).await;
    arrived(&tryton, &host, "shipped by hand before", "WEB-1", &["1Z01"], &[&callback]).await;
    assert_eq!(tryton.held("TEE-BLU-M", "STOCK").await, 997);
}

#[tokio::test]
#[ignore = "needs a real ERP: cargo xtask e2e"]
async fn one_who_shipped_two_parcels_as_one() {
    let tryton = Tryton::start().await;
    let host = tryton.host(tryton.port()).start().await;
    tryton.sale("WEB-1", &[("TEE-BLU-M", 3), ("HAT-GRN-U", 1)]).await;
    let shipment = tryton.shipment("WEB-1").await;
    ship_by_hand(&tryton, shipment).await;
    let second: &[_] = &[("TEE-BLU-M", 1), ("HAT-GRN-U", 1)];
    let callback = fulfilled("WEB-1", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 2)]), ("shp_2", "1Z02", "UPS", second)], &[]);
    for callback in [&callback, &fulfilled("WEB-1", &[("shp_2", "1Z02", "UPS", second)], &[])] {
        host.send(callback).await;
        host.until(&event_id(callback), State::Done).await;
    }
    let packages = tryton.search("stock.package", json!([]), &["shipping_reference", "shipment"]).await;
    let mut found: Vec<_> = packages.iter().map(|p| (p["shipping_reference"].as_str().unwrap(), p["shipment"].as_str().unwrap())).collect();
    found.sort_unstable();
    let whole = format!("stock.shipment.out,{shipment}");
    assert_eq!(found, [("1Z01", whole.as_str()), ("1Z02", whole.as_str())]);
    assert_eq!(tryton.held("TEE-BLU-M", "STOCK").await, 997);
}

#[tokio::test]
#[ignore = "needs a real ERP: cargo xtask e2e"]
async fn one_who_ships_by_hand_between_two_steps() {
    let tryton = Tryton::start().await;
    let proxy = Proxy::before(tryton.port()).await;
    let host = tryton.host(proxy.port()).start().await;
    tryton.sale("WEB-1", &[("TEE-BLU-M", 3)]).await;
    let mut pick = proxy.stop("POST", "/pick", At::Request);
    let callback = fulfilled("WEB-1", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 3)])], &[]);
    host.send(&callback).await;
    pick.reached().await;
    tryton.act("stock.shipment.out", tryton.shipment("WEB-1").await, &["pick", "pack", "ship", "do"]).await;
    pick.release();
    host.until(&event_id(&callback), State::Done).await;
    arrived(&tryton, &host, "shipped by hand meanwhile", "WEB-1", &["1Z01"], &[&callback]).await;
    assert_eq!(tryton.held("TEE-BLU-M", "STOCK").await, 997);
}

#[tokio::test]
#[ignore = "needs a real ERP: cargo xtask e2e"]
async fn stock_that_is_missing_is_waited_for() {
    let tryton = Tryton::start().await;
    let host = tryton.host(tryton.port()).start().await;
    tryton.set_stock("TEE-BLU-M", "STOCK", 1).await;
    tryton.sale("WEB-1", &[("TEE-BLU-M", 3), ("HAT-GRN-U", 1)]).await;
    let callback = fulfilled("WEB-1", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 3), ("HAT-GRN-U", 1)])], &[]);
    host.send(&callback).await;
    let told = |reason: &Option<String>| reason.as_deref().is_some_and(|reason| reason.contains("no stock for 2 TEE-BLU-M"));
    let story = host.when(&event_id(&callback), |s| s.deliveries[0].attempts.len() > 2).await;
    assert!(story.deliveries[0].attempts.iter().all(|attempt| told(&attempt.reason)), "{:#?}", story.deliveries[0].attempts);
    // What the warehouse counts mends it.
    let count = counted("TEE-BLU-M", &[("available", 10)], 10);
    host.send(&count).await;
    host.until(&event_id(&count), State::Done).await;
    host.until(&event_id(&callback), State::Done).await;
    arrived(&tryton, &host, "short stock", "WEB-1", &["1Z01"], &[&callback]).await;
    assert_eq!(tryton.held("TEE-BLU-M", "STOCK").await, 7);
}
