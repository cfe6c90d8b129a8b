/**
 * One function for each event interface. What it answers is exported under the interface's name:
 * `export const orderEvents = onOrder((delivery, order) => { … return done(); })`.
 */

import type { InboundShipment } from "mortar:events/inbound-shipment-events@0.1.0";
import type { Inventory } from "mortar:events/inventory-events@0.1.0";
import type { Order } from "mortar:events/order-events@0.1.0";
import type { Resolution } from "mortar:events/order-resolutions@0.1.0";
import type { ReturnShipment } from "mortar:events/return-events@0.1.0";
import type { Confirmation } from "mortar:events/round-trip@0.1.0";
import type { Delivery, Outcome } from "mortar:plugin/types@0.1.0";

import { Failure } from "./failure";
import * as log from "./log";

/** Ends a handler: the ERP now says what the event said. */
export function done(): Outcome {
    return { tag: "done" };
}

/** Ends a handler: nothing had to be done. Operators can list the reason. */
export function ignored(reason: string): Outcome {
    return { tag: "ignored", val: reason };
}

type Handler<T> = (delivery: Delivery, subject: T) => Outcome;

const on = <T>(handler: Handler<T>) => ({ handle: guarded(handler) });

/** Handles order events; export it as `orderEvents`. */
export const onOrder = (handler: Handler<Order>) => on(handler);

/** Handles decisions on requested changes; export it as `orderResolutions`. */
export const onOrderResolution = (handler: Handler<Resolution>) => on(handler);

/** Handles inbound shipments; export it as `inboundShipmentEvents`. */
export const onInboundShipment = (handler: Handler<InboundShipment>) => on(handler);

/** Handles stock; export it as `inventoryEvents`. */
export const onInventory = (handler: Handler<Inventory>) => on(handler);

/** Handles returns; export it as `returnEvents`. */
export const onReturn = (handler: Handler<ReturnShipment>) => on(handler);

/** Handles every event as raw JSON in `delivery.payload`; export it as `anyEvent`. */
export const onAnyEvent = (handler: (delivery: Delivery) => Outcome) => ({ handle: guarded(handler) });

/** Reads back from the ERP that what the event said has arrived; export it as `roundTrip`. */
export const confirmWith = (confirm: (delivery: Delivery) => Confirmation) => ({ confirm: guarded(confirm) });

/** A mistake in the plugin is logged with its place before the host sees it as a trap. */
function guarded<A extends unknown[], R>(handler: (...event: A) => R): (...event: A) => R {
    return (...event) => {
        try {
            const end = handler(...event);
            if (end == null) throw new TypeError("a handler ended without an outcome: return done() or ignored(why)");
            return end;
        } catch (error) {
            if (!(error instanceof Failure)) log.error(error instanceof Error ? `${error}\n${error.stack}` : `thrown: ${error}`);
            throw error;
        }
    };
}
