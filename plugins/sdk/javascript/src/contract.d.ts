// Made of wit/: WRITE_KITS=1 cargo test -p mortar-kits

/**
 * Every event of every type, known or not, as raw JSON in `delivery.payload`.
 *
 * A plugin that exports this and a typed interface gets an event through the typed one where
 * that fits, and through this one otherwise.
 */
declare module "mortar:events/any-event@0.1.0" {
    import type { Delivery } from "mortar:plugin/types@0.1.0";
    import type { Outcome } from "mortar:plugin/types@0.1.0";
    import type { Failure } from "mortar:plugin/types@0.1.0";

    /**
     * Handles one event.
     * @throws {Failure}
     */
    export function handle(delivery: Delivery): Outcome;
}

/** Records that several event families share. */
declare module "mortar:events/common@0.1.0" {
    /** A number of units of a SKU. */
    export interface LineItem {
        /** The merchant's SKU. */
        sku: string;
        /** Units. */
        quantity: number;
    }
}

/**
 * Goods on their way into the warehouse: `inbound_shipment.arrived`, `.receiving_started` and
 * `.received`.
 */
declare module "mortar:events/inbound-shipment-events@0.1.0" {
    import type { Delivery } from "mortar:plugin/types@0.1.0";
    import type { Outcome } from "mortar:plugin/types@0.1.0";
    import type { Failure } from "mortar:plugin/types@0.1.0";

    /** Units of a line that were put into one inventory status. */
    export interface Receipt {
        /** The inventory status, for example `available` or `damaged`. */
        status: string;
        /** Units. */
        quantity: number;
        /** The warehouse's remark. */
        notes: string | null;
    }

    /** One line of the shipment. */
    export interface InboundLine {
        /** The merchant's SKU. */
        sku: string;
        /** Units that were announced. 0 for a line that was not announced. */
        expected: number;
        /** Units that came, damaged ones included. */
        received: number;
        /** Units of those that came damaged. */
        damaged: number;
        /** True where the SKU was not announced. */
        unexpected: boolean;
        /** Why received and expected differ, where the sender says. */
        discrepancyReason: string | null;
        /** The received units by inventory status. */
        receipts: Array<Receipt>;
    }

    /** An inbound shipment as the event shows it. */
    export interface InboundShipment {
        /** The merchant's number of the shipment (ASN). */
        number: string;
        /** The warehouse's identifier. */
        masonhubId: string | null;
        /** The status as sent. */
        status: string;
        /** When it reached this status (RFC 3339). */
        asOf: string | null;
        /** The merchant's purchase order number. */
        purchaseOrder: string | null;
        /** The warehouse's location identifier. */
        locationId: string | null;
        /** RFC 3339. */
        arrivedAt: string | null;
        /** RFC 3339. */
        receivingStartedAt: string | null;
        /** RFC 3339. */
        receivingFinishedAt: string | null;
        /** The warehouse's remark on what was wrong with the delivery. */
        exceptions: string | null;
        /** The lines. Empty before receiving is complete. */
        lines: Array<InboundLine>;
    }

    /**
     * Handles one inbound shipment event.
     * @throws {Failure}
     */
    export function handle(delivery: Delivery, shipment: InboundShipment): Outcome;
}

/**
 * Stock: `inventory.updated` and `inventory.snapshot_ready`.
 *
 * Counts are absolute. The host delivers only the newest count of a SKU; an older one is
 * superseded and never reaches the plugin.
 */
declare module "mortar:events/inventory-events@0.1.0" {
    import type { Delivery } from "mortar:plugin/types@0.1.0";
    import type { Outcome } from "mortar:plugin/types@0.1.0";
    import type { Failure } from "mortar:plugin/types@0.1.0";

    /** How many units are in one status at one location. */
    export interface StatusCount {
        /** The warehouse's location identifier. */
        locationId: string | null;
        /** The location's address or name. */
        location: string | null;
        /** The inventory status, for example `available`, `allocated` or `damaged`. */
        status: string;
        /** Units, absolute. */
        quantity: number;
        /** When it was counted (RFC 3339). */
        asOf: string | null;
    }

