#include "mortar.h"

// What the ERP is told of a shipment. A pure function: test.c tests it without a host.
mortar_json *receipt(const exports_inbound_shipment_events_inbound_shipment_t *shipment);
