//! What the API knows. Callbacks and requests tell it, so that both ways of asking agree.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{list, merge, text};

/// Records as the API lists them, in the order of their creation.
#[derive(Default)]
pub(super) struct Warehouse {
    pub(super) orders: Vec<Value>,
    pub(super) inbound: Vec<Value>,
    /// The newest count of each SKU.
    pub(super) stock: Vec<Value>,
    pub(super) returns: Vec<Value>,
    /// Updates and cancellations that were asked for; `cancel` tells them apart.
    pub(super) requests: Vec<Value>,
    /// Snapshots by id, as they were when they were requested.
    pub(super) snapshots: HashMap<String, Value>,
}

impl Warehouse {
    /// Takes in what a callback's body says: an envelope, several, or a flat record.
    pub(super) fn learn(&mut self, body: &Value) {
        match body {
            Value::Array(envelopes) => envelopes.iter().for_each(|envelope| self.learn(envelope)),
            flat if flat.get("event_type").is_some() => self.learn_flat(flat),
            envelope => {
                let message_type = text(envelope, "message_type").unwrap_or_default();
                list(envelope, "data").iter().for_each(|record| self.learn_record(message_type, record));
            }
        }
    }

    /// Takes in one record of a callback.
    pub(super) fn learn_record(&mut self, message_type: &str, record: &Value) {
        let Some(number) = text(record, "customer_identifier") else { return };
        match message_type {
            "orderEvent" => self.order(number, record),
            "inboundShipmentEvent" => goods(&mut self.inbound, number, record),
            "rmaEvent" => goods(&mut self.returns, number, record),
            "skuInventoryChange" => self.count(number, record),
            _ => {}
        }
    }

    fn learn_flat(&mut self, flat: &Value) {
        let Some(number) = text(flat, "external_id") else { return };
        let at = &flat["timestamp"];
        match text(flat, "event_type") {
            Some("order.shipped") => {
                // The flat shape names its parcels by their tracking numbers alone, which the
                // warehouse knows.
                self.order(number, &json!({"id": flat["order_id"], "status": "tendered", "updated_at": at}));
            }
            Some("inbound_shipment.received") => {
                let line = |item: &Value| {
                    json!({
                        "customer_sku_id": item["sku"],
                        "quantity": item["expected_quantity"],
                        "total_quantity_received": item["received_quantity"],
                    })
                };
                let lines: Vec<_> = list(flat, "received_items").iter().map(line).collect();
                let record = json!({
                    "id": flat["inbound_shipment_id"], "status": "receivingCompleted", "as_of": at, "details": {"line_items": lines},
                });
                goods(&mut self.inbound, number, &record);
            }
            _ => {}
        }
    }

    fn order(&mut self, number: &str, record: &Value) {
        let order = entry(&mut self.orders, number, record);
        if let Some(id) = text(record, "id").or(text(record, "order_id")) {
            order["id"] = json!(id);
        }
        order["status"] = record["status"].clone();
        order["updated_at"] = record["updated_at"].clone();
        for field in ["line_items", "shorts"] {
            if !list(record, field).is_empty() {
                order[field] = record[field].clone();
            }
        }
        for parcel in list(record, "shipments") {
            let known = order["shipments"].as_array_mut().expect("an entry has a list of shipments");
            match known.iter_mut().find(|known| known["shipment_id"] == parcel["shipment_id"]) {
                Some(known) => merge(known, parcel),
                None => known.push(parcel.clone()),
            }
        }
    }

    /// An older count never overwrites a newer one.
    fn count(&mut self, sku: &str, record: &Value) {
        let at = |record: &Value| text(record, "as_of").and_then(|at| at.parse::<Timestamp>().ok());
        let mut record = record.clone();
        if let Some(fields) = record.as_object_mut() {
            fields.remove("inventory_events");
        }
        match self.stock.iter_mut().find(|known| known["customer_identifier"] == sku) {
            Some(known) if at(known) > at(&record) => {}
            Some(known) => *known = record,
            None => self.stock.push(record),
        }
    }

    /// Requests of one kind, without what only this double needs to know.
    pub(super) fn requests(&self, cancel: bool) -> Vec<Value> {
        let listed = self.requests.iter().filter(|request| request["cancel"] == cancel).cloned();
        let shown = |mut request: Value| {
            if let Some(fields) = request.as_object_mut() {
                fields.remove("cancel");
            }
            request
        };
        listed.map(shown).collect()
    }
}

/// The record of a number; a new one where there is none.
pub(super) fn entry<'a>(records: &'a mut Vec<Value>, number: &str, told: &Value) -> &'a mut Value {
    let place = records.iter().position(|known| known["customer_identifier"] == number).unwrap_or_else(|| {
        let at = told.get("updated_at").or(told.get("as_of")).cloned();
        records.push(json!({"customer_identifier": number, "created_at": at, "line_items": [], "shipments": [], "shorts": []}));
        records.len() - 1
    });
    &mut records[place]
}

/// An inbound shipment or a return. What its callbacks call `details` are its own fields here.
fn goods(records: &mut Vec<Value>, number: &str, record: &Value) {
    let known = entry(records, number, record);
    merge(known, &record["details"]);
    if let Some(id) = text(record, "id") {
        known["id"] = json!(id);
    }
    known["customer_identifier"] = json!(number);
    // Api 2.0 has a return's status in `event_type`.
    known["status"] = json!(text(record, "status").or(text(record, "event_type")));
    known["updated_at"] = record["as_of"].clone();
    if let Some(fields) = known.as_object_mut() {
        fields.remove("shipments");
        fields.remove("shorts");
    }
}
