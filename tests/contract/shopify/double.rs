//! A Shopify that keeps its records in memory, and does with them what the public documents say.

use std::sync::Mutex;

use apollo_compiler::Schema;
use apollo_compiler::validation::Valid;
use serde_json::{Value, json};

use super::graphql::{Root, execute};
use crate::service::{Reply, Request, Vendor};

const TOKEN: &str = "shpat_1";

pub(super) struct Double {
    schema: Valid<Schema>,
    shop: Shop,
}

#[derive(Default)]
pub(super) struct Shop(Mutex<State>);

#[derive(Default)]
struct State {
    orders: Vec<Value>,
    items: Vec<Value>,
    told: Vec<String>,
    /// How many more units somebody sells just before the next count.
    sold: i64,
}

impl Double {
    pub(super) fn new() -> Self {
        let file = mortar_tests::paths::root().join("tests/contract/shopify/schema.graphql");
        let schema = Schema::parse_and_validate(std::fs::read_to_string(&file).unwrap(), file).unwrap();
        Self { schema, shop: Shop::default() }
    }

    /// An order whose lines are fulfilled from one location, in this state.
    pub(super) fn order(&self, name: &str, location: &str, status: &str, lines: &[(&str, i64)]) {
        let mut state = self.shop.0.lock().unwrap();
        let id = state.orders.len() + 1;
        let line = |(at, (sku, quantity)): (usize, &(&str, i64))| json!({ "id": format!("gid://shopify/FulfillmentOrderLineItem/{id}{at}"), "sku": sku, "totalQuantity": quantity, "remainingQuantity": quantity });
        let fulfillment_order = json!({
            "id": format!("gid://shopify/FulfillmentOrder/{id}"), "status": status,
            "assignedLocation": { "name": location, "location": { "id": format!("gid://shopify/Location/{location}"), "name": location } },
            "lineItems": page(lines.iter().enumerate().map(line).collect()),
        });
        state.orders.push(json!({
            "id": format!("gid://shopify/Order/{id}"), "name": name, "cancelledAt": null, "fulfillments": [],
            "fulfillmentOrders": page(vec![fulfillment_order]),
        }));
    }

    /// Lets a fulfillment order go on.
    pub(super) fn release(&self, name: &str) {
        let mut state = self.shop.0.lock().unwrap();
        let order = state.orders.iter_mut().find(|order| order["name"] == name).unwrap();
        order["fulfillmentOrders"]["nodes"][0]["status"] = "OPEN".into();
    }

    /// Stocks a SKU at a location.
    pub(super) fn stock(&self, sku: &str, location: &str, on_hand: i64) {
        let level = json!({
            "id": "gid://shopify/InventoryLevel/1", "location": { "id": format!("gid://shopify/Location/{location}"), "name": location },
            "quantities": [{ "id": "gid://shopify/InventoryQuantity/1", "name": "on_hand", "quantity": on_hand }],
        });
        let item = json!({ "id": format!("gid://shopify/InventoryItem/{sku}"), "sku": sku, "tracked": true, "inventoryLevels": page(vec![level]) });
        self.shop.0.lock().unwrap().items.push(item);
    }

    /// Somebody sells so many just before the next count is set.
    pub(super) fn sells_meanwhile(&self, units: i64) {
        self.shop.0.lock().unwrap().sold = units;
    }

    pub(super) fn on_hand(&self, sku: &str) -> i64 {
        let state = self.shop.0.lock().unwrap();
        let item = state.items.iter().find(|item| item["sku"] == sku).unwrap();
        item["inventoryLevels"]["nodes"][0]["quantities"][0]["quantity"].as_i64().unwrap()
    }

    /// On how many fulfillments a tracking number is.
    pub(super) fn tracked(&self, number: &str) -> usize {
        let state = self.shop.0.lock().unwrap();
        let fulfillments = state.orders.iter().flat_map(|order| order["fulfillments"].as_array().unwrap());
        fulfillments.filter(|fulfillment| fulfillment["trackingInfo"][0]["number"] == number).count()
    }

