// The faults that an author might make.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "mortar.h"

bool exports_order_events_handle(mortar_delivery *delivery, exports_order_events_order_t *order, mortar_outcome *ret,
                                 mortar_failure *err) {
    const char *fault = mortar_config("fault");
    if (fault == NULL) return mortar_reject(err, "[config] in plugin.toml: missing field `fault`");
    printf("the fault is %s\n", fault);
    for (size_t i = 0; i < order->parcels.len; i++) {
        const char *id = mortar_text(order->parcels.ptr[i].shipment_id);
        const char *step = mortar_format("ship/%s", id);
        int64_t note = 0;
        if (strcmp(fault, "step") == 0) step = "ship";
        if (strcmp(fault, "again") == 0) step = mortar_format("%s/%u", step, (unsigned)delivery->attempt);
        if (strcmp(fault, "random") == 0 && getentropy(&note, 4) != 0) abort();
        if (strcmp(fault, "clock") == 0) {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            note = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
        }
        if (strcmp(fault, "crash") == 0) {
            fprintf(stderr, "nobody knows the carrier of %s\n", id);
            abort();
        }
        mortar_json *json = mortar_json_object();
        mortar_json_text(json, "tracking", mortar_optional(order->parcels.ptr[i].tracking_number));
        mortar_json_integer(json, "note", &note);
        const char *path = mortar_format("/orders/%s/shipments/%s", mortar_encode(mortar_text(order->number)), mortar_encode(id));
        mortar_request request = mortar_request_new("PUT", "erp", path);
        mortar_request_json(&request, json);
        if (!mortar_call_ok(step, &request, NULL, err)) return false;
    }
    return mortar_done(ret);
}
