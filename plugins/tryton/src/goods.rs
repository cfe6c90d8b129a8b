//! Goods that came in: inbound shipments against their purchase, and returns of customers.

use std::collections::BTreeMap;

use mortar_sdk::inbound_shipment_events::InboundShipment;
use mortar_sdk::return_events::ReturnShipment;
use mortar_sdk::{Failure, Json, Outcome, done, ignored, json, log};
use serde::Deserialize;

use crate::erp::{Erp, one};
use crate::map::goods::{Came, adjust, awaited, came, place};
use crate::map::query::{Query, path};
use crate::map::record::{Move, Named, Product, Receipt, by_name};

const STEPS: usize = 10;

/// What is read of a receipt; its last field is named after who sent the goods.
macro_rules! receipt {
    ($from:literal) => {
        &[
            "state",
            "company.currency",
            "warehouse_input",
            "incoming_moves.state",
            "incoming_moves.quantity",
            "incoming_moves.product.code",
            "incoming_moves.origin",
            "inventory_moves.state",
            "inventory_moves.quantity",
            "inventory_moves.product.code",
            "inventory_moves.to_location",
            "inventory_moves.origin",
            "inventory_moves.unit",
            $from,
        ]
    };
}

/// A kind of receipt.
struct Kind {
    model: &'static str,
    fields: &'static [&'static str],
}

const INBOUND: Kind = Kind { model: "stock.shipment.in", fields: receipt!("supplier_location") };
const RETURN: Kind = Kind { model: "stock.shipment.out.return", fields: receipt!("customer_location") };

/// A warehouse, as purchases and sales name it.
#[derive(Debug, Deserialize)]
struct Warehouse {
    id: i64,
    input_location: i64,
    storage_location: i64,
}

#[derive(Debug, Deserialize)]
struct Purchase {
    state: String,
    party: i64,
    warehouse: Warehouse,
    moves: Vec<Move>,
}

#[derive(Debug, Deserialize)]
struct Sold {
    party: i64,
    warehouse: Warehouse,
}

/// Receives an inbound shipment against its purchase.
pub(crate) fn receive(erp: &Erp<'_>, shipment: &InboundShipment) -> Result<Outcome, Failure> {
    let came = came(shipment.lines.iter().map(|line| (line.sku.clone(), line.received, line.damaged)));
    if came.is_empty() {
        return ignored("nothing came");
    }
    let create = || {
        let order = shipment.purchase_order.as_deref().unwrap_or(&shipment.number);
        let purchase = find_purchase(erp, order)?;
        if matches!(purchase.state.as_str(), "draft" | "quotation" | "confirmed") {
            return Err(Failure::retry(format!("the purchase {order} is not processed in Tryton yet, so there is nothing to receive")));
        }
        let Warehouse { id, input_location, storage_location } = purchase.warehouse;
        let moves: Vec<_> = awaited(&purchase.moves, &came).iter().map(|m| m.id).collect();
        Ok(json!({
            "company": erp.settings.company, "supplier": purchase.party, "reference": shipment.number,
            "warehouse": id, "warehouse_input": input_location, "warehouse_storage": storage_location,
            "incoming_moves": [["add", moves]],
        }))
    };
    finish(erp, &INBOUND, &shipment.number, &came, create)
}

/// Takes back what a customer returned.
pub(crate) fn take_back(erp: &Erp<'_>, shipment: &ReturnShipment) -> Result<Outcome, Failure> {
    let came = came(shipment.lines.iter().map(|line| (line.sku.clone(), line.received, line.damaged)));
    if came.is_empty() {
        return ignored("nothing came");
    }
    let create = || {
        let order = shipment.lines.iter().find_map(|line| line.order.as_deref());
        let number = &shipment.number;
        let unknown = || {
            Failure::reject(format!(
                "no line of the return {number} names its order, so its customer is unknown: make the return in Tryton with the reference {number}, then replay"
            ))
        };
        let sold = find_sold(erp, order.ok_or_else(unknown)?)?;
        let Warehouse { id, input_location, storage_location } = sold.warehouse;
        Ok(json!({
            "company": erp.settings.company, "customer": sold.party, "reference": number,
            "warehouse": id, "warehouse_input": input_location, "warehouse_storage": storage_location,
        }))
    };
    finish(erp, &RETURN, &shipment.number, &came, create)
}

