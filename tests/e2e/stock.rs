//! Absolute counts.

use mortar_core::delivery::State;
use mortar_tests::fixtures::event_id;
use mortar_tests::tryton::Tryton;
use serde_json::json;

use super::audit::confirmed;
use super::callbacks::counted;

#[tokio::test]
#[ignore = "needs a real ERP: cargo xtask e2e"]
async fn each_place_holds_what_was_last_counted_and_only_what_differs_is_written() {
    let tryton = Tryton::start().await;
    let host = tryton.host(tryton.port()).start().await;
    let inventories = || async { tryton.search("stock.inventory", json!([["state", "=", "done"]]), &[]).await.len() };
    let before = inventories().await;

    let first = counted("TEE-BLU-M", &[("available", 200), ("allocated", 100), ("damaged", 5), ("expected", 40)], 10);
    host.send(&first).await;
    host.until(&event_id(&first), State::Done).await;
    assert_eq!((tryton.held("TEE-BLU-M", "STOCK").await, tryton.held("TEE-BLU-M", "DAMAGED").await), (300, 5));
    assert_eq!(inventories().await, before + 2);

    confirmed(&host, &first).await;

    // One of two places differs, then none.
    let second = counted("TEE-BLU-M", &[("available", 290), ("allocated", 10), ("damaged", 6)], 20);
    host.send(&second).await;
    host.until(&event_id(&second), State::Done).await;
    assert_eq!((tryton.held("TEE-BLU-M", "STOCK").await, tryton.held("TEE-BLU-M", "DAMAGED").await), (300, 6));
    assert_eq!(inventories().await, before + 3);
    let same = counted("TEE-BLU-M", &[("available", 300), ("damaged", 6)], 30);
    host.send(&same).await;
    host.until(&event_id(&same), State::Done).await;
    assert_eq!(inventories().await, before + 3);

    let old = counted("TEE-BLU-M", &[("available", 1), ("damaged", 1)], 5);
    host.send(&old).await;
    host.until(&event_id(&old), State::Superseded).await;
    assert_eq!((tryton.held("TEE-BLU-M", "STOCK").await, tryton.held("TEE-BLU-M", "DAMAGED").await), (300, 6));
    assert_eq!(tryton.search("stock.inventory", json!([["state", "=", "draft"]]), &[]).await.len(), 0);

    let unknown = counted("NO-SUCH-SKU", &[("available", 1)], 5);
    host.send(&unknown).await;
    let story = host.until(&event_id(&unknown), State::Dead).await;
    assert!(story.deliveries[0].delivery.reason.clone().unwrap().contains("no product with the code NO-SUCH-SKU"));
}
