/** Building a request. */

import type { Request } from "mortar:plugin/connection@0.1.0";

import * as utf8 from "./utf8";

/** What a request can have beside its path. */
export interface RequestOptions {
    /** Credentials and the idempotency key are the host's: naming one is denied. */
    headers?: Record<string, string>;
    /** A JSON body. */
    json?: unknown;
    /** A body of another kind; name its content type in the headers. */
    body?: Uint8Array | string;
}

/**
 * A request through a connection. `path` is below the connection's base URL and starts with `/`;
 * {@link encode} what you put into it.
 */
export function request(method: string, connection: string, path: string, options: RequestOptions = {}): Request {
    const headers = Object.entries(options.headers ?? {});
    let body = options.body ?? null;
    if (options.json !== undefined) {
        headers.push(["content-type", "application/json"]);
        body = JSON.stringify(options.json);
    }
    return { connection, method, path, headers, body: typeof body === "string" ? utf8.encode(body) : body };
}

type Method = (connection: string, path: string, options?: RequestOptions) => Request;

const method = (name: string): Method => (connection, path, options) => request(name, connection, path, options);

export const get = method("GET");
export const post = method("POST");
export const put = method("PUT");
export const patch = method("PATCH");
export const del = method("DELETE");

/** Percent-encodes a value for one segment of a path, or for a query. */
export function encode(value: string): string {
    return encodeURIComponent(value).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
