//! The round trip: what the event said, read back from Business Central.

use mortar_sdk::mapping::goods::received;
use mortar_sdk::mapping::record::Record;
use mortar_sdk::mapping::units::words;
use mortar_sdk::round_trip::{Confirmation, Mismatch};
use mortar_sdk::{Delivery, Failure};

use crate::erp::Erp;
use crate::map::document::Tracking;
use crate::map::filter::any;
use crate::map::settings::Returns;
use crate::{receipts, returns, stock};

/// Compares what Business Central holds with what the event said.
pub(crate) fn confirm(erp: &Erp<'_>, delivery: &Delivery) -> Result<Confirmation, Failure> {
    let record = Record::of(delivery)?;
    let evidence = match delivery.event_type.as_str() {
        "order.fulfilled" | "order.partially_shipped" | "order.shipped" => parcels(erp, &record)?,
        "inventory.updated" => counts(erp, &record)?,
        "inbound_shipment.received" => receipt(erp, &record)?,
        "return.received" => credit_memo(erp, &record)?,
        _ => None,
    };
    Ok(match evidence {
        None => Confirmation::NotApplicable,
        Some((expected, found)) if expected == found => Confirmation::Confirmed(found),
        Some((expected, found)) => Confirmation::Mismatch(Mismatch { expected, found }),
    })
}

/// Each tracking number is on one shipment.
fn parcels(erp: &Erp<'_>, record: &Record) -> Result<Option<(String, String)>, Failure> {
    let wanted = record.tracking_numbers();
    if wanted.is_empty() {
        return Ok(None);
    }
    let found: Vec<Tracking> = erp.list_tracking("tracking numbers", &any("packageTrackingNo", &wanted))?;
    let on = |tracking: &&str| match found.iter().filter(|shipment| shipment.package_tracking_no == **tracking).count() {
        0 => format!("{tracking} nowhere"),
        1 => format!("{tracking} once"),
        several => format!("{tracking} on {several} shipments"),
    };
    let list = |words: Vec<String>| words.join(", ");
    Ok(Some((list(wanted.iter().map(|tracking| format!("{tracking} once")).collect()), list(wanted.iter().map(on).collect()))))
}

/// The item's inventory is what was counted.
fn counts(erp: &Erp<'_>, record: &Record) -> Result<Option<(String, String)>, Failure> {
    let (Some(sku), Some(counted)) = (record.number(), stock::counted(erp, &record.counts())) else { return Ok(None) };
    Ok(Some((format!("{counted} {sku}"), format!("{} {sku}", stock::held(erp, sku)?))))
}

/// The receipt that the shipment has claimed is there, with what came.
fn receipt(erp: &Erp<'_>, record: &Record) -> Result<Option<(String, String)>, Failure> {
    let Some(number) = record.number() else { return Ok(None) };
    let Some(claim) = receipts::claim_of(number)? else { return Ok(None) };
    let all = receipts::receipts(erp, &claim.purchase)?;
    let found =
        all.iter().find(|receipt| receipt.id == claim.receipt).map_or_else(|| "nowhere".into(), |receipt| words(&receipt.contents()));
    Ok(Some((format!("{number}: {}", words(&claim.contents)), format!("{number}: {found}"))))
}

/// The return's credit memo is there, with what came.
fn credit_memo(erp: &Erp<'_>, record: &Record) -> Result<Option<(String, String)>, Failure> {
    let came = received(&record.came());
    let Some(number) = record.number().filter(|_| !came.is_empty() && erp.settings.returns != Returns::Ignore) else { return Ok(None) };
    let found = returns::find(erp, number)?.map_or_else(|| "nowhere".into(), |memo| words(&memo.contents()));
    Ok(Some((format!("{number}: {}", words(&came)), format!("{number}: {found}"))))
}
