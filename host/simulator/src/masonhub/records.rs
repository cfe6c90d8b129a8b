//! The records inside callbacks, in MasonHub's spelling, whose versions and pages differ.

use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::{Value, json};

use super::truth::{Count, Line, Parcel, Received};

/// How a callback spells what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// No `api_version`.
    Silent,
    /// `api_version` 1.0.
    V1,
    /// `api_version` 2.0: snake_case statuses, other field names, times with an offset, and absent
    /// fields instead of null ones.
    V2,
}

impl Dialect {
    pub(super) fn api_version(self) -> Option<&'static str> {
        match self {
            Self::Silent => None,
            Self::V1 => Some("1.0"),
            Self::V2 => Some("2.0"),
        }
    }

    /// A status that is given in camelCase.
    fn status(self, camel: &str) -> String {
        if self != Self::V2 {
            return camel.to_owned();
        }
        camel.chars().fold(String::new(), |mut snake, c| {
            if c.is_ascii_uppercase() {
                snake.push('_');
            }
            snake.push(c.to_ascii_lowercase());
            snake
        })
    }

    fn time(self, at: Timestamp) -> String {
        match self {
            Self::V2 => at.display_with_offset(Offset::constant(-4)).to_string(),
            Self::Silent | Self::V1 => at.to_string(),
        }
    }
}

/// What an order record is made of.
pub(super) struct OrderRecord<'a> {
    pub(super) id: &'a str,
    pub(super) number: &'a str,
    pub(super) status: &'a str,
    pub(super) at: Timestamp,
    pub(super) parcels: &'a [Parcel],
    pub(super) shorts: &'a [Line],
    pub(super) ordered: &'a [Line],
}

impl OrderRecord<'_> {
    pub(super) fn write(&self, dialect: Dialect) -> Value {
        let mut record = json!({
            "customer_identifier": self.number,
            "status": dialect.status(self.status),
            "updated_at": dialect.time(self.at),
        });
        if dialect != Dialect::V2 {
            record["id"] = json!(self.id);
        }
        if dialect != Dialect::Silent {
            record["order_id"] = json!(self.id);
        }
        let parcels = self.parcels.iter().map(|p| parcel(p, self.number, dialect)).collect();
        set_list(&mut record, "shipments", parcels, dialect);
        let shorts = self.shorts.iter().map(|s| json!({"sku_customer_id": s.sku, "quantity": s.quantity, "reason": "damage"}));
        set_list(&mut record, "shorts", shorts.collect(), dialect);
        if !self.ordered.is_empty() {
            record["line_items"] = order_lines(self.ordered);
        }
        record
    }

    /// The flat shape of the ERP guide, which is a whole body.
    pub(super) fn write_flat(&self, event_type: &str) -> Value {
        let parcel = |p: &Parcel| json!({"tracking_number": p.tracking_number, "carrier": p.carrier, "service_level": p.service});
        json!({
            "event_type": event_type,
            "order_id": self.id,
            "external_id": self.number,
            "shipments": self.parcels.iter().map(parcel).collect::<Vec<_>>(),
            "timestamp": self.at.to_string(),
        })
    }
}

pub(super) fn parcel(parcel: &Parcel, order: &str, dialect: Dialect) -> Value {
    let service = if dialect == Dialect::V2 { "shipping_service_level" } else { "shipper_service_level" };
    let units: i64 = parcel.lines.iter().map(|l| l.quantity).sum();
    json!({
        "shipment_id": parcel.shipment_id,
        "customer_order_id": order,
        "shipping_provider": parcel.carrier,
        service: parcel.service,
        "tracking_number": parcel.tracking_number,
        "tracking_url": format!("https://track.example.com/{}", parcel.tracking_number),
        "shipment_date_time": dialect.time(parcel.shipped_at),
        "shipment_line_items": order_lines(&parcel.lines),
        "shipment_weight": f64::from(u32::try_from(units).unwrap_or_default() * 8 + 3) / 10.0,
        "shipment_weight_uom": "LB",
        "carton_id": format!("C-{}", parcel.shipment_id),
        "inventory_location_short_code": "FN1",
    })
}

pub(super) fn order_lines(lines: &[Line]) -> Value {
    lines.iter().map(|l| json!({"sku_customer_id": l.sku, "quantity": l.quantity})).collect()
}

/// An empty list is null, or absent in api 2.0.
fn set_list(record: &mut Value, field: &str, list: Vec<Value>, dialect: Dialect) {
    match (list.is_empty(), dialect) {
        (true, Dialect::V2) => {}
        (true, _) => record[field] = Value::Null,
        (false, _) => record[field] = Value::Array(list),
    }
}

/// A decision on a requested change; a reason means that it was refused.
pub(super) fn resolution(id: &str, order: &str, reason: Option<&str>, asked: Timestamp, at: Timestamp, dialect: Dialect) -> Value {
    json!({
        "id": id,
        "customer_order_id": order,
        "status": if reason.is_some() { "failure" } else { "success" },
        "reason": reason,
        "created_at": dialect.time(asked),
        "updated_at": dialect.time(at),
        "deleted_at": null,
    })
}

