/** The `[config]` table of `plugin.toml`. */

import * as contract from "mortar:plugin/config@0.1.0";

import { reject } from "./failure";

/** Reads the whole table; a rejection names a required field that is missing. */
export function config<T extends object = Record<string, unknown>>(...required: Array<keyof T & string>): T {
    const table = JSON.parse(contract.json()) as T;
    const missing = required.find((field) => table[field] === undefined);
    if (missing !== undefined) throw reject(`[config] in plugin.toml: missing field \`${missing}\``);
    return table;
}
