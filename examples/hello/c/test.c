// `make test` compiles and runs it.
#include <stdio.h>
#include <string.h>

#include "receipt.h"

int main(void) {
    // Damaged units are not good ones.
    exports_inbound_shipment_events_inbound_line_t line = {.sku = mortar_string("TEE-BLU-M"), .received = 90, .damaged = 5};
    exports_inbound_shipment_events_inbound_shipment_t shipment = {.lines = {.ptr = &line, .len = 1}};
    const char *told = mortar_json_written(receipt(&shipment));
    const char *expected = "{\"purchase_order\":null,\"lines\":[{\"sku\":\"TEE-BLU-M\",\"good\":85,\"damaged\":5}]}";
    if (strcmp(told, expected) == 0) return 0;
    fprintf(stderr, "%s is not %s\n", told, expected);
    return 1;
}
