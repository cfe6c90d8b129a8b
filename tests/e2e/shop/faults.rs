//! The shop, its log-in and the host fail in the middle of a delivery.

use futures::future::join_all;
use mortar_core::delivery::State;
use mortar_core::story::EventStory;
use mortar_tests::Host;
use mortar_tests::fixtures::event_id;
use mortar_tests::proxy::{At, Proxy, Stopped};
use mortar_tests::vendure::Vendure;
use serde_json::Value;

use super::audit::arrived;
use crate::callbacks::fulfilled;

/// A delivery of two parcels that has come to its third write, which makes the second fulfilment.
struct Halfway {
    host: Host,
    order: String,
    callback: Value,
    write: Stopped,
    proxy: Proxy,
}

fn parcels(order: &str) -> Value {
    let second: &[_] = &[("TEE-BLU-M", 1), ("PANT-NVY-L", 1)];
    fulfilled(order, &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 2)]), ("shp_2", "9402", "USPS", second)], &[])
}

async fn halfway(vendure: &Vendure, at: At) -> Halfway {
    let proxy = Proxy::before(vendure.port()).await;
    let host = vendure.host(proxy.port()).start().await;
    let order = vendure.order(&[("TEE-BLU-M", 3), ("PANT-NVY-L", 1)]).await;
    let callback = parcels(&order);
    let mut write = proxy.stop("POST", "/admin-api", At::Answer);
    host.send(&callback).await;
    for at in [At::Answer, at] {
        write.reached().await;
        let next = proxy.stop("POST", "/admin-api", at);
        std::mem::replace(&mut write, next).release();
    }
    write.reached().await;
    Halfway { host, order, callback, write, proxy }
}

/// What has to hold however it came about.
async fn all_is_well(vendure: &Vendure, test: &str, host: &Host, order: &str, callback: &Value) -> EventStory {
    let story = host.until(&event_id(callback), State::Done).await;
    arrived(vendure, host, test, order, &["1Z01", "9402"], &[callback]).await;
    assert_eq!(vendure.find(order).await["state"], "Shipped");
    assert_eq!(vendure.held("TEE-BLU-M", "Default Stock Location").await, 997);
    let shown = host.mortar(&["event", "show", &event_id(callback)]).await;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("fulfil shp_2"), "{shown}");
    story
}

#[tokio::test]
#[ignore = "needs a real shop: cargo xtask e2e"]
async fn its_sessions_are_ended_between_two_steps() {
    let vendure = Vendure::start().await;
    let Halfway { host, order, callback, write, .. } = halfway(&vendure, At::Request).await;
    vendure.end_sessions().await;
    write.release();
    let story = all_is_well(&vendure, "log-in ended", &host, &order, &callback).await;
    assert_eq!(story.deliveries[0].attempts.len(), 1, "the host logs in again, and the plugin sees nothing of it");
}

#[tokio::test]
#[ignore = "needs a real shop: cargo xtask e2e"]
async fn its_server_is_killed_between_two_steps() {
    let mut vendure = Vendure::start().await;
    let Halfway { host, order, callback, write, .. } = halfway(&vendure, At::Request).await;
    vendure.kill().await;
    write.release();
    host.when(&event_id(&callback), |s| s.deliveries[0].attempts.len() > 1).await;
    vendure.start_again().await;
    all_is_well(&vendure, "shop killed", &host, &order, &callback).await;
}

#[tokio::test]
#[ignore = "needs a real shop: cargo xtask e2e"]
async fn the_host_is_killed_and_never_learns_what_became_of_a_write() {
    let vendure = Vendure::start().await;
    let Halfway { mut host, order, callback, write, .. } = halfway(&vendure, At::Answer).await;
    host.kill().await;
    drop(write);
    host.restart().await;
    all_is_well(&vendure, "host killed in a write", &host, &order, &callback).await;
}

#[tokio::test]
#[ignore = "needs a real shop: cargo xtask e2e"]
async fn an_answer_is_lost_after_the_write() {
    let vendure = Vendure::start().await;
    let Halfway { host, order, callback, write, proxy } = halfway(&vendure, At::Answer).await;
    // The next one, which says that the parcel has left, is lost too.
    let mut left = proxy.stop("POST", "/admin-api", At::Answer);
    drop(write);
    left.reached().await;
    drop(left);
    all_is_well(&vendure, "answer lost after the write", &host, &order, &callback).await;
}

#[tokio::test]
#[ignore = "needs a real shop: cargo xtask e2e"]
async fn an_answer_is_lost_and_nothing_was_written() {
    let vendure = Vendure::start().await;
    let Halfway { host, order, callback, write, .. } = halfway(&vendure, At::Request).await;
    drop(write);
    let story = all_is_well(&vendure, "request lost", &host, &order, &callback).await;
    let mut settled = story.deliveries[0].attempts.iter().flat_map(|a| &a.trace);
    assert!(settled.any(|t| t.step == "fulfil shp_2" && t.result == "settled: resend"), "{story:#?}");
}

#[tokio::test]
#[ignore = "needs a real shop: cargo xtask e2e"]
async fn four_callbacks_at_once() {
    let vendure = Vendure::start().await;
    let host = vendure.host(vendure.port()).start().await;
    let order = vendure.order(&[("TEE-BLU-M", 3), ("PANT-NVY-L", 1)]).await;
    let callback = parcels(&order);
    let answers = join_all((0..4).map(|_| host.send(&callback))).await;
    let duplicates: u64 = answers.iter().map(|answer| answer.json()["duplicates"].as_u64().unwrap()).sum();
    assert_eq!(duplicates, 3);
    // The same said four times by four messages.
    let others: Vec<_> = (0..4).map(|_| parcels(&order)).collect();
    join_all(others.iter().map(|other| host.send(other))).await;
    for other in &others {
        host.until(&event_id(other), State::Done).await;
    }
    all_is_well(&vendure, "four at once", &host, &order, &callback).await;
}
