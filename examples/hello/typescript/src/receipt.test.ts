import assert from "node:assert/strict";
import { test } from "node:test";

import type { InboundLine } from "mortar-sdk";

import { receipt } from "./receipt";

test("damaged units are not good ones", () => {
    const line = { sku: "TEE-BLU-M", received: 90, damaged: 5 } as InboundLine;
    const told = { purchase_order: null, lines: [{ sku: "TEE-BLU-M", good: 85, damaged: 5 }] };
    assert.deepEqual(receipt({ purchaseOrder: null, lines: [line] }), told);
});
