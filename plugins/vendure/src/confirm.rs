//! The round trip: what the event said, read back from Vendure.

use mortar_sdk::mapping::record::Record;
use mortar_sdk::round_trip::{Confirmation, Mismatch};
use mortar_sdk::{Delivery, Failure};

use crate::map::evidence;
use crate::shop::Shop;
use crate::stock::compare;

/// Compares what Vendure holds with what the event said.
pub(crate) fn confirm(shop: &Shop<'_>, delivery: &Delivery) -> Result<Confirmation, Failure> {
    let record = Record::of(delivery)?;
    let evidence = match delivery.event_type.as_str() {
        "order.fulfilled" | "order.partially_shipped" | "order.shipped" => parcels(shop, &record, false)?,
        "order.delivered" => parcels(shop, &record, true)?,
        "inventory.updated" => counts(shop, &record)?,
        _ => None,
    };
    Ok(match evidence {
        None => Confirmation::NotApplicable,
        Some((expected, found)) if expected == found => Confirmation::Confirmed(found),
        Some((expected, found)) => Confirmation::Mismatch(Mismatch { expected, found }),
    })
}

fn parcels(shop: &Shop<'_>, record: &Record, delivered: bool) -> Result<Option<(String, String)>, Failure> {
    let wanted = record.tracking_numbers();
    match record.number() {
        Some(number) if !wanted.is_empty() => Ok(Some(evidence::parcels(&shop.order("order", number)?, &wanted, delivered))),
        _ => Ok(None),
    }
}

fn counts(shop: &Shop<'_>, record: &Record) -> Result<Option<(String, String)>, Failure> {
    let Some(sku) = record.number() else { return Ok(None) };
    let places = compare(shop, sku, &record.counts())?;
    let evidence = || evidence::places(sku, places.iter().map(|place| (place.place, place.counted, place.found)));
    Ok((!places.is_empty()).then(evidence))
}