    pub(super) fn find(&self, name: &str) -> Value {
        self.shop.0.lock().unwrap().orders.iter().find(|order| order["name"] == name).unwrap().clone()
    }

    /// The tracking numbers that customers were told of.
    pub(super) fn told(&self) -> Vec<String> {
        self.shop.0.lock().unwrap().told.clone()
    }
}

impl Vendor for Double {
    fn answer(&self, request: &Request) -> Reply {
        if request.path == "/admin/oauth/access_token" {
            return match request.body["client_secret"].as_str() {
                Some("s3cret") => Reply::new(200, json!({ "access_token": TOKEN, "scope": "write_orders", "expires_in": 86399 })),
                _ => Reply::new(400, json!({ "error": "invalid_client" })),
            };
        }
        if request.header("x-shopify-access-token") != Some(TOKEN) {
            return Reply::new(401, json!({ "errors": "[API] Invalid API key or access token (unrecognized login or wrong password)" }));
        }
        Reply::new(200, execute(&self.schema, &request.body, &self.shop))
    }
}

impl Root for Shop {
    fn field(&self, name: &str, arguments: &Value, directives: &[String]) -> Value {
        let mut state = self.0.lock().unwrap();
        match name {
            "orders" => page(searched(&state.orders, "name", arguments)),
            "inventoryItems" => page(searched(&state.items, "sku", arguments)),
            "order" => state.orders.iter().find(|order| order["id"] == arguments["id"]).cloned().unwrap_or_default(),
            "fulfillmentCreate" => state.fulfil(&arguments["fulfillment"]),
            "fulfillmentEventCreate" => state.arrive(&arguments["fulfillmentEvent"]),
            "orderCancel" => state.cancel(arguments),
            "inventorySetQuantities" if directives == ["idempotent"] => state.count(&arguments["input"]),
            other => panic!("{other} with {directives:?}"),
        }
    }
}

impl State {
    fn fulfil(&mut self, input: &Value) -> Value {
        let refuse = |message: &str| json!({ "fulfillment": null, "userErrors": [{ "field": ["fulfillment"], "message": message }] });
        let id = format!(
            "gid://shopify/Fulfillment/{}",
            self.orders.iter().map(|o| o["fulfillments"].as_array().unwrap().len()).sum::<usize>() + 1
        );
        let parts = input["lineItemsByFulfillmentOrder"].as_array().unwrap();
        let has = |order: &Value| nodes(&order["fulfillmentOrders"]).any(|found| found["id"] == parts[0]["fulfillmentOrderId"]);
        let Some(order) = self.orders.iter_mut().find(|order| has(order)) else { return refuse("Fulfillment order does not exist.") };
        let before = order.clone();
        for part in parts {
            let found = order["fulfillmentOrders"]["nodes"].as_array_mut().unwrap().iter_mut();
            let Some(found) = found.into_iter().find(|found| found["id"] == part["fulfillmentOrderId"]) else {
                *order = before;
                return refuse("All fulfillment orders must be of one order.");
            };
            for wanted in part["fulfillmentOrderLineItems"].as_array().unwrap() {
                let lines = found["lineItems"]["nodes"].as_array_mut().unwrap();
                let line = lines.iter_mut().find(|line| line["id"] == wanted["id"]).unwrap();
                let left = line["remainingQuantity"].as_i64().unwrap() - wanted["quantity"].as_i64().unwrap();
                if left < 0 {
                    *order = before;
                    return refuse("Invalid fulfillment order line item quantity requested.");
                }
                line["remainingQuantity"] = left.into();
            }
            if nodes(&found["lineItems"]).all(|line| line["remainingQuantity"] == 0) {
                found["status"] = "CLOSED".into();
            }
        }
        let tracking = &input["trackingInfo"];
        if input["notifyCustomer"] == true {
            self.told.push(tracking["number"].as_str().unwrap().to_owned());
        }
        let info = json!({ "company": tracking["company"], "number": tracking["number"], "url": tracking["url"] });
        let made = json!({ "id": id, "name": "#1001-F1", "status": "SUCCESS", "deliveredAt": null, "trackingInfo": [info] });
        order["fulfillments"].as_array_mut().unwrap().push(made.clone());
        json!({ "fulfillment": made, "userErrors": [] })
    }

