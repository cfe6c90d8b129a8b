//! What was sent against what is in Vendure.

use futures::future::join_all;
use mortar_core::round_trip::RoundTripState;
use mortar_tests::Host;
use mortar_tests::vendure::Vendure;
use serde_json::{Value, json};

use crate::audit::{report, round_trip_of};

/// Whether each tracking number of an order is in Vendure exactly once, on a fulfilment of that order
/// that has left, and whether the host has found the same when it read Vendure back.
pub(crate) async fn arrived(vendure: &Vendure, host: &Host, test: &str, order: &str, tracking: &[&str], callbacks: &[&Value]) {
    let trips = join_all(callbacks.iter().map(|callback| round_trip_of(host, callback, "vendure"))).await;
    let confirmed = trips.iter().filter(|trip| trip.state == RoundTripState::Confirmed).count();
    let document = "{ orders { items { code fulfillments { state trackingCode } } } }";
    let orders = vendure.admin(document, json!({})).await["orders"]["items"].take();
    let mut found = Vec::new();
    for known in orders.as_array().unwrap() {
        let live = known["fulfillments"].as_array().unwrap().iter().filter(|f| f["state"] != "Cancelled");
        found.extend(live.map(|f| (known["code"].clone(), f["trackingCode"].clone(), f["state"].clone())));
    }
    let times = |number: &&&str| found.iter().filter(|(_, tracking, _)| tracking == **number).count();
    let doubled = tracking.iter().filter(|number| times(number) > 1).count();
    let missing = tracking.iter().filter(|number| times(number) == 0).count();
    report(&json!({
        "test": format!("shop: {test}"), "orders": 1, "parcels": tracking.len(), "sent": tracking.len(),
        "found": tracking.len() - missing, "doubled": doubled, "missing": missing, "mails": 0, "confirmed": confirmed,
    }));
    assert_eq!((doubled, missing), (0, 0), "{found:?}");
    assert_eq!(confirmed, callbacks.len(), "{trips:#?}");
    for number in tracking {
        let (code, _, state) = found.iter().find(|(_, tracking, _)| tracking == number).unwrap();
        assert_eq!(code, order, "{number}");
        assert!(state == "Shipped" || state == "Delivered", "{number}: {state}");
    }
}