    /** A movement that led to the count. */
    export interface Movement {
        /** The warehouse's identifier of the movement. */
        id: string | null;
        /** What happened, for example `damaged`. */
        kind: string;
        /** Units. */
        quantity: number;
        /** The warehouse's location identifier. */
        locationId: string | null;
        /** When it happened (RFC 3339). */
        occurredAt: string | null;
        /** What caused it. */
        reference: string | null;
    }

    /** The whole stock of one SKU. */
    export interface Stock {
        /** The merchant's SKU. */
        sku: string;
        /** The warehouse's identifier of the SKU. */
        masonhubId: string | null;
        /** Units in the warehouse, in any status. */
        total: number | null;
        /** Units that can be sold. */
        available: number | null;
        /** When it was counted (RFC 3339). */
        asOf: string | null;
        /** Absolute counts by status and location. */
        counts: Array<StatusCount>;
        /** The movements that led to it. A subset: never add them up to a count. */
        movements: Array<Movement>;
    }

    /** A snapshot of all stock that can be downloaded. */
    export interface Snapshot {
        /** The snapshot's identifier. */
        id: string;
        /** For example `full`. */
        kind: string | null;
        /** Where it can be downloaded. */
        downloadUrl: string | null;
        /** When it was asked for (RFC 3339). */
        requestedAt: string | null;
    }

    /** What an inventory event brings. */
    export type Inventory =
        /** `inventory.updated` */
        | { tag: "stock"; val: Stock }
        /** `inventory.snapshot_ready` */
        | { tag: "snapshot"; val: Snapshot };

    /**
     * Handles one inventory event.
     * @throws {Failure}
     */
    export function handle(delivery: Delivery, inventory: Inventory): Outcome;
}

/**
 * What happens to an order, from `order.created` to `order.delivered` or `order.cancelled`.
 *
 * One order can have several parcels and several `order.fulfilled` events. Name the steps that
 * write a parcel by its `shipment-id`, so that parcels never overwrite each other.
 */
declare module "mortar:events/order-events@0.1.0" {
    import type { Delivery } from "mortar:plugin/types@0.1.0";
    import type { Outcome } from "mortar:plugin/types@0.1.0";
    import type { Failure } from "mortar:plugin/types@0.1.0";
    import type { LineItem } from "mortar:events/common@0.1.0";

    /** A physical package on its way to the customer. */
    export interface Parcel {
        /** The warehouse's identifier of the shipment, stable between events: the parcel's name. */
        shipmentId: string;
        /** The carrier's tracking number. Absent until a label is printed. */
        trackingNumber: string | null;
        /** Where the customer can follow the parcel. */
        trackingUrl: string | null;
        /** The carrier, for example `UPS`. */
        carrier: string | null;
        /** The carrier's service level, for example `ground`. */
        service: string | null;
        /** When it was shipped (RFC 3339). */
        shippedAt: string | null;
        /** What is in it. */
        lineItems: Array<LineItem>;
        /** Weight, in `weight-unit`. */
        weight: number | null;
        /** Unit of the weight as sent, for example `LB` or `KG`. */
        weightUnit: string | null;
        /** The carton's number. */
        cartonId: string | null;
        /** Short code of the warehouse it left from. */
        location: string | null;
    }

    /** Units that were ordered and will not be shipped. */
    export interface Short {
        /** The merchant's SKU. */
        sku: string;
        /** Units that are missing. */
        quantity: number;
        /** Why, for example `damage`. */
        reason: string | null;
    }

    /** An order as the event shows it. */
    export interface Order {
        /** The merchant's order number. */
        number: string;
        /** The warehouse's identifier of the order. */
        masonhubId: string | null;
        /** The status as sent. `delivery.event-type` is the normalised form. */
        status: string;
        /** When the order reached this status (RFC 3339). */
        updatedAt: string | null;
        /** What was ordered. Empty where the event does not repeat it. */
        lineItems: Array<LineItem>;
        /** The parcels the event names. Empty before fulfilment. */
        parcels: Array<Parcel>;
        /** What will not be shipped. */
        shorts: Array<Short>;
        /**
         * True where units are short, or the parcels of this event hold fewer units than were
         * ordered.
         */
        partial: boolean;
    }

    /**
     * Handles one order event.
     * @throws {Failure}
     */
    export function handle(delivery: Delivery, order: Order): Outcome;
}

