//! The round trip: what the event said, read back from NetSuite.

use mortar_sdk::mapping::goods::received;
use mortar_sdk::mapping::record::Record;
use mortar_sdk::mapping::units::words;
use mortar_sdk::round_trip::{Confirmation, Mismatch};
use mortar_sdk::{Delivery, Failure};

use crate::erp::Erp;
use crate::map::evidence::{self, Tracked};
use crate::map::receipt::Names;
use crate::map::suiteql;
use crate::{goods, stock};

/// Compares what NetSuite holds with what the event said.
pub(crate) fn confirm(erp: &Erp<'_>, delivery: &Delivery) -> Result<Confirmation, Failure> {
    let record = Record::of(delivery)?;
    let evidence = match delivery.event_type.as_str() {
        "order.fulfilled" | "order.partially_shipped" | "order.shipped" => parcels(erp, &record)?,
        "inventory.updated" => counts(erp, &record)?,
        "inbound_shipment.received" | "return.received" => receipt(erp, &record)?,
        _ => None,
    };
    Ok(match evidence {
        None => Confirmation::NotApplicable,
        Some((expected, found)) if expected == found => Confirmation::Confirmed(found),
        Some((expected, found)) => Confirmation::Mismatch(Mismatch { expected, found }),
    })
}

/// Each tracking number is on one fulfilment, which is shipped.
fn parcels(erp: &Erp<'_>, record: &Record) -> Result<Option<(String, String)>, Failure> {
    let wanted = record.tracking_numbers();
    if wanted.is_empty() {
        return Ok(None);
    }
    let found: Vec<Tracked> = erp.query("tracking numbers", &suiteql::tracked(&wanted))?;
    Ok(Some(evidence::parcels(&wanted, &found)))
}

/// Each place holds what was counted.
fn counts(erp: &Erp<'_>, record: &Record) -> Result<Option<(String, String)>, Failure> {
    let Some(sku) = record.number() else { return Ok(None) };
    let places = stock::held(erp, sku, &record.counts())?;
    let evidence = || evidence::places(sku, places.iter().map(|place| (place.place, place.counted, place.held)));
    Ok((!places.is_empty()).then(evidence))
}

/// All that came is there, under the names of the shipment.
fn receipt(erp: &Erp<'_>, record: &Record) -> Result<Option<(String, String)>, Failure> {
    let expected = received(&record.came());
    let Some(number) = record.number().filter(|_| !expected.is_empty()) else { return Ok(None) };
    let found = goods::held(erp, &Names::of(number))?;
    Ok(Some((format!("{number}: {}", words(&expected)), format!("{number}: {}", words(&found)))))
}
