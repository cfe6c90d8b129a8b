"""A first plugin: tracking numbers, stock and receipts for an ERP that we pretend to know."""

from contract.exports.inbound_shipment_events import InboundShipment
from contract.exports.inventory_events import Inventory, Inventory_Stock
from contract.exports.order_events import Order
from mortar_sdk import Delivery, Handler, Outcome, call, done, encode, ignored, post, put

from receipt import receipt


# The classes here, and the list in wit/world.wit, are what the plugin gets.
class OrderEvents(Handler):
    def handle(self, delivery: Delivery, order: Order) -> Outcome:
        if delivery.event_type != "order.fulfilled":
            return ignored("only fulfilled orders have tracking numbers")
        for parcel in order.parcels:
            path = f"/orders/{encode(order.number)}/shipments/{encode(parcel.shipment_id)}"
            request = put("erp", path, json={"tracking_number": parcel.tracking_number, "carrier": parcel.carrier})
            # The step's name is the parcel's: a retry skips the parcels that have arrived.
            call(f"ship/{parcel.shipment_id}", request).ok()
        return done()


class InventoryEvents(Handler):
    def handle(self, _: Delivery, inventory: Inventory) -> Outcome:
        if not isinstance(inventory, Inventory_Stock):
            return ignored("snapshots are not needed")
        stock = inventory.value
        request = put("erp", f"/stock/{encode(stock.sku)}", json={"available": stock.available, "as_of": stock.as_of})
        call("stock", request).ok()
        return done()


class InboundShipmentEvents(Handler):
    def handle(self, delivery: Delivery, shipment: InboundShipment) -> Outcome:
        if delivery.event_type != "inbound_shipment.received":
            return ignored("it is not received yet")
        request = post("erp", f"/inbound-shipments/{encode(shipment.number)}/receipt", json=receipt(shipment))
        call("receipt", request).ok()
        return done()