/**
 * How the warehouse decided on a requested change: `order.update_resolved` and
 * `order.cancel_resolved`.
 */
declare module "mortar:events/order-resolutions@0.1.0" {
    import type { Delivery } from "mortar:plugin/types@0.1.0";
    import type { Outcome } from "mortar:plugin/types@0.1.0";
    import type { Failure } from "mortar:plugin/types@0.1.0";

    /** Which request was decided. */
    export type RequestKind = "update" | "cancel";

    /** A decision. */
    export interface Resolution {
        /** The merchant's order number. */
        order: string;
        /** What had been asked for. */
        request: RequestKind;
        /** True where the warehouse did what was asked. */
        succeeded: boolean;
        /** The status as sent: `success` or `failure`. */
        status: string;
        /** Why it failed. */
        reason: string | null;
        /** When it was asked (RFC 3339). */
        createdAt: string | null;
        /** When it was decided (RFC 3339). */
        updatedAt: string | null;
    }

    /**
     * Handles one decision.
     * @throws {Failure}
     */
    export function handle(delivery: Delivery, resolution: Resolution): Outcome;
}

/** What comes back from customers: `return.tendered` to `return.received`. */
declare module "mortar:events/return-events@0.1.0" {
    import type { Delivery } from "mortar:plugin/types@0.1.0";
    import type { Outcome } from "mortar:plugin/types@0.1.0";
    import type { Failure } from "mortar:plugin/types@0.1.0";

    /** Units of a line that were put into one inventory status. */
    export interface Receipt {
        /** The inventory status, for example `available` or `damaged`. */
        status: string;
        /** Units. */
        quantity: number;
        /** The warehouse's remark. */
        notes: string | null;
    }

    /** One line of the return. */
    export interface ReturnLine {
        /** The merchant's number of the order it came from. */
        order: string | null;
        /** The merchant's SKU. */
        sku: string;
        /** Units that were announced. */
        expected: number;
        /** Units that came, damaged ones included. */
        received: number;
        /** Units of those that came damaged. */
        damaged: number;
        /** The customer's reason, for example `tooBig`. */
        reason: string | null;
        /** The inventory status the units were put into. */
        inventoryStatus: string | null;
        /** True where the line was not announced. */
        unexpected: boolean;
        /** The received units by inventory status. */
        receipts: Array<Receipt>;
    }

    /** A return as the event shows it. */
    export interface ReturnShipment {
        /** The merchant's number of the return (RMA). */
        number: string;
        /** The warehouse's identifier. */
        masonhubId: string | null;
        /** The status as sent. */
        status: string;
        /** When it reached this status (RFC 3339). */
        asOf: string | null;
        /** The parcel it came in. */
        packageId: string | null;
        /** Who announced it, for example `rma_submitted_by_customer`. */
        kind: string | null;
        /** The lines. Empty before it was received. */
        lines: Array<ReturnLine>;
    }

    /**
     * Handles one return event.
     * @throws {Failure}
     */
    export function handle(delivery: Delivery, shipment: ReturnShipment): Outcome;
}

/** Optional: reading back from the ERP that what the event said has arrived. */
declare module "mortar:events/round-trip@0.1.0" {
    import type { Delivery } from "mortar:plugin/types@0.1.0";
    import type { Failure } from "mortar:plugin/types@0.1.0";

    /** The ERP says something else than the event. */
    export interface Mismatch {
        /** What the event said, readable. */
        expected: string;
        /** What the ERP says, readable. */
        found: string;
    }

    /** What was found in the ERP. */
    export type Confirmation =
        /** The ERP says what the event said; the text names the evidence. */
        | { tag: "confirmed"; val: string }
        /** The ERP says something else. */
        | { tag: "mismatch"; val: Mismatch }
        /** There is nothing to confirm for this event. */
        | { tag: "not-applicable" };

    /**
     * Runs after the delivery is done. Only reads are allowed; their steps are apart from those
     * of the handler.
     * @throws {Failure}
     */
    export function confirm(delivery: Delivery): Confirmation;
}

