"""The faults that an author might make."""

import random
import time

from contract.exports.order_events import Order
from mortar_sdk import Delivery, Handler, Outcome, call, config, done, encode, put


class OrderEvents(Handler):
    def handle(self, delivery: Delivery, order: Order) -> Outcome:
        fault = config("fault")["fault"]
        print(f"the fault is {fault}")
        for parcel in order.parcels:
            ship = f"ship/{parcel.shipment_id}"
            if fault == "crash":
                raise KeyError(f"nobody knows the carrier of {parcel.shipment_id}")
            step = {"step": "ship", "again": f"{ship}/{delivery.attempt}"}.get(fault, ship)
            note = random.random() if fault == "random" else 1 + time.time() if fault == "clock" else 0
            path = f"/orders/{encode(order.number)}/shipments/{encode(parcel.shipment_id)}"
            call(step, put("erp", path, json={"tracking": parcel.tracking_number, "note": note})).ok()
        return done()
