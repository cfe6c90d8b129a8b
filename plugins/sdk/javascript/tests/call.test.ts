import assert from "node:assert/strict";
import { test } from "node:test";

import type { CallError as ContractError } from "mortar:plugin/connection@0.1.0";
import { CallError, Response, call, callOrSettle, encode, fresh as freshStep, get, post, settle } from "../src/index";
import type { Delivery } from "../src/index";
import { fresh, refuse } from "./host";

const bytes = (text: string) => new TextEncoder().encode(text);
const answer = (status: number, body: string | Uint8Array = "") =>
    new Response({ status, headers: [["etag", "7"]], body: typeof body === "string" ? bytes(body) : body });

test("a request is built with its headers and its body", () => {
    const request = post("erp", "/orders", { headers: { "if-match": "7" }, json: { number: "é" } });
    assert.deepEqual(
        { ...request, body: new TextDecoder().decode(request.body!) },
        {
            connection: "erp",
            method: "POST",
            path: "/orders",
            headers: [["if-match", "7"], ["content-type", "application/json"]],
            body: '{"number":"é"}',
        },
    );
    assert.equal(get("erp", "/orders").body, null);
});

test("a 2xx goes on and anything else is refused with its words", () => {
    assert.equal(answer(204).ok().status, 204);
    for (const status of [199, 300, 404, 500]) assert.throws(() => answer(status).ok(), { payload: { tag: "reject", val: `a call failed: the ERP answered ${status}: (no body)` } });
    assert.equal(answer(422, '{"error":"unknown\n SKU"}').refusal("ship/shp_001").message, 'ship/shp_001: the ERP answered 422: {"error":"unknown  SKU"}');
    assert.equal(answer(404).refusal("x").message, "x: the ERP answered 404: (no body)");
});

test("an excerpt is bounded and never splits a character", () => {
    assert.ok(answer(400, "€".repeat(300)).refusal("x").message.endsWith(`: ${"€".repeat(300)}`));
    assert.ok(answer(400, "€".repeat(100_000)).refusal("x").message.endsWith(`${"€".repeat(300)}…`));
    assert.ok(answer(400, Uint8Array.of(0xff, 0x78)).refusal("x").message.endsWith(": \ufffdx"));
});

test("an answer is read as JSON", () => {
    assert.deepEqual(answer(200, '["é€😀"]').json(), ["é€😀"]);
    assert.throws(() => answer(200, "<html>").json(), { name: "Failure", message: /: <html>$/ });
    assert.equal(answer(200).header("etag"), "7");
});

test("only what was not applied is retried", () => {
    const ending = (error: ContractError) => {
        fresh({
            call: () => refuse(error),
        });
        try {
            call("step", get("erp", "/"));
        } catch (error) {
            return error as CallError;
        }
        throw new Error("it had no end");
    };
    const unavailable = ending({ tag: "unavailable", val: { reason: "503", afterMs: 1500 } });
    assert.deepEqual(unavailable.payload, { tag: "retry", val: { reason: "503", afterMs: 1500 } });
    for (const tag of ["denied", "too-large", "diverged", "in-doubt"] as const) {
        const error = ending({ tag, val: "words" });
        assert.deepEqual([error.kind, error.payload.tag], [tag, "reject"]);
        assert.match(error.message, /: words$/);
    }
});

test("a step in doubt is looked up, settled and called again", () => {
    const settled: string[] = [];
    fresh({
        call: (step) => {
            if (settled.length === 0) refuse<ContractError>({ tag: "in-doubt", val: "sent once" });
            return { status: 201, headers: [], body: bytes(step) };
        },
        settle: (step, settlement) => void settled.push(`${step} ${settlement.tag}`),
    });
    const answer = callOrSettle("pay", post("erp", "/payments"), (doubt) => {
        assert.equal(doubt, "sent once");
        return { tag: "resend" };
    });
    assert.equal(answer.text(), "pay");
    assert.deepEqual(settled, ["pay resend"]);
});

test("what cannot be settled is for an operator", () => {
    fresh({
        settle: () => refuse("it is not in doubt"),
    });
    assert.throws(() => settle("pay", { tag: "resend" }), { name: "Failure", message: "step `pay` cannot be settled: it is not in doubt" });
});

test("a fresh step carries the attempt", () => {
    assert.equal(freshStep({ attempt: 2 } as Delivery, "state"), "state#2");
});

test("values are encoded for a path", () => {
    assert.equal(encode("SO 1/2?é"), "SO%201%2F2%3F%C3%A9");
    assert.equal(encode("TEE-BLU_M.1~"), "TEE-BLU_M.1~");
    assert.equal(encode("!'()*"), "%21%27%28%29%2A");
});
