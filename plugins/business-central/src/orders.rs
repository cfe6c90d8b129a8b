//! Orders: parcels, and what will not be shipped.

use mortar_sdk::mapping::parcels::tracked;
use mortar_sdk::mapping::units::{sum, words};
use mortar_sdk::order_events::{Order as Event, Parcel};
use mortar_sdk::{Failure, Outcome, done, ignored, json, log};

use crate::erp::{Changed, Erp, LOOKS, contended};
use crate::map::document::{Order, Posted, whole};
use crate::map::filter::is;
use crate::map::plan::{SHIP, changes};
use crate::map::shipment::{Choice, Shipment, Wanted, choose, join};

/// Posts one shipment of each parcel that has a tracking number.
pub(crate) fn fulfil(erp: &Erp<'_>, order: &Event) -> Result<Outcome, Failure> {
    let ready = tracked(order);
    let short = sum(order.shorts.iter().map(|short| (short.sku.clone(), short.quantity)));
    if !short.is_empty() {
        log::warn!("{} of {} will not be shipped; their lines stay open in Business Central", words(&short), order.number);
    }
    if ready.is_empty() {
        return ignored("no parcel has a tracking number yet");
    }
    for (parcel, tracking) in ready {
        ship(erp, &order.number, parcel, tracking)?;
    }
    done()
}

fn ship(erp: &Erp<'_>, number: &str, parcel: &Parcel, tracking: &str) -> Result<(), Failure> {
    let name = &parcel.shipment_id;
    let wanted =
        Wanted { tracking: tracking.to_owned(), contents: sum(parcel.line_items.iter().map(|line| (line.sku.clone(), line.quantity))) };
    for _ in 0..LOOKS {
        match choose(&shipments(erp, number)?, &wanted) {
            Choice::Done => return Ok(()),
            Choice::Number(shipment) => {
                let mut body = json!({ "packageTrackingNo": wanted.tracking });
                if let Some(carrier) = &parcel.carrier {
                    body["shippingAgentCode"] = json!(erp.settings.agent(carrier));
                }
                let record = format!("{}({})", erp.tracking(), shipment.tracking.id);
                erp.change(&format!("number {name}"), &record, &shipment.tracking.etag, &body)?;
            }
            Choice::Post => {
                let order = find(erp, number)?.ok_or_else(|| gone(number, name, &wanted.tracking))?;
                post(erp, number, &order, name, &wanted)?;
            }
        }
    }
    Err(contended(&format!("order {number}")))
}

/// Brings an order one step nearer to a posting of just this parcel.
fn post(erp: &Erp<'_>, number: &str, order: &Order, name: &str, wanted: &Wanted) -> Result<(), Failure> {
    let changes = changes(order, &wanted.contents, SHIP, erp.settings.invoice_shipments).map_err(|why| {
        let mend = "Mend the order there, or post its shipment and give it the tracking number";
        Failure::reject(format!("parcel {name}: {why}. {mend} {}, then replay", wanted.tracking))
    })?;
    for (line, body) in &changes {
        let record = erp.standard(&format!("salesOrderLines({})", line.id));
        if erp.change(&format!("set a line for {name}"), &record, &line.etag, body)? == Changed::Overtaken {
            return Ok(());
        }
    }
    if !changes.is_empty() {
        return Ok(());
    }
    let request = erp.post(&format!("salesOrders({})/Microsoft.NAV.shipAndInvoice", order.id));
    let is_posted = || Ok(!matches!(choose(&shipments(erp, number)?, wanted), Choice::Post));
    erp.once(&format!("ship {name}"), &request, is_posted)
}

/// Takes what has not left off the order's lines.
pub(crate) fn cancel(erp: &Erp<'_>, number: &str) -> Result<Outcome, Failure> {
    for _ in 0..LOOKS {
        let Some(order) = find(erp, number)? else {
            if shipments(erp, number)?.is_empty() {
                return Err(Failure::reject(format!("Business Central has no order {number}, neither open nor shipped")));
            }
            log::info!("all of {number} was shipped and invoiced");
            return done();
        };
        let open: Vec<_> = order.lines.iter().filter(|line| line.is_item() && line.left() > 0).collect();
        if open.is_empty() {
            return done();
        }
        for line in open {
            let record = erp.standard(&format!("salesOrderLines({})", line.id));
            if erp.change("take off a line", &record, &line.etag, &json!({ "quantity": whole(line.moved) }))? == Changed::Overtaken {
                break;
            }
        }
    }
    Err(contended(&format!("order {number}")))
}

/// The open order of a number. One that is shipped and invoiced in full is there no more.
pub(crate) fn find(erp: &Erp<'_>, number: &str) -> Result<Option<Order>, Failure> {
    let (field, _) = erp.settings.orders_by.fields();
    let mut found: Vec<Order> = erp.list("look for the order", "salesOrders", &is(field, number), "salesOrderLines")?;
    match found.len() {
        0 | 1 => Ok(found.pop()),
        several => Err(Failure::reject(format!("Business Central has {several} orders whose {field} is {number}: which one is meant?"))),
    }
}

/// What was posted of an order.
pub(crate) fn posted(erp: &Erp<'_>, number: &str) -> Result<Vec<Posted>, Failure> {
    let (_, field) = erp.settings.orders_by.fields();
    erp.list("look for its shipments", "salesShipments", &is(field, number), "salesShipmentLines")
}

fn shipments(erp: &Erp<'_>, number: &str) -> Result<Vec<Shipment>, Failure> {
    let posted = posted(erp, number)?;
    if posted.is_empty() {
        return Ok(Vec::new());
    }
    let (_, field) = erp.settings.orders_by.fields();
    Ok(join(&posted, &erp.list_tracking("look for their numbers", &is(field, number))?))
}

fn gone(number: &str, name: &str, tracking: &str) -> Failure {
    Failure::reject(format!(
        "Business Central has no open order {number}, and no shipment of it without a tracking number holds what parcel {name} \
         does: enter the order, or give its shipment the tracking number {tracking}, then replay"
    ))
}
