// The faults that an author might make.

import { call, config, done, encode, onOrder, put } from "mortar-sdk";

export const orderEvents = onOrder((delivery, order) => {
    const { fault } = config("fault");
    console.log(`the fault is ${fault}`);
    for (const { shipmentId, trackingNumber } of order.parcels) {
        if (fault === "crash") throw new Error(`nobody knows the carrier of ${shipmentId}`);
        const step = { step: "ship", again: `ship/${shipmentId}/${delivery.attempt}` }[fault] ?? `ship/${shipmentId}`;
        const note = { random: () => Math.random(), clock: () => 1 + Date.now() }[fault]?.() ?? 0;
        const path = `/orders/${encode(order.number)}/shipments/${encode(shipmentId)}`;
        call(step, put("erp", path, { json: { tracking: trackingNumber, note } })).ok();
    }
    return done();
});
