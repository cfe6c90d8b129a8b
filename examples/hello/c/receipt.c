#include "receipt.h"

mortar_json *receipt(const exports_inbound_shipment_events_inbound_shipment_t *shipment) {
    mortar_json *lines = mortar_json_array();
    for (size_t i = 0; i < shipment->lines.len; i++) {
        const exports_inbound_shipment_events_inbound_line_t *line = &shipment->lines.ptr[i];
        int64_t good = line->received - line->damaged;
        mortar_json *told = mortar_json_object();
        mortar_json_text(told, "sku", mortar_text(line->sku));
        mortar_json_integer(told, "good", &good);
        mortar_json_integer(told, "damaged", &line->damaged);
        mortar_json_add(lines, NULL, told);
    }
    mortar_json *json = mortar_json_object();
    mortar_json_text(json, "purchase_order", mortar_optional(shipment->purchase_order));
    mortar_json_add(json, "lines", lines);
    return json;
}
