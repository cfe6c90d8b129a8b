//! Integration tests: the real binary, real plugins, real sockets. One file per behaviour.

#![allow(clippy::unwrap_used, missing_docs)]

mod admin;
mod alerts;
mod authors;
mod backup;
mod bad_bodies;
mod bad_plugins;
mod check;
mod commands;
mod conformance;
mod contract;
mod dashboard;
mod dedupe;
mod demo;
mod deploy;
mod disk;
mod divergence;
mod edge;
mod erp_faults;
mod gate;
mod hello;
mod in_doubt;
mod layout;
mod mail;
mod metrics;
mod mutants;
mod order;
mod plugin_test;
mod poll;
mod promises;
mod reload;
mod replay;
mod rest_plugin;
mod restart;
mod retry;
mod round_trip;
mod secrets;
mod shadow;
mod sources;
mod swap;
mod tls;
mod tokens;
mod traces;
mod validate;
mod walls;

use mortar_simulator::erp::{Erp, ErpOptions, Handle};

/// Retries without waiting, a few of them.
const QUICK: &str = "[delivery.retry]\nfirst_delay = \"10ms\"\nlongest_delay = \"50ms\"\nattempts = 5\n";

/// The ERP is read back without waiting; goes on with the table that the settings of `rest` end with.
const AT_ONCE: &str = "\nafter = \"0s\"\n[round_trip.retry]\nfirst_delay = \"50ms\"\nlongest_delay = \"50ms\"\n";

/// An ERP on this machine; it lives as long as the test.
async fn erp(idempotency_header: Option<&str>) -> (String, Handle) {
    let options = ErpOptions { idempotency_header: idempotency_header.map(Into::into), ..ErpOptions::default() };
    let erp = Erp::bind(options).await.unwrap();
    let (url, handle) = (erp.url(), erp.handle());
    tokio::spawn(erp.run(std::future::pending()));
    (url, handle)
}

/// The settings of the plugin `rest` as it is shipped.
fn rest_settings() -> String {
    std::fs::read_to_string(mortar_tests::paths::root().join("plugins/rest/plugin.toml")).unwrap()
}
