//! Plugins of several versions of the contract run side by side.

use mortar_core::delivery::State;
use mortar_tests::{Setup, fixtures};

use super::erp;

#[tokio::test]
async fn a_plugin_of_the_first_version_and_one_of_the_second_run_side_by_side() {
    let (url, handle) = erp(None).await;
    let frozen = std::fs::read(mortar_tests::paths::root().join("tests/fixtures/contract-0.1.wasm")).unwrap();
    let grants = "connections = [\"erp\"]\n[grants.erp]\npaths = [\"/orders\", \"/orders/*\"]\n[config]\nbehaviour = \"grants\"\n";
    let host = Setup::new()
        .connection("erp", &url, "")
        .file("plugins/frozen/plugin.wasm", frozen)
        .file("plugins/frozen/plugin.toml", "connections = [\"erp\"]\n")
        .plugin("newer", "misbehave", grants)
        .start()
        .await;
    let types = ["order.created", "order.cancel_resolved", "inbound_shipment.received", "inventory.updated", "return.received"];
    for event_type in types {
        let callback = fixtures::fresh(event_type);
        host.send(&callback).await;
        let story = host.until(&fixtures::event_id(&callback), State::Done).await;
        assert_eq!(story.deliveries.len(), 2, "{event_type}");
        let newer = story.deliveries.iter().find(|d| d.delivery.plugin == "newer").unwrap();
        assert_eq!(newer.attempts[0].log[1].message, "grants: true false false");
    }
    assert_eq!(handle.ledger().applied("POST", "/orders"), 2 * types.len());
    let imports = async |name: &str| host.plugin(name).await["provenance"]["imports"].to_string();
    assert_eq!(imports("frozen").await, "[\"mortar:events@0.1.0\",\"mortar:plugin@0.1.0\"]");
    assert!(imports("newer").await.contains("mortar:plugin@0.1.0\",\"mortar:plugin@0.2.0"));
}

#[tokio::test]
async fn a_plugin_of_a_version_that_nobody_knows_is_told_both() {
    let (url, _) = erp(None).await;
    let host = Setup::new().connection("erp", &url, "").misbehaving("ok", "").start().await;
    let text = "(component (import \"mortar:plugin/log@0.9.0\" (instance (export \"log\" (func)))))";
    host.replace("plugins/future.wasm", wat::parse_str(text).unwrap());
    let words = "it was built against mortar:plugin 0.9.0, and this host serves 0.1.0 and 0.2.0";
    host.when_plugin("future", |plugin| plugin["problems"].to_string().contains(words)).await;
    let callback = fixtures::about("order.created", "SO-1");
    host.send(&callback).await;
    host.until(&fixtures::event_id(&callback), State::Done).await;
}
