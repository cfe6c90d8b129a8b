package main

import (
	"encoding/json"
	"testing"

	inbound "contract/mortar_events_inbound_shipment_events"
)

func TestDamagedUnitsAreNotGoodOnes(t *testing.T) {
	lines := []inbound.InboundLine{{Sku: "TEE-BLU-M", Received: 90, Damaged: 5}}
	told, _ := json.Marshal(receipt(inbound.InboundShipment{Lines: lines}))
	if string(told) != `{"lines":[{"sku":"TEE-BLU-M","good":85,"damaged":5}],"purchase_order":null}` {
		t.Fatal(string(told))
	}
}
