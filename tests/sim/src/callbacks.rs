//! What MasonHub sends: orders on their way and counts of SKUs, some of it twice, late or in
//! another order than it happened.

use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use mortar_core::ports::Clock;
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::clock::SimClock;

/// How long it takes until the last callback is sent for the first time.
pub const SENDING: Duration = Duration::from_secs(20 * 60);

/// MasonHub's waits after a callback that was not answered with 200; the last one repeats.
pub const SCHEDULE: [Duration; 4] = [minutes(1), minutes(5), minutes(15), minutes(60)];

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

/// A callback that MasonHub will send.
#[derive(Clone, Debug)]
pub struct Planned {
    /// When, from the beginning.
    pub at: Duration,
    /// Its body.
    pub body: Bytes,
}

/// All callbacks of a world.
#[must_use]
pub fn plan(chance: &Chance, clock: &SimClock) -> Vec<Planned> {
    let mut planned = Vec::new();
    let began = clock.now();
    for order in 0..2 + chance.below(4) {
        let mut at = chance.up_to(SENDING / 2);
        let statuses = ["open", "packed", "fulfilled", "fulfilled", "tendered"];
        let happened = chance.below(statuses.len() as u64 + 1);
        for (index, status) in (0..happened).zip(statuses) {
            at += chance.up_to(Duration::from_secs(60));
            let parcels = if status == "fulfilled" { vec![index, index + 10] } else { Vec::new() };
            let record = self::order(order, status, after(began, at), &parcels);
            planned.push(Planned { at, body: envelope("orderEvent", planned.len(), vec![record]) });
        }
    }
    for sku in 0..1 + chance.below(3) {
        let mut at = chance.up_to(SENDING / 2);
        for count in 0..1 + chance.below(5) {
            // Now and then two counts are of the same time.
            at += Duration::from_secs(chance.below(3) * 15);
            let mut records = vec![stock(sku, count, after(began, at))];
            if chance.hits(0.2) {
                records.push(stock(sku + 1, count + 50, after(began, at)));
            }
            planned.push(Planned { at, body: envelope("skuInventoryChange", planned.len(), records) });
        }
    }
    for index in 0..planned.len() {
        if chance.hits(0.3) {
            planned[index].at += chance.up_to(Duration::from_secs(120));
        }
        if chance.hits(0.2) {
            let again = Planned { at: planned[index].at + chance.up_to(SENDING / 4), ..planned[index].clone() };
            planned.push(again);
        }
    }
    planned
}

fn after(began: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| began.checked_add(by).ok()).unwrap_or(began)
}

fn envelope(message_type: &str, number: usize, data: Vec<Value>) -> Bytes {
    json!({"message_type": message_type, "message_id": format!("m{number}"), "data": data}).to_string().into()
}

fn order(number: u64, status: &str, at: Timestamp, parcels: &[u64]) -> Value {
    let parcel = |index: &u64| {
        json!({
            "shipment_id": format!("shp_{number}_{index}"), "tracking_number": format!("1Z{number}{index}"), "shipping_provider": "UPS",
            "shipment_line_items": [{"sku_customer_id": "TEE", "quantity": 1}],
        })
    };
    json!({
        "order_id": format!("mh-{number}"), "customer_identifier": format!("SO-{number}"), "status": status, "updated_at": at.to_string(),
        "line_items": [{"sku_customer_id": "TEE", "quantity": 2}], "shipments": parcels.iter().map(parcel).collect::<Vec<_>>(),
    })
}

fn stock(sku: u64, total: u64, at: Timestamp) -> Value {
    json!({"sku_id": format!("mh-{sku}"), "customer_identifier": format!("SKU-{sku}"), "total_units": total, "as_of": at.to_string()})
}
