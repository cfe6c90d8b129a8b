//! Goods that come in.

use mortar_core::delivery::State;
use mortar_tests::fixtures::event_id;
use mortar_tests::tryton::Tryton;
use serde_json::json;

use super::audit::confirmed;
use super::callbacks::{received, returned};

#[tokio::test]
#[ignore = "needs a real ERP: cargo xtask e2e"]
async fn an_inbound_shipment_under_over_damaged_and_unexpected() {
    let tryton = Tryton::start().await;
    let host = tryton.host(tryton.port()).start().await;
    tryton.purchase("PO-1", &[("TEE-BLU-M", 100), ("PANT-NVY-L", 50), ("HAT-GRN-U", 10)]).await;
    let lines = [("TEE-BLU-M", 100, 90, 5), ("PANT-NVY-L", 50, 60, 0), ("HAT-GRN-U", 10, 0, 0), ("SOCK-RED-S", 0, 25, 0)];
    let callback = received("ASN-1", "PO-1", &lines);
    host.send(&callback).await;
    host.until(&event_id(&callback), State::Done).await;
    let again = received("ASN-1", "PO-1", &lines);
    host.send(&again).await;
    host.until(&event_id(&again), State::Done).await;
    confirmed(&host, &callback).await;
    confirmed(&host, &again).await;

    assert_eq!(tryton.held("TEE-BLU-M", "STOCK").await, 1085);
    assert_eq!(tryton.held("TEE-BLU-M", "DAMAGED").await, 5);
    assert_eq!(tryton.held("PANT-NVY-L", "STOCK").await, 1060);
    assert_eq!(tryton.held("HAT-GRN-U", "STOCK").await, 1000);
    assert_eq!(tryton.held("SOCK-RED-S", "STOCK").await, 1025);
    let receipts = tryton.search("stock.shipment.in", json!([["reference", "=", "ASN-1"]]), &["state"]).await;
    assert_eq!((receipts.len(), receipts[0]["state"].as_str()), (1, Some("done")));
    let fields = ["shipment_state", "moves.state", "moves.quantity", "moves.product.code"];
    let purchase = tryton.search("purchase.purchase", json!([["reference", "=", "PO-1"]]), &fields).await.remove(0);
    assert_eq!(purchase["shipment_state"], "partially shipped");
    let mut waits: Vec<_> = purchase["moves"].as_array().unwrap().iter().filter(|m| m["state"] == "draft").collect();
    waits.sort_by_key(|m| m["product"]["code"].to_string());
    let waits: Vec<_> = waits.iter().map(|m| (m["product"]["code"].as_str().unwrap(), m["quantity"].as_f64().unwrap())).collect();
    assert_eq!(waits, [("HAT-GRN-U", 10.0), ("TEE-BLU-M", 10.0)], "the purchase waits for what did not come");

    // The rest comes with another shipment.
    let rest = received("ASN-2", "PO-1", &[("TEE-BLU-M", 10, 10, 0), ("HAT-GRN-U", 10, 10, 10)]);
    host.send(&rest).await;
    host.until(&event_id(&rest), State::Done).await;
    assert_eq!(tryton.held("TEE-BLU-M", "STOCK").await, 1095);
    assert_eq!(tryton.held("HAT-GRN-U", "DAMAGED").await, 10);
    let purchase = tryton.search("purchase.purchase", json!([["reference", "=", "PO-1"]]), &["shipment_state"]).await.remove(0);
    assert_eq!(purchase["shipment_state"], "received");
}

#[tokio::test]
#[ignore = "needs a real ERP: cargo xtask e2e"]
async fn a_return_with_a_damaged_and_an_unexpected_unit() {
    let tryton = Tryton::start().await;
    let host = tryton.host(tryton.port()).start().await;
    tryton.sale("WEB-1", &[("TEE-BLU-M", 3)]).await;
    let lines = [("TEE-BLU-M", 2, 2, 1), ("HAT-GRN-U", 0, 1, 0)];
    for callback in [returned("RMA-1", "WEB-1", &lines), returned("RMA-1", "WEB-1", &lines)] {
        host.send(&callback).await;
        host.until(&event_id(&callback), State::Done).await;
        confirmed(&host, &callback).await;
    }
    assert_eq!(tryton.held("TEE-BLU-M", "STOCK").await, 1001);
    assert_eq!(tryton.held("TEE-BLU-M", "DAMAGED").await, 1);
    assert_eq!(tryton.held("HAT-GRN-U", "STOCK").await, 1001);
    let receipts = tryton.search("stock.shipment.out.return", json!([["reference", "=", "RMA-1"]]), &["state", "customer.name"]).await;
    assert_eq!((receipts.len(), &receipts[0]["state"], &receipts[0]["customer"]["name"]), (1, &json!("done"), &json!("Ada Customer")));
}