/** The `[config]` table of the plugin's `plugin.toml`. */
declare module "mortar:plugin/config@0.1.0" {
    /**
     * One value: a string as it is, anything else as JSON. Absent keys answer none. A dot walks
     * into tables (`warehouse.code`).
     */
    export function get(key: string): string | null;

    /** The whole table as one JSON object. */
    export function json(): string;
}

/**
 * Durable calls to the ERP, through connections that the operator configured and granted.
 *
 * A plugin has no network. It names a connection; the host adds the base URL and the credentials,
 * keeps the limits, journals the answer, and only then lets the plugin go on.
 */
declare module "mortar:plugin/connection@0.1.0" {
    /** An HTTP request, relative to a connection. */
    export interface Request {
        /** The connection's name in the host's configuration, for example `erp`. */
        connection: string;
        /** The HTTP method, in capitals. */
        method: string;
        /**
         * Path and query below the connection's base URL, starting with `/`. An absolute URL is
         * denied.
         */
        path: string;
        /**
         * Extra headers. The host owns `host`, `authorization`, `content-length`, the idempotency
         * header and everything that frames the message: naming one of them is denied.
         */
        headers: Array<[string, string]>;
        /** The body. Absent sends none. */
        body: Uint8Array | null;
    }

    /**
     * What the ERP answered. Any status can be here except those that say that the request was
     * certainly not applied (they are `unavailable`): the plugin decides what a status means.
     */
    export interface Response {
        /** HTTP status, 100 to 599. */
        status: number;
        /** Response headers, names in lower case. */
        headers: Array<[string, string]>;
        /** The whole body; its size is bounded by the connection. */
        body: Uint8Array;
    }

    /** The request was certainly not applied, and later it may be. */
    export interface Unavailable {
        /** For the operator: what was in the way. */
        reason: string;
        /**
         * Milliseconds until it is worth another try, where that is known (Retry-After, an open
         * breaker, a used-up rate).
         */
        afterMs: number | null;
    }

    /** Why a call has no answer. */
    export type CallError =
        /** The connection is unknown or not granted, or the request is not allowed on it. */
        | { tag: "denied"; val: string }
        /** The request or the answer is over a limit. */
        | { tag: "too-large"; val: string }
        /**
         * This step was called before with another request, and was answered. Only an operator
         * can decide which of the two was meant.
         */
        | { tag: "diverged"; val: string }
        /** The step was sent once and its answer was lost. Look in the ERP, then `settle` it. */
        | { tag: "in-doubt"; val: string }
        /** Not applied; try later. Ending the handler with a retry honours `after-ms`. */
        | { tag: "unavailable"; val: Unavailable };

    /** What became of a step that was in doubt. */
    export type Settlement =
        /** The ERP knows nothing of it: the next `call` of this step sends it again. */
        | { tag: "resend" }
        /** The ERP has applied it: the next `call` of this step answers with this. */
        | { tag: "answered"; val: Response };

    /**
     * Sends a request, or answers from the journal where this step of this event was answered
     * before.
     *
     * `step` names the call within the event: unique, stable from one attempt to the next, 1 to
     * 200 bytes. Name steps by what they do and to what (`ship/shp_001`), never by a counter.
     * Reads are journaled like writes, so a retry sees the same world; a read that must be asked
     * afresh on each attempt carries the attempt in its name (`state#2`).
     * @throws {CallError}
     */
    export function call(step: string, request: Request): Response;

    /**
     * Says what became of a step that is in doubt. An error says why it cannot be settled.
     * @throws {string}
     */
    export function settle(step: string, settlement: Settlement): void;
}

/** Lines for the operator, kept with the attempt. */
declare module "mortar:plugin/log@0.1.0" {
    /** How much a line matters. */
    export type Level = "debug" | "info" | "warn" | "error";

    /**
     * Keeps one line. Past the plugin's byte limit further lines are dropped and counted. Never
     * log credentials or a customer's personal data.
     */
    export function log(level: Level, message: string): void;
}

/** E-mail through a connection that is a mail server. */
declare module "mortar:plugin/mail@0.1.0" {
    import type { CallError } from "mortar:plugin/connection@0.1.0";