/// The status of an inbound shipment.
pub(super) fn inbound(id: &str, number: &str, status: &str, at: Timestamp, dialect: Dialect) -> Value {
    json!({"id": id, "customer_identifier": number, "status": dialect.status(status), "as_of": dialect.time(at)})
}

/// What came of an inbound shipment; `times` are those of arrival and of the start of receiving.
pub(super) fn inbound_details(record: &Value, times: [Timestamp; 2], lines: &[Received], dialect: Dialect) -> Value {
    let damaged: i64 = lines.iter().map(|l| l.damaged).sum();
    let line = |l: &Received| {
        json!({
            "customer_sku_id": l.sku,
            "quantity": l.expected,
            "total_quantity_received": l.received,
            "not_on_original_shipment": l.expected == 0,
            "receiving_details": receiving_details(l),
        })
    };
    json!({
        "id": record["id"],
        "customer_identifier": record["customer_identifier"],
        "customer_purchase_order_id": format!("PO-{}", record["customer_identifier"].as_str().unwrap_or_default()),
        "inventory_location_id": LOCATION,
        "status": "received",
        "arrived_at": dialect.time(times[0]),
        "started_receiving_at": dialect.time(times[1]),
        "finished_receiving_at": record["as_of"],
        "exceptions": (damaged > 0).then(|| format!("{damaged} units damaged")),
        "line_items": lines.iter().map(line).collect::<Vec<_>>(),
    })
}

/// The flat shape of a received inbound shipment, which is a whole body.
pub(super) fn inbound_flat(id: &str, number: &str, at: Timestamp, lines: &[Received]) -> Value {
    let line = |l: &Received| {
        let reason = (l.received != l.expected).then_some("quantity_mismatch");
        json!({"sku": l.sku, "expected_quantity": l.expected, "received_quantity": l.received, "discrepancy_reason": reason})
    };
    json!({
        "event_type": "inbound_shipment.received",
        "inbound_shipment_id": id,
        "external_id": number,
        "received_items": lines.iter().map(line).collect::<Vec<_>>(),
        "timestamp": at.to_string(),
    })
}

/// The status of a return. Api 2.0 may say `event_type` instead of `status`.
pub(super) fn return_status(id: &str, number: &str, status: &str, at: Timestamp, dialect: Dialect) -> Value {
    let field = if dialect == Dialect::V2 { "event_type" } else { "status" };
    json!({"id": id, "customer_identifier": number, field: dialect.status(status), "as_of": dialect.time(at)})
}

/// What came of a return.
pub(super) fn return_details(order: &str, package: &str, lines: &[Received]) -> Value {
    let line = |l: &Received| {
        json!({
            "customer_order_id": order,
            "customer_sku_id": l.sku,
            "quantity": l.expected,
            "quantity_received": l.received,
            "return_reason_code": "tooBig",
            "return_inventory_status": if l.damaged > 0 { "damaged" } else { "available" },
            "not_on_original_rma": l.expected == 0,
            "receiving_details": receiving_details(l),
        })
    };
    json!({
        "package_id": package,
        "return_type": "rma_submitted_by_customer",
        "status": "received",
        "line_items": lines.iter().map(line).collect::<Vec<_>>(),
    })
}

fn receiving_details(line: &Received) -> Value {
    let mut details = json!({});
    for (status, quantity, notes) in [("available", line.received - line.damaged, ""), ("damaged", line.damaged, "carton crushed")] {
        if quantity > 0 {
            details[status] = json!([{"notes": notes, "quantity": quantity}]);
        }
    }
    details
}

/// The whole stock of a SKU; what is neither available nor damaged is allocated.
pub(super) fn stock(id: &str, sku: &str, count: &Count, damaged: i64, movement: &str) -> Value {
    let as_of = count.as_of.to_string();
    let status = |name: &str, quantity: i64| {
        json!({
            "inventory_location_id": LOCATION,
            "inventory_location_address": "MasonHub - Rancho Cucamonga",
            "inventory_status": name,
            "quantity": quantity,
            "as_of": as_of,
        })
    };
    json!({
        "sku_id": id,
        "customer_identifier": sku,
        "total_units": count.total,
        "total_available_to_sell": count.available,
        "as_of": as_of,
        "status_counts": [
            status("available", count.available),
            status("allocated", count.total - count.available - damaged),
            status("damaged", damaged),
        ],
        "inventory_events": [{
            "id": movement,
            "sku_id": id,
            "customer_identifier": sku,
            "inventory_location_id": LOCATION,
            "event_type": "allocated",
            "quantity": 1,
            "occured_at": as_of,
            "reference_uri": "masonhub.co/acme/order/1234",
            "actor_uri": "masonhub.co/acme/user/9",
        }],
    })
}

/// The warehouse's identifier of its only location here.
pub(super) const LOCATION: &str = "52c7c6ee-6e63-4f25-db83-c987fc52116c";