    fn arrive(&mut self, event: &Value) -> Value {
        let fulfillments = self.orders.iter_mut().flat_map(|order| order["fulfillments"].as_array_mut().unwrap());
        for fulfillment in fulfillments.filter(|fulfillment| fulfillment["id"] == event["fulfillmentId"]) {
            // Without a time, it happened now.
            fulfillment["deliveredAt"] = event["happenedAt"].as_str().unwrap_or("2026-01-07T10:00:00Z").into();
        }
        json!({ "fulfillmentEvent": { "id": "gid://shopify/FulfillmentEvent/1" }, "userErrors": [] })
    }

    fn cancel(&mut self, arguments: &Value) -> Value {
        let order = self.orders.iter_mut().find(|order| order["id"] == arguments["orderId"]).unwrap();
        let mut errors = json!([]);
        if !order["cancelledAt"].is_null() || order["fulfillments"] != json!([]) {
            errors = json!([{ "field": ["orderId"], "message": "Cannot cancel this order.", "code": "INVALID" }]);
        } else {
            order["cancelledAt"] = "2026-01-05T18:20:00Z".into();
        }
        json!({ "job": { "id": "gid://shopify/Job/1", "done": false }, "orderCancelUserErrors": errors })
    }

    fn count(&mut self, input: &Value) -> Value {
        let refuse =
            |code: &str| json!({ "inventoryAdjustmentGroup": null, "userErrors": [{ "field": ["input"], "message": "no", "code": code }] });
        if !input["referenceDocumentUri"].as_str().is_some_and(|uri| uri.starts_with("gid://")) || input["reason"] != "correction" {
            return refuse("INVALID_REFERENCE_DOCUMENT");
        }
        let sold = std::mem::take(&mut self.sold);
        for wanted in input["quantities"].as_array().unwrap() {
            let Some(item) = self.items.iter_mut().find(|item| item["id"] == wanted["inventoryItemId"]) else {
                return refuse("INVALID_INVENTORY_ITEM");
            };
            let held = &mut item["inventoryLevels"]["nodes"][0]["quantities"][0]["quantity"];
            *held = (held.as_i64().unwrap() - sold).into();
            if wanted.get("changeFromQuantity") != Some(held) {
                return refuse("CHANGE_FROM_QUANTITY_STALE");
            }
            *held = wanted["quantity"].clone();
        }
        json!({ "inventoryAdjustmentGroup": { "id": "gid://shopify/InventoryAdjustmentGroup/1" }, "userErrors": [] })
    }
}

fn page(nodes: Vec<Value>) -> Value {
    json!({ "nodes": nodes, "pageInfo": { "hasNextPage": false } })
}

fn nodes(page: &Value) -> impl Iterator<Item = &Value> {
    page["nodes"].as_array().unwrap().iter()
}

/// Shopify's search finds what begins like the value, whatever stands before it.
fn searched(all: &[Value], field: &str, arguments: &Value) -> Vec<Value> {
    let query = arguments["query"].as_str().unwrap();
    let value = query.strip_prefix(&format!("{field}:\"")).and_then(|rest| rest.strip_suffix('"')).unwrap_or_else(|| panic!("{query}"));
    let matches = |record: &&Value| record[field].as_str().is_some_and(|text| text.trim_start_matches('#').starts_with(value));
    all.iter().filter(matches).cloned().collect()
}
