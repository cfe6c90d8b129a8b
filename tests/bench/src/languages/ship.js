// The hello plugins' mapping of an order: as a script that is started for each event, and for an engine
// that is embedded.
function ship(order) {
    return order.shipments.map((parcel) => ({
        method: "PUT",
        path: `/orders/${encodeURIComponent(order.customer_identifier)}/shipments/${encodeURIComponent(parcel.shipment_id)}`,
        body: { tracking_number: parcel.tracking_number, carrier: parcel.shipping_provider },
    }));
}

if (typeof process !== "undefined") {
    console.log(JSON.stringify(ship(JSON.parse(require("node:fs").readFileSync(0, "utf8")))));
}
