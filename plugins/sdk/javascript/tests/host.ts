/** A host for the kit's tests, in the place of each module of the contract. */

import type { Request, Response, Settlement } from "mortar:plugin/connection@0.1.0";
import type { Entry, PutError } from "mortar:plugin/state@0.1.0";

export interface Host {
    call(step: string, request: Request): Response;
    settle(step: string, settlement: Settlement): void;
    table: object;
    lines: string[];
    entries: Map<string, Entry>;
    sent: object[];
    /** What a write is refused with, before anything else is looked at. */
    refuse: PutError | null;
}

export let host: Host;

/** Throws what a function of the contract fails with, as the componentizer does. */
export function refuse<E>(payload: E): never {
    throw Object.assign(new Error("(see error.payload)"), { payload });
}

/** A host of one's own, with these parts. */
export function fresh(parts: Partial<Host>): Host {
    const nobody = () => {
        throw new Error("nobody expected a call");
    };
    host = { call: nobody, settle: nobody, table: {}, lines: [], entries: new Map(), sent: [], refuse: null, ...parts };
    return host;
}

export const call = (step: string, request: Request) => host.call(step, request);
export const settle = (step: string, settlement: Settlement) => host.settle(step, settlement);
export const log = (level: string, message: string) => void host.lines.push(`${level}: ${message}`);
export const json = () => JSON.stringify(host.table);
export const send = (step: string, message: object) => void host.sent.push({ step, ...message });
export const get = (key: string) => host.entries.get(key) ?? null;

export function put(key: string, value: Uint8Array, expected: number): void {
    if (host.refuse) refuse(host.refuse);
    const version = host.entries.get(key)?.version ?? 0;
    if (version !== expected) refuse<PutError>({ tag: "conflict", val: version });
    host.entries.set(key, { value, version: version + 1 });
}

function remove(key: string): void {
    host.entries.delete(key);
}
export { remove as delete };
