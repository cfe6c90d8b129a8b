/**
 * Write a Mortar plugin in JavaScript or TypeScript. README.md shows how.
 *
 * @module
 */

/// <reference path="./contract.d.ts" />

import "./console";

export { call, callOrSettle, settle, fresh, CallError } from "./call";
export { config } from "./config";
export { Failure, reject, retry } from "./failure";
export { done, ignored, onOrder, onOrderResolution, onInboundShipment, onInventory, onReturn, onAnyEvent, confirmWith } from "./handlers";
export * as log from "./log";
export * as mail from "./mail";
export { encode, request, get, post, put, patch, del } from "./request";
export type { RequestOptions } from "./request";
export { Response } from "./response";
export * as state from "./state";

export type { Delivery, Outcome } from "mortar:plugin/types@0.1.0";
export type { Request, Settlement } from "mortar:plugin/connection@0.1.0";
export type { LineItem } from "mortar:events/common@0.1.0";
export type { Order, Parcel, Short } from "mortar:events/order-events@0.1.0";
export type { Resolution } from "mortar:events/order-resolutions@0.1.0";
export type { InboundShipment, InboundLine } from "mortar:events/inbound-shipment-events@0.1.0";
export type { Inventory, Stock, Snapshot, StatusCount, Movement } from "mortar:events/inventory-events@0.1.0";
export type { ReturnShipment, ReturnLine } from "mortar:events/return-events@0.1.0";
export type { Confirmation, Mismatch } from "mortar:events/round-trip@0.1.0";
