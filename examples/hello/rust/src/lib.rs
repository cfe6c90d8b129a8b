//! A first plugin: tracking numbers, stock and receipts for an ERP that we pretend to know.

use mortar_sdk::inbound_shipment_events::{InboundShipment, InboundShipmentEvents};
use mortar_sdk::inventory_events::{Inventory, InventoryEvents};
use mortar_sdk::order_events::{Order, OrderEvents};
use mortar_sdk::{Delivery, Failure, Outcome, Request, call, done, encode, ignored, json};

struct Hello;

// What is exported here is what the plugin gets.
mortar_sdk::export!(Hello: order_events, inventory_events, inbound_shipment_events);

impl OrderEvents for Hello {
    fn handle(delivery: Delivery, order: Order) -> Result<Outcome, Failure> {
        if delivery.event_type != "order.fulfilled" {
            return ignored("only fulfilled orders have tracking numbers");
        }
        for parcel in &order.parcels {
            let path = format!("/orders/{}/shipments/{}", encode(&order.number), encode(&parcel.shipment_id));
            let request = Request::put("erp", path).json(&json!({ "tracking_number": parcel.tracking_number, "carrier": parcel.carrier }));
            // The step's name is the parcel's: a retry skips the parcels that have arrived.
            call(&format!("ship/{}", parcel.shipment_id), &request)?.ok()?;
        }
        done()
    }
}

impl InventoryEvents for Hello {
    fn handle(_: Delivery, inventory: Inventory) -> Result<Outcome, Failure> {
        let Inventory::Stock(stock) = inventory else { return ignored("snapshots are not needed") };
        let request = Request::put("erp", format!("/stock/{}", encode(&stock.sku)));
        call("stock", &request.json(&json!({ "available": stock.available, "as_of": stock.as_of })))?.ok()?;
        done()
    }
}

impl InboundShipmentEvents for Hello {
    fn handle(delivery: Delivery, shipment: InboundShipment) -> Result<Outcome, Failure> {
        if delivery.event_type != "inbound_shipment.received" {
            return ignored("it is not received yet");
        }
        let request = Request::post("erp", format!("/inbound-shipments/{}/receipt", encode(&shipment.number)));
        call("receipt", &request.json(&receipt(&shipment)))?.ok()?;
        done()
    }
}

/// What the ERP is told of a shipment. A pure function: it is tested below, without a host.
fn receipt(shipment: &InboundShipment) -> mortar_sdk::Json {
    let lines = shipment.lines.iter().map(|line| json!({ "sku": line.sku, "good": line.received - line.damaged, "damaged": line.damaged }));
    json!({ "purchase_order": shipment.purchase_order, "lines": lines.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use mortar_sdk::inbound_shipment_events::InboundLine;

    use super::*;

    #[test]
    fn damaged_units_are_not_good_ones() {
        let line = InboundLine { sku: "TEE-BLU-M".into(), received: 90, damaged: 5, ..InboundLine::default() };
        let shipment = InboundShipment { lines: vec![line], ..InboundShipment::default() };
        assert_eq!(receipt(&shipment)["lines"], json!([{ "sku": "TEE-BLU-M", "good": 85, "damaged": 5 }]));
    }
}
