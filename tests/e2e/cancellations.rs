//! Cancellations, and decisions on requested changes.

use mortar_core::delivery::State;
use mortar_tests::fixtures::event_id;
use mortar_tests::tryton::Tryton;
use serde_json::json;

use super::audit::arrived;
use super::callbacks::{cancelled, fulfilled, resolved};

#[tokio::test]
#[ignore = "needs a real ERP: cargo xtask e2e"]
async fn what_has_not_left_is_cancelled_and_a_refusal_is_noted() {
    let tryton = Tryton::start().await;
    let host = tryton.host(tryton.port()).start().await;
    tryton.sale("WEB-1", &[("TEE-BLU-M", 3)]).await;
    tryton.sale("WEB-2", &[("TEE-BLU-M", 3)]).await;
    tryton.quotation("WEB-3", &[("TEE-BLU-M", 3)]).await;
    let sale = tryton.sale("WEB-4", &[("TEE-BLU-M", 3)]).await;
    let part = fulfilled("WEB-2", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 1)])], &[]);
    let done = [
        cancelled("WEB-1"),
        part,
        resolved("order.cancel_resolved", "WEB-2", None),
        cancelled("WEB-3"),
        resolved("order.cancel_resolved", "WEB-4", Some("Order already packed")),
        resolved("order.cancel_resolved", "WEB-4", Some("Order already packed")),
        resolved("order.update_resolved", "WEB-4", None),
        cancelled("WEB-1"),
        cancelled("WEB-3"),
    ];
    for callback in &done {
        host.send(callback).await;
        host.until(&event_id(callback), State::Done).await;
    }
    let state = |order: &'static str| {
        let tryton = &tryton;
        async move {
            let fields = ["state", "shipment_state", "shipments.state"];
            let sale = tryton.search("sale.sale", json!([["reference", "=", order]]), &fields).await.remove(0);
            let mut shipments: Vec<_> =
                sale["shipments"].as_array().unwrap().iter().map(|s| s["state"].as_str().unwrap().to_owned()).collect();
            shipments.sort();
            (sale["state"].as_str().unwrap().to_owned(), sale["shipment_state"].as_str().unwrap().to_owned(), shipments.join(" "))
        }
    };
    let expected = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    assert_eq!(state("WEB-1").await, expected("processing", "none", "cancelled"));
    assert_eq!(state("WEB-2").await, expected("processing", "sent", "cancelled done"));
    assert_eq!(state("WEB-3").await, expected("cancelled", "none", ""));
    assert_eq!(state("WEB-4").await, expected("processing", "waiting", "waiting"));
    let notes = tryton.search("ir.note", json!([["resource", "=", format!("sale.sale,{sale}")]]), &["message"]).await;
    let mut notes: Vec<_> = notes.iter().map(|note| note["message"].as_str().unwrap()).collect();
    notes.sort_unstable();
    assert_eq!(
        notes,
        [
            "MasonHub made the requested change of 2026-01-05T15:00:00Z",
            "MasonHub refused the requested cancellation of 2026-01-05T15:00:00Z: Order already packed",
        ]
    );
    arrived(&tryton, &host, "cancelled in part", "WEB-2", &["1Z01"], &[&done[1]]).await;
    assert_eq!(tryton.held("TEE-BLU-M", "STOCK").await, 999);
}