fn find_purchase(erp: &Erp<'_>, order: &str) -> Result<Purchase, Failure> {
    let domain = json!([
        ["company", "=", erp.settings.company],
        ["state", "!=", "cancelled"],
        ["OR", ["reference", "=", order], ["number", "=", order]]
    ]);
    let fields = &[
        "state",
        "party",
        "warehouse.input_location",
        "warehouse.storage_location",
        "moves.state",
        "moves.quantity",
        "moves.product.code",
        "moves.shipment",
    ];
    let found = erp.search("look for the purchase", &Query { model: "purchase.purchase", domain, fields, locations: &[] })?;
    one(found, &format!("purchase with the reference or number {order}"))
}

fn find_sold(erp: &Erp<'_>, order: &str) -> Result<Sold, Failure> {
    let domain = json!([
        ["company", "=", erp.settings.company],
        ["state", "!=", "cancelled"],
        ["OR", ["reference", "=", order], ["number", "=", order]]
    ]);
    let fields = &["party", "warehouse.input_location", "warehouse.storage_location"];
    let found = erp.search("look for the sale", &Query { model: "sale.sale", domain, fields, locations: &[] })?;
    one(found, &format!("sale with the reference or number {order}"))
}

/// Brings the receipt of this number to its end, from whatever state it is in.
fn finish(
    erp: &Erp<'_>,
    kind: &Kind,
    number: &str,
    came: &BTreeMap<String, Came>,
    create: impl FnOnce() -> Result<Json, Failure>,
) -> Result<Outcome, Failure> {
    let domain = json!([["company", "=", erp.settings.company], ["reference", "=", number], ["state", "!=", "cancelled"]]);
    let query = Query { model: kind.model, domain, fields: kind.fields, locations: &[] };
    let look = || erp.find("look for the receipt", &query);
    let mut receipt: Receipt = match look()? {
        Some(found) => found.json()?,
        None => erp.create("receipt", &erp.request("POST", &path(kind.model, None, kind.fields)).json(&create()?), look)?,
    };
    if receipt.state == "done" {
        log::info!("{number} is received in Tryton already");
        return done();
    }
    for _ in 0..STEPS {
        let change = match receipt.state.as_str() {
            "draft" => adjust(&receipt, came, &find_products(erp, &receipt, came)?),
            "received" => {
                let (good, damaged) = find_places(erp)?;
                place(&receipt, came, good, damaged)
            }
            "done" => return done(),
            state => Err(format!("{number} is {state} in Tryton")),
        };
        receipt = match change.map_err(Failure::reject)? {
            Some(fields) => erp.put(&format!("set what is {}", receipt.state), kind.model, receipt.id, &fields, kind.fields)?,
            None => {
                let action = if receipt.state == "draft" { "receive" } else { "do" };
                erp.act(action, kind.model, &receipt, action, kind.fields)?
            }
        };
    }
    Err(Failure::reject(format!("{number} does not get beyond `{}` in Tryton", receipt.state)))
}

/// The products of what came and has no move in the receipt.
fn find_products(erp: &Erp<'_>, receipt: &Receipt, came: &BTreeMap<String, Came>) -> Result<BTreeMap<String, Product>, Failure> {
    let known = |sku: &&String| receipt.incoming_moves.iter().any(|m| m.sku() == sku.as_str());
    let unknown: Vec<_> = came.keys().filter(|sku| !known(sku)).collect();
    if unknown.is_empty() {
        return Ok(BTreeMap::new());
    }
    let domain = json!([["code", "in", unknown]]);
    let fields = &["code", "default_uom", "cost_price"];
    let found: Vec<Product> = erp.search("look for the products", &Query { model: "product.product", domain, fields, locations: &[] })?;
    Ok(found.into_iter().filter_map(|product| Some((product.code.clone()?, product))).collect())
}

/// Where good and damaged units are put.
fn find_places(erp: &Erp<'_>) -> Result<(i64, Option<i64>), Failure> {
    let places = &erp.settings.places;
    let codes: Vec<_> = [Some(&places.good), places.damaged.as_ref()].into_iter().flatten().collect();
    let query = Query { model: "stock.location", domain: json!([["code", "in", codes]]), fields: &["code"], locations: &[] };
    let found: Vec<Named> = erp.search("look for the places", &query)?;
    let id = |code: &String| by_name(&found, code).map(|place| place.id).ok_or_else(|| unknown_place(code));
    Ok((id(&places.good)?, places.damaged.as_ref().map(id).transpose()?))
}

/// A code of the settings that Tryton does not know.
pub(crate) fn unknown_place(code: &str) -> Failure {
    Failure::reject(format!("Tryton has no location with the code `{code}`, which [config] names"))
}
