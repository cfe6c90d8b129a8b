/** `console`, whose lines go to the delivery's log. */

import * as log from "./log";

declare global {
    // As other libraries declare it, so that it may stand beside theirs.
    interface Console {
        debug(...values: unknown[]): void;
        log(...values: unknown[]): void;
        info(...values: unknown[]): void;
        warn(...values: unknown[]): void;
        error(...values: unknown[]): void;
    }
    var console: Console;
}

type Line = (message: string) => void;

const shown = (value: unknown) => (typeof value === "string" || value instanceof Error ? String(value) : (JSON.stringify(value) ?? String(value)));

const print = (line: Line) => (...values: unknown[]) => line(values.map(shown).join(" "));

Object.assign(globalThis, {
    console: { debug: print(log.debug), log: print(log.info), info: print(log.info), warn: print(log.warn), error: print(log.error) },
});