    /** One e-mail. The sender address belongs to the connection. */
    export interface Message {
        /** The connection's name in the host's configuration, for example `mail`. */
        connection: string;
        /** Recipients, `a@example.com` or `Name <a@example.com>`, 1 to 50. */
        to: Array<string>;
        /** Where answers go, if not to the sender. */
        replyTo: string | null;
        /** The subject line, one line. */
        subject: string;
        /** The text part. */
        text: string;
        /** An HTML part beside the text. */
        html: string | null;
    }

    /**
     * Sends an e-mail as a durable step, by the rules of `connection.call`: a retry of the
     * handler never mails twice. A message whose fate is unknown answers `in-doubt`, and
     * `connection.settle` settles it.
     * @throws {CallError}
     */
    export function send(step: string, message: Message): void;
}

/**
 * A small key-value store of the plugin's own, for what must be remembered between events.
 *
 * Writes are kept back until the handler ends with an outcome, and are then committed together
 * with the delivery: a handler that fails leaves no trace. When another delivery changed the same
 * key in the meantime, the handler runs again (its answered steps answer from the journal).
 */
declare module "mortar:plugin/state@0.1.0" {
    /** A stored value. */
    export interface Entry {
        /** The bytes as they were put. */
        value: Uint8Array;
        /** Grows with each write of this key; never 0. */
        version: number;
    }

    /** Why a write was refused. */
    export type PutError =
        /** The key is at another version, which is given (0: it does not exist). */
        | { tag: "conflict"; val: number }
        /** The key (200 bytes) or the value is too long, or the plugin's store is full. */
        | { tag: "too-large"; val: string };

    /** Reads a key, with this handler's own writes. */
    export function get(key: string): Entry | null;

    /**
     * Writes a key if it is at `expected` (0: only if it does not exist).
     * @throws {PutError}
     */
    export function put(key: string, value: Uint8Array, expected: number): void;

    /**
     * Deletes a key if it is at `expected`.
     * @throws {PutError}
     */
    function delete_(key: string, expected: number): void;
    export { delete_ as delete };
}

/** What every handler is given and what it answers. */
declare module "mortar:plugin/types@0.1.0" {
    /** One event on its way to this plugin, with everything that does not depend on the event's type. */
    export interface Delivery {
        /**
         * Stable identity of the event, `<message_id>:<index>`. The same on every redelivery and
         * every attempt: use it wherever the ERP wants a reference that never repeats.
         */
        eventId: string;
        /**
         * What happened, for example `order.fulfilled`. New types may appear: answer `ignored`
         * for one you do not know.
         */
        eventType: string;
        /** The configured source that the callback came in by, for example `masonhub`. */
        source: string;
        /**
         * What orders events among each other: `order:<number>`, `inbound-shipment:<number>`,
         * `return:<number>` or `sku:<sku>`. Deliveries of one subject never overlap.
         */
        subject: string;
        /**
         * When it happened, by the sender's clock (RFC 3339, in UTC). Absent where the sender does
         * not say.
         */
        occurredAt: string | null;
        /**
         * When this host received the callback (RFC 3339, UTC). The plugin's clock stands at this
         * moment for every attempt.
         */
        receivedAt: string;
        /** The number of this run, from 1. It grows with each retry and each replay. */
        attempt: number;
        /**
         * The event's JSON record, byte for byte as it was sent. Fields that are newer than the
         * typed records can be read here.
         */
        payload: string;
    }

    /** How a handler ends when nothing went wrong. */
    export type Outcome =
        /** The ERP now says what the event said. */
        | { tag: "done" }
        /** Nothing had to be done; the text says why, and operators can list it. */
        | { tag: "ignored"; val: string };

    /**
     * A fault that time may mend: the handler runs again from the top, and the steps that were
     * answered are answered from the journal.
     */
    export interface Retry {
        /** For the operator: what was in the way. */
        reason: string;
        /** Milliseconds to wait before the next attempt. Without it the retry policy decides. */
        afterMs: number | null;
    }

    /** How a handler ends when something went wrong. */
    export type Failure =
        /** Try again later. Out of attempts, the delivery becomes a dead letter. */
        | { tag: "retry"; val: Retry }
        /**
         * No attempt can succeed; the delivery becomes a dead letter at once. The text says what
         * an operator has to mend.
         */
        | { tag: "reject"; val: string };
}
