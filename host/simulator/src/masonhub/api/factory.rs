//! The data factory of the sandbox: what happens in a warehouse, on demand.

use jiff::Timestamp;
use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::super::records::{self, Dialect};
use super::super::tracking::CARRIERS;
use super::super::truth::{Count, Line, Parcel, Received};
use super::super::uuid;
use super::warehouse::Warehouse;
use super::{Answer, batch, list, text};

/// What a callback is to tell.
#[derive(Debug)]
pub(super) struct Happened {
    pub(super) message_type: &'static str,
    pub(super) record: Value,
}

/// What makes events.
pub(super) struct Factory<'a> {
    pub(super) warehouse: &'a mut Warehouse,
    pub(super) now: Timestamp,
    pub(super) rng: &'a mut ChaCha8Rng,
}

/// What the result of a record says besides, and what happened by it.
type Made = Result<(Value, Vec<Happened>), String>;

impl Factory<'_> {
    /// The answer to `POST /data_factory/{trigger}`, and what happened; none where there is no such
    /// trigger.
    pub(super) fn answer(&mut self, trigger: &str, body: &[u8]) -> Option<Result<(Answer, Vec<Happened>), Answer>> {
        let make: fn(&mut Self, &Value) -> Made = match trigger {
            "shipOrder" => Self::ship_order,
            // MasonHub's pages have it by both names.
            "orderShipment" | "orderShipmentEvent" => Self::order_shipment,
            "inboundShipmentEvent" => Self::inbound_shipment,
            "rmaEvent" => Self::rma,
            "createAvailable" => |factory, asked| factory.stock(asked, false),
            "loseInventory" => |factory, asked| factory.stock(asked, true),
            "resolveOrderUpdate" => |factory, asked| factory.resolve(asked, "order_update_request_id", false),
            "resolveOrderCancel" => |factory, asked| factory.resolve(asked, "order_cancel_request_id", true),
            _ => return None,
        };
        Some(super::records(body).map(|records| {
            let mut happened = Vec::new();
            let results = records.into_iter().map(|asked| {
                let made = make(self, &asked).map(|(more, events)| {
                    // What comes next in the batch knows of it.
                    events.iter().for_each(|event| self.warehouse.learn_record(event.message_type, &event.record));
                    happened.extend(events);
                    more
                });
                (asked, made)
            });
            let answer = batch(results.collect());
            (answer, happened)
        }))
    }

    fn ship_order(&mut self, asked: &Value) -> Made {
        let number = text(asked, "order_customer_id").ok_or("`order_customer_id` is missing")?;
        let order = find(&self.warehouse.orders, "customer_identifier", number, "order")?.clone();
        if !list(&order, "shipments").is_empty() {
            return Err(format!("{number} is shipped already"));
        }
        let short: Vec<_> = list(asked, "shorts").iter().filter_map(Value::as_str).collect();
        let (shorts, ordered): (Vec<_>, Vec<_>) = lines(&order).into_iter().partition(|line| short.contains(&line.sku.as_str()));
        let units: Vec<&String> = ordered.iter().flat_map(|l| (0..l.quantity).map(|_| &l.sku)).collect();
        let wanted = asked["number_of_shipments"].as_u64().unwrap_or(1);
        let count = usize::try_from(wanted).unwrap_or(usize::MAX).clamp(1, units.len().max(1));
        let packed = (0..count).map(|parcel| units.iter().copied().skip(parcel).step_by(count));
        let parcels: Vec<Value> = packed.map(|units| self.parcel(number, units)).collect();
        let short = |l: &Line| json!({"sku_customer_id": l.sku, "quantity": l.quantity, "reason": "shorted"});
        let mut record = self.order_record(&order, "fulfilled");
        record["shipments"] = json!(parcels);
        record["shorts"] = shorts.iter().map(short).collect();
        record["line_items"] = order["line_items"].clone();
        let tracking: Vec<_> = parcels.iter().map(|parcel| json!({"tracking_number": parcel["tracking_number"]})).collect();
        Ok((json!({"shipments": tracking}), vec![Happened { message_type: "orderEvent", record }]))
    }

    fn parcel<'s>(&mut self, order: &str, units: impl Iterator<Item = &'s String>) -> Value {
        let carrier = CARRIERS.choose(self.rng).expect("there are carriers");
        let lines = units.fold(Vec::new(), |mut lines: Vec<Line>, sku| {
            match lines.iter_mut().find(|line| line.sku == *sku) {
                Some(line) => line.quantity += 1,
                None => lines.push(Line { sku: sku.clone(), quantity: 1 }),
            }
            lines
        });
        let parcel = Parcel {
            shipment_id: format!("shp_{:08x}", self.rng.random::<u32>()),
            tracking_number: carrier.tracking_number(self.rng),
            carrier: carrier.name.to_owned(),
            service: (*carrier.services.choose(self.rng).expect("every carrier has services")).to_owned(),
            shipped_at: self.now,
            lines,
        };
        records::parcel(&parcel, order, Dialect::V1)
    }

    /// The carrier reports of one parcel; the order's status says whether it holds for all of them.
    fn order_shipment(&mut self, asked: &Value) -> Made {
        let tracking = text(asked, "tracking_number").ok_or("`tracking_number` is missing")?;
        let event = text(asked, "event").unwrap_or_default();
        let partial = match event {
            "tendered" => "partiallyTendered",
            "inTransit" => "partiallyInTransit",
            "delivered" => "partiallyDelivered",
            "undeliverable" => "undeliverable",
            _ => return Err("`event` is tendered, inTransit, delivered or undeliverable".to_owned()),
        };
        let carries = |order: &&Value| list(order, "shipments").iter().any(|parcel| parcel["tracking_number"] == tracking);
        let order = self.warehouse.orders.iter().find(carries).cloned().ok_or("no shipment has this tracking number")?;
        let mut parcels = list(&order, "shipments").to_vec();
        parcels.iter_mut().filter(|parcel| parcel["tracking_number"] == tracking).for_each(|parcel| parcel["status"] = json!(event));
        let all = parcels.iter().all(|parcel| parcel["status"] == event);
        let mut record = self.order_record(&order, if all { event } else { partial });
        parcels.retain(|parcel| parcel["tracking_number"] == tracking);
        record["shipments"] = json!(parcels);
        Ok((json!({}), vec![Happened { message_type: "orderEvent", record }]))
    }

    fn order_record(&self, order: &Value, status: &str) -> Value {
        json!({
            "id": order["id"], "order_id": order["id"], "customer_identifier": order["customer_identifier"],
            "status": status, "updated_at": self.now.to_string(), "shipments": null, "shorts": null,
        })
    }

    fn inbound_shipment(&mut self, asked: &Value) -> Made {
        let number = text(asked, "customer_identifier").ok_or("`customer_identifier` is missing")?;
        let shipment = find(&self.warehouse.inbound, "customer_identifier", number, "inbound shipment")?.clone();
        let event = text(asked, "event").unwrap_or_default();
        if !matches!(event, "onDock" | "receivingStarted" | "receivingCompleted") {
            return Err("`event` is onDock, receivingStarted or receivingCompleted".to_owned());
        }
        let id = text(&shipment, "id").unwrap_or_default();
        let mut record = records::inbound(id, number, event, self.now, Dialect::V1);
        let mut happened = Vec::new();
        if event == "receivingCompleted" {
            let received = self.received(&shipment, asked, "randomize_receipt_qty");
            record["details"] = records::inbound_details(&record, [self.now; 2], &received, Dialect::V1);
            for field in ["customer_purchase_order_id", "expected_arrival_date"] {
                if shipment.get(field).is_some() {
                    record["details"][field] = shipment[field].clone();
                }
            }
            let counted = received.iter().map(|line| self.counted(&line.sku, line.received, line.received - line.damaged));
            happened.extend(counted.collect::<Vec<_>>());
        }
        happened.insert(0, Happened { message_type: "inboundShipmentEvent", record });
        Ok((json!({}), happened))
    }

    fn rma(&mut self, asked: &Value) -> Made {
        let number = text(asked, "customer_identifier").ok_or("`customer_identifier` is missing")?;
        let rma = find(&self.warehouse.returns, "customer_identifier", number, "return")?.clone();
        let status = match text(asked, "event").unwrap_or_default() {
            "receiveFull" | "receivePartial" => "received",
            event @ ("tendered" | "inTransit" | "delivered") => event,
            _ => return Err("`event` is receiveFull, receivePartial, tendered, inTransit or delivered".to_owned()),
        };
        let id = text(&rma, "id").unwrap_or_default();
        let mut record = records::return_status(id, number, status, self.now, Dialect::V1);
        if status == "received" {
            let mut received = self.received(&rma, asked, "");
            if asked["event"] == "receivePartial" {
                received.iter_mut().for_each(|line| {
                    line.received = self.rng.random_range(0..=line.expected);
                    line.damaged = line.damaged.min(line.received);
                });
            }
            let order = list(&rma, "line_items").iter().find_map(|line| text(line, "customer_order_id")).unwrap_or_default();
            record["details"] = records::return_details(order, &format!("1z{number}"), &received);
        }
        Ok((json!({}), vec![Happened { message_type: "rmaEvent", record }]))
    }

    /// What comes of the lines of an inbound shipment or a return.
    fn received(&mut self, goods: &Value, asked: &Value, randomize_quantity: &str) -> Vec<Received> {
        let random = |flag: &str| asked.get(flag).and_then(Value::as_bool).unwrap_or(false);
        let (quantity, statuses) = (random(randomize_quantity), random("randomize_inventory_statuses"));
        let receive = |line: Line| {
            let expected = line.quantity;
            let received = if quantity { self.rng.random_range(expected / 2..=expected + 2) } else { expected };
            let damaged = if statuses { self.rng.random_range(0..=received) } else { 0 };
            Received { sku: line.sku, expected, received, damaged }
        };
        lines(goods).into_iter().map(receive).collect()
    }

    fn stock(&mut self, asked: &Value, lost: bool) -> Made {
        let quantity = asked["quantity"].as_i64().filter(|quantity| *quantity > 0).ok_or("`quantity` must be more than 0")?;
        let id = text(asked, "sku_id").ok_or("`sku_id` is missing")?;
        let known = find(&self.warehouse.stock, "sku_id", id, "SKU")?;
        let sku = text(known, "customer_identifier").unwrap_or_default().to_owned();
        // What is lost is still counted, but cannot be sold.
        let event = if lost { self.counted(&sku, 0, -quantity) } else { self.counted(&sku, quantity, quantity) };
        Ok((json!({}), vec![event]))
    }

    /// The SKU's new count.
    fn counted(&mut self, sku: &str, total: i64, available: i64) -> Happened {
        let known = self.warehouse.stock.iter().find(|known| known["customer_identifier"] == sku);
        let units = |field: &str| known.and_then(|known| known[field].as_i64()).unwrap_or(0);
        let count = Count {
            as_of: self.now,
            total: units("total_units") + total,
            available: (units("total_available_to_sell") + available).max(0),
        };
        let id = known.and_then(|known| text(known, "sku_id")).map(str::to_owned);
        let (id, movement) = (id.unwrap_or_else(|| uuid(self.rng)), uuid(self.rng));
        Happened { message_type: "skuInventoryChange", record: records::stock(&id, sku, &count, 0, &movement) }
    }

    fn resolve(&mut self, asked: &Value, field: &str, cancel: bool) -> Made {
        let id = text(asked, field).ok_or_else(|| format!("`{field}` is missing"))?;
        let resolution = text(asked, "resolution").filter(|word| matches!(*word, "success" | "failure"));
        let resolution = resolution.ok_or("`resolution` is success or failure")?;
        let of_kind = |request: &&mut Value| request["id"] == id && request["cancel"] == cancel && request["status"] == "pending";
        let request = self.warehouse.requests.iter_mut().find(of_kind).ok_or("no pending request has this id")?;
        request["status"] = json!(resolution);
        request["updated_at"] = json!(self.now.to_string());
        let order = text(request, "customer_identifier").unwrap_or_default().to_owned();
        let asked_at = text(request, "created_at").and_then(|at| at.parse().ok()).unwrap_or(self.now);
        let refusal = (resolution == "failure").then_some("refused by the warehouse");
        let record = records::resolution(id, &order, refusal, asked_at, self.now, Dialect::V1);
        let message_type = if cancel { "orderCancelResolution" } else { "orderUpdateResolution" };
        let mut happened = vec![Happened { message_type, record }];
        if cancel && resolution == "success" {
            let order = find(&self.warehouse.orders, "customer_identifier", &order, "order")?;
            happened.push(Happened { message_type: "orderEvent", record: self.order_record(order, "canceled") });
        }
        Ok((json!({}), happened))
    }
}

fn find<'a>(records: &'a [Value], field: &str, wanted: &str, what: &str) -> Result<&'a Value, String> {
    records.iter().find(|record| record[field] == wanted).ok_or_else(|| format!("there is no {what} {wanted}"))
}

/// What was ordered, announced or returned.
fn lines(record: &Value) -> Vec<Line> {
    let sku = |line: &Value| text(line, "sku_customer_id").or(text(line, "customer_sku_id")).unwrap_or_default().to_owned();
    list(record, "line_items").iter().map(|line| Line { sku: sku(line), quantity: line["quantity"].as_i64().unwrap_or(0).max(0) }).collect()
}
