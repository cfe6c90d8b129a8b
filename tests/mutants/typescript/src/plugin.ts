// The faults that an author might make.

import { call, config, done, encode, onOrder, put } from "mortar-sdk";

type Config = { fault: "none" | "step" | "again" | "random" | "clock" | "crash" };

export const orderEvents = onOrder((delivery, order) => {
    const { fault } = config<Config>("fault");
    console.log(`the fault is ${fault}`);
    for (const { shipmentId, trackingNumber } of order.parcels) {
        if (fault === "crash") throw new Error(`nobody knows the carrier of ${shipmentId}`);
        const step = fault === "step" ? "ship" : fault === "again" ? `ship/${shipmentId}/${delivery.attempt}` : `ship/${shipmentId}`;
        const note = fault === "random" ? Math.random() : fault === "clock" ? 1 + Date.now() : 0;
        const path = `/orders/${encode(order.number)}/shipments/${encode(shipmentId)}`;
        call(step, put("erp", path, { json: { tracking: trackingNumber, note } })).ok();
    }
    return done();
});
