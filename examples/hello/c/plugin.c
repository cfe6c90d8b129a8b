// A first plugin: tracking numbers, stock and receipts for an ERP that we pretend to know.

#include "mortar.h"
#include "receipt.h"

// The handlers here are those of the list in wit/world.wit: what the plugin gets.
bool exports_order_events_handle(mortar_delivery *delivery, exports_order_events_order_t *order, mortar_outcome *ret,
                                 mortar_failure *err) {
    if (!mortar_is(delivery->event_type, "order.fulfilled")) {
        return mortar_ignored(ret, "only fulfilled orders have tracking numbers");
    }
    const char *number = mortar_encode(mortar_text(order->number));
    for (size_t i = 0; i < order->parcels.len; i++) {
        exports_order_events_parcel_t *parcel = &order->parcels.ptr[i];
        const char *id = mortar_text(parcel->shipment_id);
        mortar_json *json = mortar_json_object();
        mortar_json_text(json, "tracking_number", mortar_optional(parcel->tracking_number));
        mortar_json_text(json, "carrier", mortar_optional(parcel->carrier));
        const char *path = mortar_format("/orders/%s/shipments/%s", number, mortar_encode(id));
        mortar_request request = mortar_request_new("PUT", "erp", path);
        mortar_request_json(&request, json);
        // The step's name is the parcel's: a retry skips the parcels that have arrived.
        if (!mortar_call_ok(mortar_format("ship/%s", id), &request, NULL, err)) return false;
    }
    return mortar_done(ret);
}

bool exports_inventory_events_handle(mortar_delivery *delivery, exports_inventory_events_inventory_t *inventory,
                                     mortar_outcome *ret, mortar_failure *err) {
    (void)delivery;
    if (inventory->tag != EXPORTS_INVENTORY_EVENTS_INVENTORY_STOCK) return mortar_ignored(ret, "snapshots are not needed");
    exports_inventory_events_stock_t *stock = &inventory->val.stock;
    mortar_json *json = mortar_json_object();
    mortar_json_integer(json, "available", stock->available.is_some ? &stock->available.val : NULL);
    mortar_json_text(json, "as_of", mortar_optional(stock->as_of));
    const char *path = mortar_format("/stock/%s", mortar_encode(mortar_text(stock->sku)));
    mortar_request request = mortar_request_new("PUT", "erp", path);
    mortar_request_json(&request, json);
    return mortar_call_ok("stock", &request, NULL, err) && mortar_done(ret);
}

bool exports_inbound_shipment_events_handle(mortar_delivery *delivery,
                                            exports_inbound_shipment_events_inbound_shipment_t *shipment,
                                            mortar_outcome *ret, mortar_failure *err) {
    if (!mortar_is(delivery->event_type, "inbound_shipment.received")) return mortar_ignored(ret, "it is not received yet");
    const char *number = mortar_encode(mortar_text(shipment->number));
    mortar_request request = mortar_request_new("POST", "erp", mortar_format("/inbound-shipments/%s/receipt", number));
    mortar_request_json(&request, receipt(shipment));
    return mortar_call_ok("receipt", &request, NULL, err) && mortar_done(ret);
}
