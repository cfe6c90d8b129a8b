/** `console`, whose lines go to the delivery's log. */

import * as log from "./log";

type Line = (message: string) => void;

const shown = (value: unknown) => (typeof value === "string" || value instanceof Error ? String(value) : (JSON.stringify(value) ?? String(value)));

const print = (line: Line) => (...values: unknown[]) => line(values.map(shown).join(" "));

Object.assign(globalThis, {
    console: { debug: print(log.debug), log: print(log.info), info: print(log.info), warn: print(log.warn), error: print(log.error) },
});
