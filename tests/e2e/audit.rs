//! What was sent against what is in the ERP.

use std::io::Write;

use futures::future::join_all;
use mortar_core::round_trip::RoundTripState;
use mortar_core::story::{EventStory, RoundTrip};
use mortar_tests::Host;
use mortar_tests::fixtures::event_id;
use mortar_tests::tryton::Tryton;
use serde_json::{Value, json};

/// Whether each tracking number of an order is in Tryton exactly once, on a shipment of that order
/// which is done, whether the customer has been told of it exactly once, and whether the host has found
/// the same when it read the ERP back. What is found is also written to the file of the results, if
/// there is one.
pub(crate) async fn arrived(tryton: &Tryton, host: &Host, test: &str, order: &str, tracking: &[&str], callbacks: &[&Value]) {
    let trips = join_all(callbacks.iter().map(|callback| round_trip(host, callback))).await;
    let confirmed = trips.iter().filter(|trip| trip.state == RoundTripState::Confirmed).count();
    let found = tryton.search("stock.package", json!([["shipping_reference", "in", tracking]]), &["shipping_reference", "shipment"]).await;
    let times = |number: &&&str| found.iter().filter(|package| package["shipping_reference"] == **number).count();
    let doubled = tracking.iter().filter(|number| times(number) > 1).count();
    let missing = tracking.iter().filter(|number| times(number) == 0).count();
    let mails = tryton.mails();
    let about = |number: &str| -> Vec<&String> {
        mails.iter().filter(|mail| mail.lines().any(|line| line == format!("Tracking number: {number}"))).collect()
    };
    let told: usize = tracking.iter().map(|number| about(number).len()).sum();
    report(&json!({
        "test": test, "orders": 1, "parcels": tracking.len(), "sent": tracking.len(),
        "found": tracking.len() - missing, "doubled": doubled, "missing": missing, "mails": told, "confirmed": confirmed,
    }));
    assert_eq!((doubled, missing), (0, 0), "{found:?}");
    assert_eq!(confirmed, callbacks.len(), "{trips:#?}");
    let fields = ["shipments.state", "shipments.packages.shipping_reference"];
    let sale = tryton.search("sale.sale", json!([["reference", "=", order]]), &fields).await.remove(0);
    for number in tracking {
        let holds = |shipment: &&Value| shipment["packages"].as_array().unwrap().iter().any(|p| p["shipping_reference"] == *number);
        let shipment = sale["shipments"].as_array().unwrap().iter().find(holds).unwrap_or_else(|| panic!("{number} is not of {order}"));
        assert_eq!(shipment["state"], "done", "{number}");
        let told = about(number);
        assert_eq!(told.len(), 1, "mails about {number}: {told:#?}");
        assert!(told[0].contains("To: Ada Customer <ada@example.com>"), "{}", told[0]);
    }
}

/// Whether the host has found in the ERP what this callback said.
pub(crate) async fn confirmed(host: &Host, callback: &Value) {
    let trip = round_trip(host, callback).await;
    assert_eq!(trip.state, RoundTripState::Confirmed, "{trip:?}");
}

/// What the host found when it read the ERP back.
async fn round_trip(host: &Host, callback: &Value) -> RoundTrip {
    round_trip_of(host, callback, "tryton").await
}

/// What one of several plugins found.
pub(crate) async fn round_trip_of(host: &Host, callback: &Value, plugin: &str) -> RoundTrip {
    let of = |story: &EventStory| story.deliveries.iter().find(|d| d.delivery.plugin == plugin).and_then(|d| d.round_trip.clone());
    let known = |story: &EventStory| of(story).is_some_and(|known| known.state != RoundTripState::Due);
    of(&host.when(&event_id(callback), known).await).unwrap()
}

/// Adds a line to the file of the results, if there is one.
pub(crate) fn report(line: &Value) {
    if let Some(file) = std::env::var_os("MORTAR_E2E_RESULTS") {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(file).unwrap();
        writeln!(file, "{line}").unwrap();
    }
}
