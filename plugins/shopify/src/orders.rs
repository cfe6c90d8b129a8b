//! Orders: parcels, their arrival, cancellations.

use mortar_sdk::mapping::parcels::tracked;
use mortar_sdk::mapping::units::{sum, words};
use mortar_sdk::order_events::{Order as Sent, Parcel};
use mortar_sdk::{Failure, Json, Outcome, done, ignored, json, log};

use crate::map::document::{ARRIVE, CANCEL, FULFIL, FULFILLMENT_ORDERS};
use crate::map::parcel::{Part, Plan, plan};
use crate::map::record::{Order, ToFulfil};
use crate::shop::Shop;

/// Fulfils each parcel that has a tracking number.
pub(crate) fn fulfil(shop: &Shop<'_>, order: &Sent) -> Result<Outcome, Failure> {
    let short = sum(order.shorts.iter().map(|short| (short.sku.clone(), short.quantity)));
    if !short.is_empty() {
        log::warn!("{} will not be shipped: edit or refund the order in Shopify", words(&short));
    }
    let ready = tracked(order);
    if ready.is_empty() {
        return ignored("no parcel has a tracking number yet");
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
    let meant = found.live().filter(|fulfillment| named.is_empty() || named.iter().any(|(_, tracking)| fulfillment.has(tracking)));
    for fulfillment in meant.filter(|fulfillment| fulfillment.delivered_at.is_none()) {
        let id = &fulfillment.id;
        let mut event = json!({ "fulfillmentId": id, "status": "DELIVERED" });
        if let Some(at) = &order.updated_at {
            event["happenedAt"] = json!(at);
        }
        let has_arrived = || {
            let order = shop.order("look again for what has arrived", &order.number)?;
            Ok(order.fulfillments.iter().any(|now| now.id == *id && now.delivered_at.is_some()))
        };
        shop.once(&format!("deliver {id}"), ARRIVE, "fulfillmentEventCreate", &json!({ "event": event }), has_arrived)?;
    }
    done()
}

/// Cancels an order of which nothing has left: Shopify cancels whole orders only.
pub(crate) fn cancel(shop: &Shop<'_>, number: &str) -> Result<Outcome, Failure> {
    let order = shop.order("look", number)?;
    if order.cancelled_at.is_some() {
        return done();
    }
    if order.live().next().is_some() {
        return Err(Failure::reject(format!(
            "a part of {} has left, and Shopify cancels whole orders only: refund the rest there",
            order.name
        )));
    }
    let how = &shop.settings.cancel;
    let variables = json!({
        "id": order.id, "notify": how.notify_customer, "restock": how.restock, "note": "Cancelled at MasonHub",
        "refund": { "originalPaymentMethodsRefund": how.refund },
    });
    let is_cancelled = || Ok(shop.order("look again", number)?.cancelled_at.is_some());
    shop.once("cancel", CANCEL, "orderCancel", &variables, is_cancelled)?;
    done()
}

fn ship(shop: &Shop<'_>, number: &str, parcel: &Parcel, tracking: &str) -> Result<(), Failure> {
    let name = &parcel.shipment_id;
    let is_there = |order: &Order| order.tracked(tracking).next().is_some();
    let order = shop.order(&format!("look for {name}"), number)?;
    if is_there(&order) {
        log::info!("parcel {name} is in Shopify already");
        return Ok(());
    }
    let step = format!("what {} has left for {name}", order.name);
    let left: ToFulfil = shop.read(&step, FULFILLMENT_ORDERS, "order", &json!({ "id": order.id }))?;
    let contents = sum(parcel.line_items.iter().map(|line| (line.sku.clone(), line.quantity)));
    let parts = match plan(&left.fulfillment_orders, shop.settings.location.as_deref(), &contents) {
        Plan::Fulfil(parts) => parts,
        Plan::Later(why) => return Err(Failure::retry(format!("parcel {name} waits: {why}"))),
        Plan::Refuse(why) => return Err(Failure::reject(format!("parcel {name} of {} cannot be fulfilled: {why}", order.name))),
    };
    let lines = parts.iter().map(part).collect::<Vec<_>>();
    let mut track = json!({ "number": tracking });
    for (key, value) in [("company", &parcel.carrier), ("url", &parcel.tracking_url)] {
        if let Some(value) = value {
            track[key] = json!(value);
        }
    }
    let fulfillment = json!({
        "lineItemsByFulfillmentOrder": lines, "trackingInfo": track, "notifyCustomer": shop.settings.notify_customer,
    });
    let look = || Ok(is_there(&shop.order(&format!("look again for {name}"), number)?));
    shop.once(&format!("fulfil {name}"), FULFIL, "fulfillmentCreate", &json!({ "fulfillment": fulfillment }), look)
}

fn part(part: &Part) -> Json {
    let line = |(id, quantity): &(String, i64)| json!({ "id": id, "quantity": quantity });
    let lines: Vec<_> = part.lines.iter().map(line).collect();
    json!({ "fulfillmentOrderId": part.fulfillment_order, "fulfillmentOrderLineItems": lines })
}
