import assert from "node:assert/strict";
import { test } from "node:test";

import { type Delivery, type Order, config, done, ignored, log, mail, onAnyEvent, onOrder, reject, retry, state } from "../src/index";
import { fresh } from "./host";

const delivery = {} as Delivery;

test("a handler's outcome and its failures reach the host as they are", () => {
    const host = fresh({});
    assert.deepEqual(onAnyEvent(() => ignored("not ours")).handle(delivery), { tag: "ignored", val: "not ours" });
    assert.deepEqual(onOrder((_, order) => (assert.equal(order.number, "SO-1"), done())).handle(delivery, { number: "SO-1" } as Order), { tag: "done" });
    const refused = onAnyEvent(() => {
        throw reject("no such order");
    });
    assert.throws(() => refused.handle(delivery), { payload: { tag: "reject", val: "no such order" } });
    const later = onAnyEvent(() => {
        throw retry("a lock", 50);
    });
    assert.throws(() => later.handle(delivery), { payload: { tag: "retry", val: { reason: "a lock", afterMs: 50 } } });
    assert.deepEqual(host.lines, []);
});

test("a mistake is logged with its place", () => {
    const host = fresh({});
    const mistaken = onAnyEvent(() => (undefined as unknown as { missing: { field: never } }).missing.field);
    assert.throws(() => mistaken.handle(delivery), TypeError);
    assert.match(host.lines[0]!, /^error: TypeError: .*\n[^]*kit\.test/);
    const endless = onAnyEvent((() => undefined) as never);
    assert.throws(() => endless.handle(delivery), /without an outcome/);
});

test("lines and console go to the delivery's log", () => {
    const host = fresh({});
    log.warn("odd");
    (globalThis as unknown as { console: { log(...values: unknown[]): void } }).console.log("parcels:", 2, { a: 1 }, undefined);
    assert.deepEqual(host.lines, ["warn: odd", 'info: parcels: 2 {"a":1} undefined']);
});

test("a config that lacks a field names it", () => {
    fresh({ table: { warehouse: "FN1" } });
    assert.deepEqual(config<{ warehouse: string }>("warehouse"), { warehouse: "FN1" });
    assert.throws(() => config("carrier"), { payload: { tag: "reject", val: "[config] in plugin.toml: missing field `carrier`" } });
});

test("state is read, changed and removed", () => {
    const host = fresh({});
    const increase = () => state.update<number>("n", (n) => (n ?? 0) + 1);
    assert.deepEqual([increase(), increase(), state.get("n"), host.entries.get("n")!.version], [1, 2, 2, 2]);
    state.remove("n");
    assert.equal(state.get("n"), null);
});

test("a conflict changes the newer value, endless ones end in a retry, a large value in a rejection", () => {
    const host = fresh({});
    let others = 1;
    const changed = state.update<string>("n", (value) => {
        if (others-- > 0) host.entries.set("n", { value: new TextEncoder().encode('"newer"'), version: 8 });
        return `${value} and mine`;
    });
    assert.equal(changed, "newer and mine");
    host.refuse = { tag: "conflict", val: 1 };
    assert.throws(() => state.update("n", () => 1), { message: "other deliveries keep changing the state `n`" });
    host.refuse = { tag: "too-large", val: "65 KiB" };
    assert.throws(() => state.update("n", () => 1), { payload: { tag: "reject", val: "state `n`: 65 KiB" } });
    host.entries.set("n", { value: new TextEncoder().encode("<"), version: 1 });
    assert.throws(() => state.get("n"), { name: "Failure", message: /^state `n`/ });
});

test("a mail is sent as a step, without what was left out", () => {
    const host = fresh({});
    mail.send("mail/short", { connection: "mail", to: ["ops@example.com"], subject: "short", text: "2 units" });
    const message = { connection: "mail", to: ["ops@example.com"], subject: "short", text: "2 units", replyTo: null, html: null };
    assert.deepEqual(host.sent, [{ step: "mail/short", ...message }]);
});
