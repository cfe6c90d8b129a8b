//! Callbacks about what the tests have put into the ERP.

use serde_json::{Value, json};

use crate::fixtures::fresh;

/// A parcel: its name, its tracking number, its carrier, what is in it.
pub type Parcel<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, i64)]);

fn lines(lines: &[(&str, i64)]) -> Value {
    lines.iter().map(|(sku, quantity)| json!({ "sku_customer_id": sku, "quantity": quantity })).collect()
}

/// `order.fulfilled`
pub fn fulfilled(order: &str, parcels: &[Parcel<'_>], shorts: &[(&str, i64)]) -> Value {
    let mut callback = fresh("order.fulfilled");
    let record = &mut callback["data"][0];
    record["customer_identifier"] = order.into();
    let parcel = |(name, tracking, carrier, held): &Parcel<'_>| {
        json!({
            "shipment_id": name, "customer_order_id": order, "shipping_provider": carrier, "tracking_number": tracking,
            "shipment_line_items": lines(held),
        })
    };
    record["shipments"] = parcels.iter().map(parcel).collect();
    record["shorts"] = if shorts.is_empty() { Value::Null } else { lines(shorts) };
    record.as_object_mut().unwrap().remove("line_items");
    callback
}

/// `order.cancelled`
pub fn cancelled(order: &str) -> Value {
    let mut callback = fresh("order.cancelled");
    callback["data"][0]["customer_identifier"] = order.into();
    callback
}

/// `order.update_resolved` or `order.cancel_resolved`; a reason means that it was refused.
pub fn resolved(event_type: &str, order: &str, reason: Option<&str>) -> Value {
    let mut callback = fresh(event_type);
    let record = &mut callback["data"][0];
    record["customer_order_id"] = order.into();
    record["status"] = if reason.is_some() { "failure" } else { "success" }.into();
    record["reason"] = reason.into();
    callback
}

/// `inventory.updated`, counted at a second of a day.
pub fn counted(sku: &str, counts: &[(&str, i64)], second: u8) -> Value {
    let mut callback = fresh("inventory.updated");
    let record = &mut callback["data"][0];
    let at = format!("2026-01-05T18:21:{second:02}Z");
    record["customer_identifier"] = sku.into();
    record["as_of"] = at.as_str().into();
    record["total_units"] = counts.iter().map(|(_, quantity)| quantity).sum::<i64>().into();
    let count = |(status, quantity): &(&str, i64)| json!({ "inventory_location_id": "L1", "inventory_status": status, "quantity": quantity, "as_of": at });
    record["status_counts"] = counts.iter().map(count).collect();
    record["inventory_events"] = json!([]);
    callback
}

/// A line of goods that came in: SKU, announced, came, of those damaged.
pub type Came<'a> = (&'a str, i64, i64, i64);

fn receiving(received: i64, damaged: i64) -> Value {
    let mut details = json!({ "available": [{ "notes": "", "quantity": received - damaged }] });
    if damaged > 0 {
        details["damaged"] = json!([{ "notes": "crushed", "quantity": damaged }]);
    }
    details
}

/// `inbound_shipment.received`
pub fn received(number: &str, purchase: &str, came: &[Came<'_>]) -> Value {
    let mut callback = fresh("inbound_shipment.received");
    let record = &mut callback["data"][0];
    record["customer_identifier"] = number.into();
    record["details"]["customer_identifier"] = number.into();
    record["details"]["customer_purchase_order_id"] = purchase.into();
    let line = |(sku, expected, received, damaged): &Came<'_>| {
        json!({
            "customer_sku_id": sku, "quantity": expected, "total_quantity_received": received,
            "not_on_original_shipment": *expected == 0, "receiving_details": receiving(*received, *damaged),
        })
    };
    record["details"]["line_items"] = came.iter().map(line).collect();
    callback
}

/// `return.received`
pub fn returned(number: &str, order: &str, came: &[Came<'_>]) -> Value {
    let mut callback = fresh("return.received");
    let record = &mut callback["data"][0];
    record["customer_identifier"] = number.into();
    let line = |(sku, expected, received, damaged): &Came<'_>| {
        json!({
            "customer_order_id": order, "customer_sku_id": sku, "quantity": expected, "quantity_received": received,
            "return_reason_code": "tooBig", "not_on_original_rma": *expected == 0, "receiving_details": receiving(*received, *damaged),
        })
    };
    record["details"]["line_items"] = came.iter().map(line).collect();
    callback
}
