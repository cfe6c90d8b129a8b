//! The round trip: what the event said, read back from Shopify.

use mortar_sdk::mapping::record::Record;
use mortar_sdk::round_trip::{Confirmation, Mismatch};
use mortar_sdk::{Delivery, Failure};

use crate::map::evidence;
use crate::shop::Shop;
use crate::stock::compare;

/// Compares what Shopify holds with what the event said.
pub(crate) fn confirm(shop: &Shop<'_>, delivery: &Delivery) -> Result<Confirmation, Failure> {
    let record = Record::of(delivery)?;
    let Some(number) = record.number() else { return Ok(Confirmation::NotApplicable) };
    let order = || shop.order("order", number);
    let tracking = record.tracking_numbers();
    let evidence = match delivery.event_type.as_str() {
        "order.fulfilled" | "order.partially_shipped" | "order.shipped" if !tracking.is_empty() => {
            Some(evidence::parcels(&order()?, &tracking, false))
        }
        "order.delivered" if !tracking.is_empty() => Some(evidence::parcels(&order()?, &tracking, true)),
        // Shopify cancels in its own time; a decision on a cancellation may have been a refusal.
        "order.cancelled" => Some(evidence::cancelled(&order()?)),
        "inventory.updated" => {
            let places = compare(shop, number, &record.counts())?;
            let evidence = || evidence::places(number, places.iter().map(|place| (place.place, place.counted, place.found)));
            (!places.is_empty()).then(evidence)
        }
        _ => None,
    };
    Ok(match evidence {
        None => Confirmation::NotApplicable,
        Some((expected, found)) if expected == found => Confirmation::Confirmed(found),
        Some((expected, found)) => Confirmation::Mismatch(Mismatch { expected, found }),
    })
}
