import assert from "node:assert/strict";
import { test } from "node:test";

import { receipt } from "./receipt.js";

test("damaged units are not good ones", () => {
    const shipment = { purchaseOrder: "PO-1", lines: [{ sku: "TEE-BLU-M", received: 90, damaged: 5 }] };
    assert.deepEqual(receipt(shipment), { purchase_order: "PO-1", lines: [{ sku: "TEE-BLU-M", good: 85, damaged: 5 }] });
});
