//! The ERP, its database and the host fail in the middle of a delivery.

use futures::future::join_all;
use mortar_core::delivery::State;
use mortar_core::story::{EventStory, Fate};
use mortar_tests::Host;
use mortar_tests::fixtures::event_id;
use mortar_tests::proxy::{At, Proxy, Stopped};
use mortar_tests::tryton::Tryton;
use serde_json::{Value, json};

use super::audit::arrived;
use super::callbacks::{counted, fulfilled, received, resolved, returned};

/// A delivery of two parcels, the second of which has come to a step.
struct Halfway {
    host: Host,
    callback: Value,
    step: Stopped,
    proxy: Proxy,
}

fn order() -> Value {
    let second: &[_] = &[("TEE-BLU-M", 1), ("PANT-NVY-L", 1)];
    fulfilled("WEB-1", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 2)]), ("shp_2", "9402", "USPS", second)], &[])
}

/// Lets the delivery go until the first parcel is in Tryton, and the second at this step.
async fn halfway(tryton: &Tryton, (method, path): (&'static str, &str), at: At) -> Halfway {
    halfway_with(tryton, "8s", (method, path), at).await
}

async fn halfway_with(tryton: &Tryton, timeout: &str, (method, path): (&'static str, &str), at: At) -> Halfway {
    let proxy = Proxy::before(tryton.port()).await;
    let host = tryton.patient_host(proxy.port(), timeout).start().await;
    tryton.sale("WEB-1", &[("TEE-BLU-M", 3), ("PANT-NVY-L", 1)]).await;
    let mut first = proxy.stop("POST", "/do", At::Answer);
    let callback = order();
    host.send(&callback).await;
    first.reached().await;
    let mut step = proxy.stop(method, path, at);
    first.release();
    step.reached().await;
    Halfway { host, callback, step, proxy }
}

/// Counts that come while something is out of order; the newest is neither first nor last.
async fn count_meanwhile(host: &Host) -> Vec<Value> {
    let counts = [(400, 10), (500, 30), (450, 20)];
    let counts: Vec<_> = counts.iter().map(|(units, second)| counted("TEE-BLU-M", &[("available", *units)], *second)).collect();
    for count in &counts {
        assert_eq!(host.send(count).await.status, 200);
    }
    counts
}

/// What has to hold however it came about.
async fn all_is_well(tryton: &Tryton, test: &str, host: &Host, callback: &Value, counts: &[Value]) -> EventStory {
    let story = host.until(&event_id(callback), State::Done).await;
    for count in counts {
        let over = |s: &EventStory| s.deliveries.iter().all(|d| matches!(d.delivery.state, State::Done | State::Superseded));
        host.when(&event_id(count), over).await;
    }
    arrived(tryton, host, test, "WEB-1", &["1Z01", "9402"], &[callback]).await;
    let left = if counts.is_empty() { 997 } else { 500 };
    assert_eq!((tryton.held("TEE-BLU-M", "STOCK").await, tryton.held("PANT-NVY-L", "STOCK").await), (left, 999));
    let shown = host.mortar(&["event", "show", &event_id(callback)]).await;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("do shp_2"), "{shown}");
    story
}

/// What makes the package and gives the shipment its number, after what claims the shipment.
const WRITE: (&str, &str) = ("PUT", "stock.shipment.out/2?");

/// What comes after the package.
const PACK: (&str, &str) = ("POST", "/pack?");

#[tokio::test]
#[ignore = "needs a real ERP: cargo xtask e2e"]
async fn the_key_is_cancelled_and_given_back() {
    let tryton = Tryton::start().await;
    let Halfway { host, callback, step, .. } = halfway(&tryton, PACK, At::Request).await;
    tryton.sql("update res_user_application set state = 'cancelled'").await;
    let counts = count_meanwhile(&host).await;
    step.release();
    let refused =
        |s: &EventStory| s.deliveries[0].attempts.iter().filter(|a| a.reason.as_deref().is_some_and(|r| r.contains("401"))).count() > 1;
    let story = host.when(&event_id(&callback), refused).await;
    assert!(story.deliveries[0].attempts[0].reason.clone().unwrap().contains("does not accept the key"));
    tryton.sql("update res_user_application set state = 'validated'").await;
    all_is_well(&tryton, "credential cancelled", &host, &callback, &counts).await;
}

#[tokio::test]
#[ignore = "needs a real ERP: cargo xtask e2e"]
async fn its_database_is_stopped_and_started() {
    let tryton = Tryton::start_alone().await;
    let Halfway { host, callback, step, .. } = halfway_with(&tryton, "45s", PACK, At::Request).await;
    tryton.stop_database().await;
    let counts = count_meanwhile(&host).await;
    step.release();
    let story = host.when(&event_id(&callback), |s| !s.deliveries[0].attempts.is_empty()).await;
    let reason = story.deliveries[0].attempts[0].reason.clone().unwrap();
    assert!(reason.contains("503"), "Tryton gives up after half a minute: {reason}");
    tryton.start_database().await;
    all_is_well(&tryton, "database stopped", &host, &callback, &counts).await;
}

#[tokio::test]
#[ignore = "needs a real ERP: cargo xtask e2e"]
async fn its_server_is_killed_between_two_steps() {
    let mut tryton = Tryton::start().await;
    let Halfway { host, callback, step, .. } = halfway(&tryton, PACK, At::Request).await;
    tryton.kill().await;
    let counts = count_meanwhile(&host).await;
    step.release();
    host.when(&event_id(&callback), |s| s.deliveries[0].attempts.len() > 1).await;
    tryton.start_again().await;
    all_is_well(&tryton, "ERP killed", &host, &callback, &counts).await;
}

#[tokio::test]
#[ignore = "needs a real ERP: cargo xtask e2e"]
async fn the_host_is_killed_between_two_steps() {
    let tryton = Tryton::start().await;
    let Halfway { mut host, callback, step, .. } = halfway(&tryton, PACK, At::Request).await;
    let counts = count_meanwhile(&host).await;
    host.kill().await;
    drop(step);
    host.restart().await;
    all_is_well(&tryton, "host killed", &host, &callback, &counts).await;
}

#[tokio::test]
#[ignore = "needs a real ERP: cargo xtask e2e"]
async fn the_host_is_killed_and_never_learns_what_became_of_a_write() {
    let tryton = Tryton::start().await;
    let mut halfway = halfway(&tryton, WRITE, At::Request).await;
    let (method, path) = WRITE;
    let mut package = halfway.proxy.stop(method, path, At::Answer);
    halfway.step.release();
    package.reached().await;
    let counts = count_meanwhile(&halfway.host).await;
    halfway.host.kill().await;
    drop(package);
    halfway.host.restart().await;
    all_is_well(&tryton, "host killed in a write", &halfway.host, &halfway.callback, &counts).await;
}

#[tokio::test]
#[ignore = "needs a real ERP: cargo xtask e2e"]
async fn an_answer_is_lost_after_the_write() {
    let tryton = Tryton::start().await;
    let halfway = halfway(&tryton, WRITE, At::Request).await;
    let (method, path) = WRITE;
    let mut package = halfway.proxy.stop(method, path, At::Answer);
    halfway.step.release();
    package.reached().await;
    let mut ship = halfway.proxy.stop("POST", "/do?", At::Answer);
    drop(package);
    ship.reached().await;
    let counts = count_meanwhile(&halfway.host).await;
    drop(ship);
    all_is_well(&tryton, "answer lost after the write", &halfway.host, &halfway.callback, &counts).await;
}

#[tokio::test]
#[ignore = "needs a real ERP: cargo xtask e2e"]
async fn an_answer_is_lost_and_nothing_was_written() {
    let tryton = Tryton::start().await;
    let halfway = halfway(&tryton, WRITE, At::Request).await;
    let (method, path) = WRITE;
    let mut package = halfway.proxy.stop(method, path, At::Request);
    halfway.step.release();
    package.reached().await;
    let counts = count_meanwhile(&halfway.host).await;
    drop(package);
    let story = all_is_well(&tryton, "request lost", &halfway.host, &halfway.callback, &counts).await;
    let settled =
        story.deliveries[0].attempts.iter().flat_map(|a| &a.trace).any(|t| t.step == "package shp_2" && t.result == "settled: resend");
    assert!(settled, "the plugin looked, and had it sent again: {story:#?}");
    let package = story.deliveries[0].calls.iter().find(|call| call.step == "package shp_2").unwrap();
    assert!(matches!(package.fate, Fate::Answered { .. }), "{package:?}");
}

#[tokio::test]
#[ignore = "needs a real ERP: cargo xtask e2e"]
async fn four_callbacks_at_once() {
    let tryton = Tryton::start().await;
    let host = tryton.host(tryton.port()).start().await;
    tryton.sale("WEB-1", &[("TEE-BLU-M", 3), ("PANT-NVY-L", 1)]).await;
    let callback = order();
    let answers = join_all((0..4).map(|_| host.send(&callback))).await;
    let duplicates: u64 = answers.iter().map(|answer| answer.json()["duplicates"].as_u64().unwrap()).sum();
    assert_eq!(duplicates, 3);
    // The same said four times by four messages.
    let others: Vec<_> = (0..4).map(|_| order()).collect();
    join_all(others.iter().map(|other| host.send(other))).await;
    for other in &others {
        host.until(&event_id(other), State::Done).await;
    }
    let count = counted("TEE-BLU-M", &[("available", 997)], 10);
    host.send(&count).await;
    host.until(&event_id(&count), State::Done).await;
    all_is_well(&tryton, "four at once", &host, &callback, &[]).await;
}

#[tokio::test]
#[ignore = "needs a real ERP: cargo xtask e2e"]
async fn eight_orders_of_one_sku_at_once() {
    let tryton = Tryton::start().await;
    let host = tryton.host(tryton.port()).start().await;
    let orders: Vec<_> = (0..8).map(|number| (format!("WEB-{number}"), format!("shp_{number}"), format!("1Z{number}"))).collect();
    for (order, _, _) in &orders {
        tryton.sale(order, &[("TEE-BLU-M", 2)]).await;
    }
    let callback =
        |(order, name, tracking): &(String, String, String)| fulfilled(order, &[(name, tracking, "UPS", &[("TEE-BLU-M", 2)])], &[]);
    let callbacks: Vec<_> = orders.iter().map(callback).collect();
    join_all(callbacks.iter().map(|callback| host.send(callback))).await;
    for (callback, (order, _, tracking)) in callbacks.iter().zip(&orders) {
        host.until(&event_id(callback), State::Done).await;
        arrived(&tryton, &host, "eight orders at once", order, &[tracking], &[callback]).await;
    }
    assert_eq!(tryton.held("TEE-BLU-M", "STOCK").await, 984);
}

#[tokio::test]
#[ignore = "needs a real ERP: cargo xtask e2e"]
async fn what_makes_a_record_makes_one_though_its_answer_is_lost() {
    let tryton = Tryton::start().await;
    let proxy = Proxy::before(tryton.port()).await;
    let host = tryton.host(proxy.port()).start().await;
    tryton.sale("WEB-1", &[("TEE-BLU-M", 2)]).await;
    tryton.purchase("PO-1", &[("HAT-GRN-U", 5)]).await;
    let cases = [
        (received("ASN-1", "PO-1", &[("HAT-GRN-U", 5, 5, 1)]), "/stock.shipment.in?", "stock.shipment.in"),
        (returned("RMA-1", "WEB-1", &[("SOCK-RED-S", 1, 1, 0)]), "/stock.shipment.out.return?", "stock.shipment.out.return"),
        (resolved("order.update_resolved", "WEB-1", Some("too late")), "/ir.note?", "ir.note"),
        (counted("PANT-NVY-L", &[("available", 7)], 10), "/stock.inventory?", "stock.inventory"),
    ];
    for at in [At::Request, At::Answer] {
        let tryton = &tryton;
        let count = |model: &'static str| async move { tryton.search(model, json!([]), &[]).await.len() };
        let before = join_all(cases.iter().map(|(_, _, model)| count(model))).await;
        // The second time each of them is about something else.
        let again = [
            received("ASN-2", "PO-1", &[("HAT-GRN-U", 0, 5, 0)]),
            returned("RMA-2", "WEB-1", &[("SOCK-RED-S", 1, 1, 0)]),
            resolved("order.cancel_resolved", "WEB-1", Some("too late")),
            counted("PANT-NVY-L", &[("available", 8)], 20),
        ];
        let callbacks: Vec<_> = if at == At::Request { cases.iter().map(|(c, _, _)| c.clone()).collect() } else { again.to_vec() };
        let stops: Vec<_> = cases.iter().map(|(_, path, _)| proxy.stop("POST", path, at)).collect();
        join_all(callbacks.iter().map(|callback| host.send(callback))).await;
        for mut stop in stops {
            stop.reached().await;
            drop(stop);
        }
        for callback in &callbacks {
            host.until(&event_id(callback), State::Done).await;
        }
        let after = join_all(cases.iter().map(|(_, _, model)| count(model))).await;
        let made: Vec<_> = after.iter().zip(&before).map(|(after, before)| after - before).collect();
        assert_eq!(made, [1, 1, 1, 1], "{at:?}");
    }
    assert_eq!((tryton.held("HAT-GRN-U", "STOCK").await, tryton.held("HAT-GRN-U", "DAMAGED").await), (1009, 1));
    assert_eq!((tryton.held("SOCK-RED-S", "STOCK").await, tryton.held("PANT-NVY-L", "STOCK").await), (1002, 8));
}
