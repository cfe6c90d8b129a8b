//! Orders: parcels, units that are short, cancellations.

use mortar_sdk::mapping::parcels::tracked;
use mortar_sdk::mapping::units::{sum, words};
use mortar_sdk::order_events::{Order as Sent, Parcel};
use mortar_sdk::{Failure, Outcome, done, ignored, json, log};

use crate::map::document::{CANCEL, CLOSE, FULFIL, MOVE};
use crate::map::dropped::{What, cuts, has_all_left};
use crate::map::parcel::{Next, Wanted, next};
use crate::map::record::{Fulfillment, Held, Order};
use crate::shop::Shop;

/// Steps of one parcel; what takes more goes round in circles.
const STEPS: usize = 5;

/// Cancels what is short, then ships each parcel that has a tracking number: so Vendure sees with the
/// last one that the order has shipped.
pub(crate) fn fulfil(shop: &Shop<'_>, order: &Sent) -> Result<Outcome, Failure> {
    let ready = tracked(order);
    let short = sum(order.shorts.iter().map(|short| (short.sku.clone(), short.quantity)));
    if ready.is_empty() && short.is_empty() {
        return ignored("no parcel has a tracking number yet");
    }
    if !short.is_empty() {
        drop_units(shop, &order.number, &What::Short(short), "MasonHub: short")?;
    }
    for (parcel, tracking) in ready {
        ship(shop, &order.number, parcel, tracking)?;
    }
    done()
}

/// The parcels have arrived: those that the event names, else all of the order.
pub(crate) fn deliver(shop: &Shop<'_>, order: &Sent) -> Result<Outcome, Failure> {
    let named = tracked(order);
    for (parcel, tracking) in &named {
        ship(shop, &order.number, parcel, tracking)?;
    }
    let found = shop.order("look for what has arrived", &order.number)?;
    let arrived = |fulfillment: &&Fulfillment| {
        let code = fulfillment.tracking_code.as_deref();
        fulfillment.state == "Shipped" && (named.is_empty() || named.iter().any(|(_, tracking)| code == Some(*tracking)))
    };
    for fulfillment in found.live().filter(arrived) {
        transition(shop, &order.number, &format!("deliver {}", fulfillment.id), fulfillment, "Delivered")?;
    }
    done()
}

/// Cancels whatever of the order has not left.
pub(crate) fn cancel(shop: &Shop<'_>, number: &str) -> Result<Outcome, Failure> {
    drop_units(shop, number, &What::All, "MasonHub: cancelled")?;
    done()
}

fn ship(shop: &Shop<'_>, number: &str, parcel: &Parcel, tracking: &str) -> Result<(), Failure> {
    let contents = sum(parcel.line_items.iter().map(|line| (line.sku.clone(), line.quantity)));
    let wanted = Wanted { name: parcel.shipment_id.clone(), tracking: tracking.to_owned(), contents };
    let name = &wanted.name;
    for _ in 0..STEPS {
        let order = shop.order(&format!("look for {name}"), number)?;
        match next(&order, &wanted) {
            Next::Done => return Ok(()),
            Next::Ship(fulfillment) => transition(shop, number, &format!("ship {name}"), fulfillment, "Shipped")?,
            Next::Fulfil(lines) => add(shop, number, &wanted, parcel, &lines)?,
            Next::Later(why) => return Err(Failure::retry(why)),
            Next::Refuse(why) => return Err(Failure::reject(format!("parcel {name} cannot be fulfilled: {why}"))),
        }
    }
    Err(Failure::reject(format!("parcel {name} does not get on in Vendure: look at the fulfilments of {number}")))
}

fn add(shop: &Shop<'_>, number: &str, wanted: &Wanted, parcel: &Parcel, lines: &[Held]) -> Result<(), Failure> {
    let step = format!("fulfil {}", wanted.name);
    let method = [&parcel.carrier, &parcel.service].into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
    let arguments = json!([{ "name": "method", "value": method }, { "name": "trackingCode", "value": wanted.tracking }]);
    let lines: Vec<_> = lines.iter().map(|held| json!({ "orderLineId": held.order_line_id, "quantity": held.quantity })).collect();
    let input = json!({ "input": { "lines": lines, "handler": { "code": shop.settings.handler, "arguments": arguments } } });
    let is_there = || Ok(shop.order(&format!("look again for {}", wanted.name), number)?.tracked(&wanted.tracking).next().is_some());
    match shop.once(&step, FULFIL, "addFulfillmentToOrder", &input, is_there)? {
        Ok(_) => Ok(()),
        // Between the look and the write somebody has fulfilled these lines.
        Err(no) if no.code == "ITEMS_ALREADY_FULFILLED_ERROR" && is_there()? => Ok(()),
        Err(no) => Err(shop.failure(&step, &no)),
    }
}

/// Where a fulfilment is in that state or beyond already, Vendure refuses, and that is as good.
fn transition(shop: &Shop<'_>, number: &str, step: &str, fulfillment: &Fulfillment, state: &str) -> Result<(), Failure> {
    let input = json!({ "id": fulfillment.id, "state": state });
    let Err(no) = shop.write(step, MOVE, "transitionFulfillmentToState", &input)? else { return Ok(()) };
    let order = shop.order(&format!("{step} (again)"), number)?;
    let now = order.live().find(|now| now.id == fulfillment.id);
    if now.is_some_and(|now| now.state == "Delivered" || now.state == state) { Ok(()) } else { Err(shop.failure(step, &no)) }
}

fn drop_units(shop: &Shop<'_>, number: &str, what: &What, reason: &str) -> Result<(), Failure> {
    let order = shop.order("look at the order", number)?;
    if order.active {
        return Err(Failure::retry(format!("the order {number} is not placed in Vendure yet")));
    }
    for cut in cuts(&order, what) {
        let (id, units, after) = (&cut.line.id, cut.units, cut.line.quantity - cut.units);
        let input = json!({ "input": { "orderId": order.id, "lines": [{ "orderLineId": id, "quantity": units }], "reason": reason } });
        let is_done = || {
            let now = shop.order("look at the order again", number)?;
            Ok(now.lines.iter().any(|line| line.id == *id && line.quantity <= after))
        };
        // A line of that many units loses that many once.
        let step = format!("cancel {units} of {} of line {id}", cut.line.quantity);
        shop.once(&step, CANCEL, "cancelOrder", &input, is_done)?.map_err(|no| shop.failure(&step, &no))?;
        log::info!("{} will not be shipped", words(&[(cut.line.product_variant.sku.clone(), units)].into()));
    }
    close(shop, number)
}

/// Vendure looks whether all has shipped only when a parcel leaves.
fn close(shop: &Shop<'_>, number: &str) -> Result<(), Failure> {
    let order: Order = shop.order("look whether all has left", number)?;
    if !has_all_left(&order) {
        return Ok(());
    }
    let input = json!({ "id": order.id, "state": "Shipped" });
    shop.write("close", CLOSE, "transitionOrderToState", &input)?.map(drop).map_err(|no| shop.failure("close", &no))
}
