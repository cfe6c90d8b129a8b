//! The round trip: what the event said, read back from Tryton.

use mortar_sdk::mapping::record::Record;
use mortar_sdk::round_trip::{Confirmation, Mismatch};
use mortar_sdk::{Delivery, Failure, json};

use crate::erp::Erp;
use crate::map::evidence;
use crate::map::query::Query;
use crate::map::record::{Package, State};
use crate::stock::compare;

/// Compares what Tryton holds with what the event said.
pub(crate) fn confirm(erp: &Erp<'_>, delivery: &Delivery) -> Result<Confirmation, Failure> {
    let record = Record::of(delivery)?;
    let evidence = match delivery.event_type.as_str() {
        "order.fulfilled" | "order.partially_shipped" | "order.shipped" => parcels(erp, &record)?,
        "inventory.updated" => counts(erp, &record)?,
        "inbound_shipment.received" => receipt(erp, "stock.shipment.in", &record)?,
        "return.received" => receipt(erp, "stock.shipment.out.return", &record)?,
        _ => None,
    };
    Ok(match evidence {
        None => Confirmation::NotApplicable,
        Some((expected, found)) if expected == found => Confirmation::Confirmed(found),
        Some((expected, found)) => Confirmation::Mismatch(Mismatch { expected, found }),
    })
}

/// Each tracking number is on one package, whose shipment is done.
fn parcels(erp: &Erp<'_>, record: &Record) -> Result<Option<(String, String)>, Failure> {
    let wanted = record.tracking_numbers();
    if wanted.is_empty() {
        return Ok(None);
    }
    let domain = json!([["shipping_reference", "in", wanted]]);
    let fields = &["shipping_reference", "shipment"];
    let packages: Vec<Package> = erp.search("packages", &Query { model: "stock.package", domain, fields, locations: &[] })?;
    let ids: Vec<i64> = packages.iter().filter_map(Package::shipment_id).collect();
    let query = Query { model: "stock.shipment.out", domain: json!([["id", "in", ids]]), fields: &["state"], locations: &[] };
    let shipments: Vec<State> = erp.search("shipments", &query)?;
    Ok(Some(evidence::parcels(&wanted, &packages, &shipments)))
}

/// Each place holds what was counted.
fn counts(erp: &Erp<'_>, record: &Record) -> Result<Option<(String, String)>, Failure> {
    let Some(sku) = record.number() else { return Ok(None) };
    let places = compare(erp, sku, &record.counts())?;
    let evidence = || evidence::places(sku, places.iter().map(|place| (place.place, place.counted, place.found)));
    Ok((!places.is_empty()).then(evidence))
}

/// One receipt has the number, and is done.
fn receipt(erp: &Erp<'_>, model: &str, record: &Record) -> Result<Option<(String, String)>, Failure> {
    let Some(number) = record.number() else { return Ok(None) };
    let domain = json!([["company", "=", erp.settings.company], ["reference", "=", number], ["state", "!=", "cancelled"]]);
    let found: Vec<State> = erp.search("receipts", &Query { model, domain, fields: &["state"], locations: &[] })?;
    Ok(Some(evidence::receipt(number, &found)))
}
