//! Goods that came in: inbound shipments against purchase orders, returns against authorizations.

use std::collections::BTreeMap;

use mortar_sdk::inbound_shipment_events::InboundShipment;
use mortar_sdk::mapping::goods::{Came, apart, came};
use mortar_sdk::mapping::units::{Units, words};
use mortar_sdk::return_events::ReturnShipment;
use mortar_sdk::{Failure, Outcome, Request, done, ignored, json, log};

use crate::erp::Erp;
use crate::map::document::{Document, Order};
use crate::map::receipt::{Names, Part, by_hand, extra, receipt};
use crate::map::stock::adjustment;
use crate::map::suiteql::{self, Kind, PURCHASE, RETURN};
use crate::stock::item;

/// Receives an inbound shipment.
pub(crate) fn receive(erp: &Erp<'_>, shipment: &InboundShipment) -> Result<Outcome, Failure> {
    let came = came(shipment.lines.iter().map(|line| (line.sku.clone(), line.received, line.damaged)));
    let Some(purchase) = &shipment.purchase_order else {
        return Err(Failure::reject(format!(
            "the inbound shipment {} names no purchase order: receive it in NetSuite by hand, then discard this",
            shipment.number
        )));
    };
    take_in(erp, &PURCHASE, purchase, &shipment.number, &came)
}

/// Receives a return.
pub(crate) fn take_back(erp: &Erp<'_>, shipment: &ReturnShipment) -> Result<Outcome, Failure> {
    let came = came(shipment.lines.iter().map(|line| (line.sku.clone(), line.received, line.damaged)));
    take_in(erp, &RETURN, &shipment.number, &shipment.number, &came)
}

/// One item receipt of what came well, one of what came damaged, and an adjustment of what is on
/// neither.
fn take_in(erp: &Erp<'_>, kind: &Kind, order: &str, number: &str, came: &BTreeMap<String, Came>) -> Result<Outcome, Failure> {
    if came.is_empty() {
        return ignored("nothing came");
    }
    let (good, damaged) = apart(came);
    let places = &erp.settings.receipts;
    if !damaged.is_empty() && places.damaged.is_none() {
        let why = "units came damaged: say in [config.receipts] where damaged units are put, then replay";
        return Err(Failure::reject(why));
    }
    let order = erp.order(kind, order)?;
    let names = Names::of(number);
    let before = erp.documents(kind, &order)?;
    if let Some(whole) = by_hand(&before, &names, came) {
        log::info!("receipt {} in NetSuite becomes {number}", whole.id);
        let request = Request::patch(&erp.settings.connection, format!("/itemReceipt/{}", whole.id));
        erp.set("name the receipt", &request.json(&json!({ "externalId": names.good })))?;
        return done();
    }
    let parts = [
        Part { name: "good units", external_id: &names.good, units: &good, place: places.good.as_deref() },
        Part { name: "damaged units", external_id: &names.damaged, units: &damaged, place: places.damaged.as_deref() },
    ];
    for part in parts.iter().filter(|part| !part.units.is_empty() && !before.iter().any(|known| known.is(part.external_id))) {
        receive_part(erp, kind, &order, part)?;
    }
    let after = erp.documents(kind, &order)?;
    let extra = extra(&after, &names, &parts).map_err(|why| Failure::reject(format!("{number}: {why}")))?;
    adjust(erp, number, &names, &parts, &extra)?;
    done()
}

fn receive_part(erp: &Erp<'_>, kind: &Kind, order: &Order, part: &Part<'_>) -> Result<(), Failure> {
    let Some(body) = receipt(&erp.lines(order)?, part, erp.settings.receipts.over) else {
        return Ok(());
    };
    order.is_open("received")?;
    let path = format!("/{}/{}/!transform/itemReceipt", kind.record, order.id);
    let request = Request::post(&erp.settings.connection, path).json(&body);
    erp.create(&format!("receive {}", part.name), &request, || erp.is_there(part.external_id))
}

/// Puts in what no line of the order has room for.
fn adjust(erp: &Erp<'_>, number: &str, names: &Names, parts: &[Part<'_>; 2], extra: &[Units; 2]) -> Result<(), Failure> {
    if extra.iter().all(Units::is_empty) || erp.is_there(&names.extra)? {
        return Ok(());
    }
    let mut changes = Vec::new();
    for (part, units) in parts.iter().zip(extra) {
        if !units.is_empty() {
            log::warn!("{} ({}) of {number} are on no line that has room for them: adjusted", words(units), part.name);
        }
        for (sku, quantity) in units {
            let place = part.place.ok_or_else(|| {
                Failure::reject(format!(
                    "{quantity} {sku} are on no line with room: say in [config.receipts] where good units are put, then replay"
                ))
            })?;
            changes.push((item(erp, sku)?, place.to_owned(), *quantity));
        }
    }
    let memo = format!("MasonHub {number}: over or unexpected");
    let body = adjustment(erp.settings.adjustments.as_ref(), &names.extra, &memo, &changes).map_err(Failure::reject)?;
    let request = Request::post(&erp.settings.connection, "/inventoryAdjustment").json(&body);
    erp.create("adjust what is over", &request, || erp.is_there(&names.extra))
}

/// All that stands in NetSuite under the names of a shipment.
pub(crate) fn held(erp: &Erp<'_>, names: &Names) -> Result<Units, Failure> {
    let found: Vec<suiteql::Row> = erp.query("look for what came", &suiteql::units_of(&names.all()))?;
    Ok(mortar_sdk::mapping::units::sum(found.into_iter().map(|row| (row.sku, row.quantity))))
}

impl Document {
    fn is(&self, external_id: &str) -> bool {
        self.external_id.eq_ignore_ascii_case(external_id)
    }
}
