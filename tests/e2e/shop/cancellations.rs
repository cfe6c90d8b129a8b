//! Cancellations, decisions on requested changes, returns.

use mortar_core::delivery::State;
use mortar_tests::fixtures::event_id;
use mortar_tests::vendure::Vendure;

use super::audit::arrived;
use crate::callbacks::{cancelled, fulfilled, resolved, returned};

#[tokio::test]
#[ignore = "needs a real shop: cargo xtask e2e"]
async fn what_has_not_left_is_cancelled_and_what_has_no_place_is_noted() {
    let vendure = Vendure::start().await;
    let host = vendure.host(vendure.port()).start().await;
    let whole = vendure.order(&[("TEE-BLU-M", 3), ("HAT-GRN-U", 1)]).await;
    let part = vendure.order(&[("TEE-BLU-M", 3)]).await;
    let kept = vendure.order(&[("TEE-BLU-M", 3)]).await;
    let parcel = fulfilled(&part, &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 1)])], &[]);
    let refused = || resolved("order.cancel_resolved", &kept, Some("Order already packed"));
    let done = [
        cancelled(&whole),
        parcel.clone(),
        resolved("order.cancel_resolved", &part, None),
        refused(),
        refused(),
        resolved("order.update_resolved", &kept, None),
        cancelled(&whole),
        returned("RMA-1", &kept, &[("TEE-BLU-M", 2, 2, 1)]),
    ];
    for callback in &done {
        host.send(callback).await;
        host.until(&event_id(callback), State::Done).await;
    }
    assert_eq!(vendure.find(&whole).await["state"], "Cancelled");
    let found = vendure.find(&part).await;
    assert_eq!((&found["state"], &found["lines"][0]["quantity"]), (&"Shipped".into(), &1.into()));
    arrived(&vendure, &host, "cancelled in part", &part, &["1Z01"], &[&parcel]).await;
    let found = vendure.find(&kept).await;
    assert_eq!(found["state"], "PaymentSettled");
    let notes = found["history"]["items"].as_array().unwrap();
    assert!(notes.iter().all(|note| note["isPublic"] == false));
    let mut notes: Vec<_> = notes.iter().map(|note| note["data"]["note"].as_str().unwrap()).collect();
    notes.sort_unstable();
    assert_eq!(
        notes,
        [
            "MasonHub made the requested change of 2026-01-05T15:00:00Z",
            "MasonHub received return RMA-1: 2 TEE-BLU-M (1 damaged)",
            "MasonHub refused the requested cancellation of 2026-01-05T15:00:00Z: Order already packed",
        ]
    );
}
