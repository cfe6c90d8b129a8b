//! Orders: parcels, and what will not be shipped.

use mortar_sdk::mapping::parcels::tracked;
use mortar_sdk::mapping::units::{sum, words};
use mortar_sdk::order_events::{Order, Parcel};
use mortar_sdk::{Failure, Json, Outcome, Request, done, ignored, json, log};

use crate::erp::Erp;
use crate::map::document::{self, Order as Found};
use crate::map::parcel::{Choice, Wanted, choose, fulfilment, mark};
use crate::map::suiteql::SALE;

/// Makes one item fulfilment of each parcel that has a tracking number.
pub(crate) fn fulfil(erp: &Erp<'_>, order: &Order) -> Result<Outcome, Failure> {
    let ready = tracked(order);
    let short = sum(order.shorts.iter().map(|short| (short.sku.clone(), short.quantity)));
    if !short.is_empty() {
        log::warn!("{} of {} will not be shipped; their lines stay open in NetSuite", words(&short), order.number);
    }
    if ready.is_empty() {
        return ignored("no parcel has a tracking number yet");
    }
    let found = erp.order(&SALE, &order.number)?;
    for (parcel, tracking) in ready {
        ship(erp, &found, order, parcel, tracking)?;
    }
    done()
}

fn ship(erp: &Erp<'_>, found: &Found, order: &Order, parcel: &Parcel, tracking: &str) -> Result<(), Failure> {
    let name = &parcel.shipment_id;
    let wanted = Wanted {
        shipment_id: name.clone(),
        external_id: document::external_id(&[&order.number, name]),
        tracking: tracking.to_owned(),
        contents: sum(parcel.line_items.iter().map(|line| (line.sku.clone(), line.quantity))),
        weight: parcel.weight,
    };
    let connection = &erp.settings.connection;
    match choose(&erp.documents(&SALE, found)?, &wanted) {
        Choice::Done => log::info!("{} is in NetSuite already", wanted.tracking),
        Choice::Mark(id) => {
            log::info!("fulfilment {id} of {} in NetSuite becomes parcel {name}", order.number);
            let request = Request::patch(connection, format!("/itemFulfillment/{id}?replace=package")).json(&mark(&wanted));
            erp.set(&format!("number {name}"), &request)?;
        }
        Choice::Create => {
            found.is_open("shipped")?;
            let body = fulfilment(&erp.lines(found)?, &wanted, erp.settings.ship_from.as_deref());
            let body = body.map_err(|why| Failure::reject(format!("{}: {why}", order.number)))?;
            let request = Request::post(connection, format!("/salesOrder/{}/!transform/itemFulfillment", found.id)).json(&body);
            erp.create(&format!("ship {name}"), &request, || erp.is_there(&wanted.external_id))?;
        }
    }
    Ok(())
}

/// Closes whatever of the order has not left.
pub(crate) fn cancel(erp: &Erp<'_>, number: &str) -> Result<Outcome, Failure> {
    let order = erp.order(&SALE, number)?;
    let lines = erp.lines(&order)?;
    let close: Vec<Json> = lines.iter().filter(|line| line.left() > 0).map(|line| json!({ "line": line.line, "isClosed": true })).collect();
    if close.is_empty() {
        log::info!("nothing of {number} is open in NetSuite");
        return done();
    }
    let body = json!({ "item": { "items": close } });
    erp.set("close its lines", &Request::patch(&erp.settings.connection, format!("/salesOrder/{}", order.id)).json(&body))?;
    done()
}
