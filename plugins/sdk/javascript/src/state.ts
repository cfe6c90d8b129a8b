/**
 * What the plugin remembers between events: small JSON values under keys of its own.
 *
 * Writes are committed together with the delivery, and only where the handler ends with an outcome.
 */

import * as contract from "mortar:plugin/state@0.1.0";
import type { Entry, PutError } from "mortar:plugin/state@0.1.0";

import { type Failure, reject, retry, thrown } from "./failure";
import * as utf8 from "./utf8";

/** Tries of a write, each after reading the key again. */
const TRIES = 8;

/** Reads a key. */
export function get<T = unknown>(key: string): T | null {
    return read(key, contract.get(key));
}

/** Writes what `change` makes of the key's value, and answers it. `change` may run more than once. */
export function update<T>(key: string, change: (value: T | null) => T): T {
    for (let tries = 0; tries < TRIES; tries++) {
        const entry = contract.get(key);
        const value = change(read<T>(key, entry));
        try {
            contract.put(key, utf8.encode(JSON.stringify(value)), entry?.version ?? 0);
            return value;
        } catch (error) {
            const refused = thrown<PutError>(error);
            if (refused.tag === "too-large") throw reject(`state \`${key}\`: ${refused.val}`);
        }
    }
    throw contended(key);
}

/** Deletes a key, whatever its value. */
export function remove(key: string): void {
    for (let tries = 0; tries < TRIES; tries++) {
        const entry = contract.get(key);
        if (entry === null) return;
        try {
            contract.delete(key, entry.version);
            return;
        } catch (error) {
            thrown<PutError>(error);
        }
    }
    throw contended(key);
}

function read<T>(key: string, entry: Entry | null): T | null {
    if (entry === null) return null;
    try {
        return JSON.parse(utf8.decode(entry.value));
    } catch (error) {
        throw reject(`state \`${key}\` is not what was expected: ${(error as Error).message}`);
    }
}

function contended(key: string): Failure {
    return retry(`other deliveries keep changing the state \`${key}\``);
}
