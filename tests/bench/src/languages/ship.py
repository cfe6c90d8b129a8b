# The hello plugins' mapping of an order, as a script that is started for each event.
import json
import sys
from urllib.parse import quote


def ship(order):
    for parcel in order["shipments"]:
        path = f"/orders/{quote(order['customer_identifier'], safe='')}/shipments/{quote(parcel['shipment_id'], safe='')}"
        body = {"tracking_number": parcel["tracking_number"], "carrier": parcel["shipping_provider"]}
        yield {"method": "PUT", "path": path, "body": body}


print(json.dumps(list(ship(json.load(sys.stdin)))))
