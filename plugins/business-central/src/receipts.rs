//! Inbound shipments: receipts against purchase orders.
//!
//! A posted receipt has no field for MasonHub's number. So which receipt is which shipment's is
//! remembered in the plugin's state: a receipt that holds what came, and that no shipment has claimed, is
//! the shipment's, whoever has posted it.

use mortar_sdk::inbound_shipment_events::InboundShipment;
use mortar_sdk::mapping::goods::{came, received};
use mortar_sdk::mapping::units::{Units, less, spread, words};
use mortar_sdk::{Failure, Outcome, done, ignored, json, log, state};
use serde::{Deserialize, Serialize};

use crate::erp::{Changed, Erp, LOOKS, contended};
use crate::map::document::{Order, Posted};
use crate::map::filter::is;
use crate::map::plan::{RECEIVE, changes};
use crate::map::settings::Extras;

/// What is remembered of a shipment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Claim {
    pub(crate) purchase: String,
    pub(crate) receipt: String,
    pub(crate) contents: Units,
}

/// Receives an inbound shipment.
pub(crate) fn receive(erp: &Erp<'_>, shipment: &InboundShipment) -> Result<Outcome, Failure> {
    let number = &shipment.number;
    let came = received(&came(shipment.lines.iter().map(|line| (line.sku.clone(), line.received, line.damaged))));
    if came.is_empty() {
        return ignored("nothing came");
    }
    if claim_of(number)?.is_some() {
        log::info!("{number} was received already");
        return done();
    }
    let Some(purchase) = &shipment.purchase_order else {
        let why = format!("the inbound shipment {number} names no purchase order: receive it by hand, then discard this");
        return Err(Failure::reject(why));
    };
    // As it was before anything of this shipment was received.
    let before = find(erp, purchase, true)?;
    let (_, extra) = spread(&before.open(), &came);
    let mut wanted = came.clone();
    let by_hand = unclaimed(erp, purchase)?.into_iter().any(|receipt| receipt.contents() == came);
    if !extra.is_empty() && !by_hand {
        wanted = settle_extra(erp, purchase, &before, &came, &extra)?;
        if wanted.is_empty() {
            return ignored(format!("{} are on no line of {purchase} with room for them; inventory.updated counts them in", words(&came)));
        }
    }
    for _ in 0..LOOKS {
        if let Some(receipt) = unclaimed(erp, purchase)?.into_iter().find(|receipt| receipt.contents() == wanted) {
            log::info!("receipt {} of {purchase} is {number}", receipt.number);
            let claim = Claim { purchase: purchase.clone(), receipt: receipt.id.clone(), contents: wanted.clone() };
            state::update(&key(number), |_: Option<Claim>| claim.clone())?;
            state::update(&claimed(&receipt.id), |_: Option<String>| number.clone())?;
            return done();
        }
        post(erp, purchase, number, &wanted)?;
    }
    Err(contended(&format!("purchase order {purchase}")))
}

/// Decides on what no line has room for: what is to be received in all.
fn settle_extra(erp: &Erp<'_>, purchase: &str, before: &Order, came: &Units, extra: &Units) -> Result<Units, Failure> {
    let mut others = unclaimed(erp, purchase)?;
    others.retain(|receipt| receipt.contents() != less(came, extra));
    if let Some(other) = others.first() {
        return Err(Failure::reject(format!(
            "{} are over on {purchase}, and receipt {} of it was posted by hand: where those are the same units, discard this; \
             else add a line for them to the purchase, then replay",
            words(extra),
            other.number
        )));
    }
    if erp.settings.extras == Extras::Count {
        log::warn!("{} are on no line of {purchase} with room for them: left to inventory.updated", words(extra));
        return Ok(less(came, extra));
    }
    for (sku, quantity) in extra {
        let added = |order: &Order| {
            let new = |id: &str| !before.lines.iter().any(|line| line.id == id);
            order.lines.iter().any(|line| new(&line.id) && line.sku == *sku)
        };
        if !added(&find(erp, purchase, false)?) {
            let body = json!({ "lineType": "Item", "lineObjectNumber": sku, "quantity": quantity });
            let request = erp.post(&format!("purchaseOrders({})/purchaseOrderLines", before.id)).json(&body);
            erp.once(&format!("add a line for {sku}"), &request, || Ok(added(&find(erp, purchase, false)?)))?;
        }
    }
    Ok(came.clone())
}

/// Brings a purchase one step nearer to a posting of just these units.
fn post(erp: &Erp<'_>, purchase: &str, number: &str, wanted: &Units) -> Result<(), Failure> {
    let order = find(erp, purchase, false)?;
    let changes = changes(&order, wanted, RECEIVE, erp.settings.invoice_receipts)
        .map_err(|why| Failure::reject(format!("{number}: {why}. Mend the purchase there, then replay")))?;
    for (line, body) in &changes {
        let record = erp.standard(&format!("purchaseOrderLines({})", line.id));
        if erp.change("set a line", &record, &line.etag, body)? == Changed::Overtaken {
            return Ok(());
        }
    }
    if !changes.is_empty() {
        return Ok(());
    }
    let request = erp.post(&format!("purchaseOrders({})/Microsoft.NAV.receiveAndInvoice", order.id));
    let is_posted = || Ok(unclaimed(erp, purchase)?.iter().any(|receipt| receipt.contents() == *wanted));
    erp.once("receive", &request, is_posted)
}

fn find(erp: &Erp<'_>, number: &str, once: bool) -> Result<Order, Failure> {
    let (step, set, filter, expand) = ("look for the purchase order", "purchaseOrders", is("number", number), "purchaseOrderLines");
    let found: Vec<Order> =
        if once { erp.list_once("the purchase order before", set, &filter, expand) } else { erp.list(step, set, &filter, expand) }?;
    found.into_iter().next().ok_or_else(|| {
        Failure::reject(format!("Business Central has no open purchase order {number}: where all of it was received by hand, discard this"))
    })
}

/// The receipts of a purchase.
pub(crate) fn receipts(erp: &Erp<'_>, purchase: &str) -> Result<Vec<Posted>, Failure> {
    erp.list("look for its receipts", "purchaseReceipts", &is("orderNumber", purchase), "purchaseReceiptLines")
}

/// Those that are no other shipment's.
fn unclaimed(erp: &Erp<'_>, purchase: &str) -> Result<Vec<Posted>, Failure> {
    let mut left = Vec::new();
    for receipt in receipts(erp, purchase)? {
        if state::get::<String>(&claimed(&receipt.id))?.is_none() {
            left.push(receipt);
        }
    }
    Ok(left)
}

/// What is remembered of a shipment.
pub(crate) fn claim_of(number: &str) -> Result<Option<Claim>, Failure> {
    state::get(&key(number))
}

fn key(number: &str) -> String {
    format!("shipment/{number}")
}

fn claimed(receipt: &str) -> String {
    format!("receipt/{}", receipt.to_ascii_lowercase())
}
