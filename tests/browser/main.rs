//! The dashboard in a real browser: what an operator does there, how it looks, and who can use it.
//!
//! `cargo xtask browser` installs Chromium, its driver and axe-core, and runs these tests. They need
//! `MORTAR_AXE`, the file of axe-core, and put pictures of every page into `target/screenshots`.

#![allow(clippy::unwrap_used, missing_docs)]

mod browser;
mod looks;
mod operator;

use mortar_core::delivery::State;
use mortar_simulator::erp::{Erp, ErpOptions, Handle};
use mortar_tests::{Host, Setup, fixtures};
use serde_json::Value;

/// A host with an ERP, a plugin that does, and one that refuses every event.
async fn host() -> (Host, Handle) {
    let erp = Erp::bind(ErpOptions { idempotency_header: Some("idempotency-key".into()), ..ErpOptions::default() }).await.unwrap();
    let (url, handle) = (erp.url(), erp.handle());
    tokio::spawn(erp.run(std::future::pending()));
    let settings = std::fs::read_to_string(mortar_tests::paths::root().join("plugins/rest/plugin.toml")).unwrap();
    let setup = Setup::new().connection("erp", &url, "").plugin("rest", "rest", &settings).misbehaving("reject", "");
    (setup.start().await, handle)
}

/// Has the sample happen, and waits until both plugins are through with it. Its id is the answer.
async fn happened(host: &Host, sample: &str) -> String {
    let callback: Value = fixtures::fresh(sample);
    host.send(&callback).await;
    let event = format!("{}:0", callback["message_id"].as_str().unwrap());
    let over = |state: State| !state.is_open();
    host.when(&event, |story| story.deliveries.len() == 2 && story.deliveries.iter().all(|delivery| over(delivery.delivery.state))).await;
    event
}
