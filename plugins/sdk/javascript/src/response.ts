/** What the ERP answered. */

import type { Response as Answer } from "mortar:plugin/connection@0.1.0";

import { type Failure, reject } from "./failure";
import * as utf8 from "./utf8";

/** How much of an answer's body goes into a rejection, in characters. */
const EXCERPT = 300;

export class Response {
    readonly status: number;
    /** Names are in lower case. */
    readonly headers: Array<[string, string]>;
    readonly body: Uint8Array;

    constructor(answer: Answer) {
        this.status = answer.status;
        this.headers = answer.headers;
        this.body = answer.body;
    }

    /** True for a status from 200 to 299. */
    get isSuccess(): boolean {
        return this.status >= 200 && this.status < 300;
    }

    /** Goes on with a 2xx answer, and refuses any other. */
    ok(): this {
        if (this.isSuccess) return this;
        throw this.refusal("a call failed");
    }

    /** The rejection that this answer deserves: what was called, the status, the beginning of the body. */
    refusal(what: string): Failure {
        return reject(`${what}: the ERP answered ${this.status}: ${this.excerpt()}`);
    }

    /** The body as text. */
    text(): string {
        return utf8.decode(this.body);
    }

    /** The body as JSON; a rejection says what does not fit. */
    json<T = unknown>(): T {
        try {
            return JSON.parse(this.text());
        } catch (error) {
            throw reject(`the ERP's answer is not what was expected (${(error as Error).message}): ${this.excerpt()}`);
        }
    }

    /** The value of a header, by its name in lower case. */
    header(name: string): string | undefined {
        return this.headers.find(([known]) => known === name)?.[1];
    }

    private excerpt(): string {
        // A character has at most four bytes, so this much of the body holds the excerpt. None is split.
        let end = Math.min(this.body.length, 4 * EXCERPT + 4);
        while (end < this.body.length && (this.body[end]! & 0xc0) === 0x80) end--;
        const text = Array.from(utf8.decode(this.body.slice(0, end)).trim());
        if (text.length === 0) return "(no body)";
        const excerpt = text.slice(0, EXCERPT).map((c) => (/\p{Cc}/u.test(c) ? " " : c));
        return excerpt.join("") + (text.length > EXCERPT ? "…" : "");
    }
}
