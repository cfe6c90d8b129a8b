//! The round trip: what the event said, read back from Tryton.

use mortar_sdk::round_trip::{Confirmation, Mismatch};
use mortar_sdk::{Delivery, Failure, json};
use serde::Deserialize;

use crate::erp::Erp;
use crate::map::payload::Record;
use crate::map::query::Query;
use crate::stock::compare;

#[derive(Debug, Deserialize)]
struct Found {
    shipping_reference: Option<String>,
    shipment: Option<String>,
}

#[derive(Debug, Deserialize)]
struct State {
    id: i64,
    state: String,
}

/// Compares what Tryton holds with what the event said.
pub(crate) fn confirm(erp: &Erp<'_>, delivery: &Delivery) -> Result<Confirmation, Failure> {
    let record: Record =
        serde_json::from_str(&delivery.payload).map_err(|error| Failure::reject(format!("the record cannot be read: {error}")))?;
    match delivery.event_type.as_str() {
        "order.fulfilled" | "order.partially_shipped" | "order.shipped" => parcels(erp, &record),
        "inventory.updated" => counts(erp, &record),
        "inbound_shipment.received" => receipt(erp, "stock.shipment.in", &record),
        "return.received" => receipt(erp, "stock.shipment.out.return", &record),
        _ => Ok(Confirmation::NotApplicable),
    }
}

/// Each tracking number is on one package, whose shipment is done.
fn parcels(erp: &Erp<'_>, record: &Record) -> Result<Confirmation, Failure> {
    let wanted = record.tracking_numbers();
    if wanted.is_empty() {
        return Ok(Confirmation::NotApplicable);
    }
    let domain = json!([["shipping_reference", "in", wanted]]);
    let fields = &["shipping_reference", "shipment"];
    let packages: Vec<Found> = erp.search("packages", &Query { model: "stock.package", domain, fields, locations: &[] })?;
    let ids: Vec<i64> =
        packages.iter().filter_map(|package| package.shipment.as_deref()?.strip_prefix("stock.shipment.out,")?.parse().ok()).collect();
    let query = Query { model: "stock.shipment.out", domain: json!([["id", "in", ids]]), fields: &["state"], locations: &[] };
    let shipments: Vec<State> = erp.search("shipments", &query)?;
    let describe = |tracking: &&str| {
        let on: Vec<_> = packages.iter().filter(|package| package.shipping_reference.as_deref() == Some(*tracking)).collect();
        match on.as_slice() {
            [] => format!("{tracking} nowhere"),
            [package] => {
                let state = shipments.iter().find(|s| package.shipment == Some(format!("stock.shipment.out,{}", s.id)));
                format!("{tracking} once, {}", state.map_or("on no shipment", |s| &s.state))
            }
            several => format!("{tracking} {} times", several.len()),
        }
    };
    let expected = list(wanted.iter().map(|tracking| format!("{tracking} once, done")));
    Ok(verdict(expected, list(wanted.iter().map(describe))))
}

/// Each place holds what was counted.
fn counts(erp: &Erp<'_>, record: &Record) -> Result<Confirmation, Failure> {
    let Some(sku) = record.number() else { return Ok(Confirmation::NotApplicable) };
    let places = compare(erp, sku, &record.counts())?;
    if places.is_empty() {
        return Ok(Confirmation::NotApplicable);
    }
    let expected = list(places.iter().map(|place| format!("{} {sku} in {}", place.counted, place.place)));
    Ok(verdict(expected, list(places.iter().map(|place| format!("{} {sku} in {}", place.found, place.place)))))
}

/// One receipt has the number, and is done.
fn receipt(erp: &Erp<'_>, model: &str, record: &Record) -> Result<Confirmation, Failure> {
    let Some(number) = record.number() else { return Ok(Confirmation::NotApplicable) };
    let domain = json!([["company", "=", erp.settings.company], ["reference", "=", number], ["state", "!=", "cancelled"]]);
    let found: Vec<State> = erp.search("receipts", &Query { model, domain, fields: &["state"], locations: &[] })?;
    let states = if found.is_empty() { "nowhere".to_owned() } else { list(found.into_iter().map(|receipt| receipt.state)) };
    Ok(verdict(format!("{number} done"), format!("{number} {states}")))
}

fn verdict(expected: String, found: String) -> Confirmation {
    if expected == found { Confirmation::Confirmed(found) } else { Confirmation::Mismatch(Mismatch { expected, found }) }
}

fn list(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(", ")
}
