// A first plugin: tracking numbers, stock and receipts for an ERP that we pretend to know.

import { call, done, encode, ignored, onInboundShipment, onInventory, onOrder, post, put } from "mortar-sdk";

import { receipt } from "./receipt";

// What is exported here, and in world.wit, is what the plugin gets.
export const orderEvents = onOrder((delivery, order) => {
    if (delivery.eventType !== "order.fulfilled") return ignored("only fulfilled orders have tracking numbers");
    for (const parcel of order.parcels) {
        const path = `/orders/${encode(order.number)}/shipments/${encode(parcel.shipmentId)}`;
        const request = put("erp", path, { json: { tracking_number: parcel.trackingNumber, carrier: parcel.carrier } });
        // The step's name is the parcel's: a retry skips the parcels that have arrived.
        call(`ship/${parcel.shipmentId}`, request).ok();
    }
    return done();
});

export const inventoryEvents = onInventory((_, inventory) => {
    if (inventory.tag !== "stock") return ignored("snapshots are not needed");
    const { sku, available, asOf } = inventory.val;
    call("stock", put("erp", `/stock/${encode(sku)}`, { json: { available, as_of: asOf } })).ok();
    return done();
});

export const inboundShipmentEvents = onInboundShipment((delivery, shipment) => {
    if (delivery.eventType !== "inbound_shipment.received") return ignored("it is not received yet");
    const path = `/inbound-shipments/${encode(shipment.number)}/receipt`;
    call("receipt", post("erp", path, { json: receipt(shipment) })).ok();
    return done();
});
