/** Calls to the ERP, made as durable steps. */

import * as connection from "mortar:plugin/connection@0.1.0";
import type { CallError as ContractError, Request, Settlement } from "mortar:plugin/connection@0.1.0";
import type { Delivery, Failure as ContractFailure } from "mortar:plugin/types@0.1.0";

import { Failure, reject, thrown } from "./failure";
import { Response } from "./response";

/**
 * Why a call has no answer. Not caught, it ends the handler well: what was not applied is tried
 * again, the rest is for an operator.
 */
export class CallError extends Failure {
    readonly kind: ContractError["tag"];
    /** The host's own words. */
    readonly words: string;

    constructor(error: ContractError) {
        super(failure(error));
        this.name = "CallError";
        this.kind = error.tag;
        this.words = error.tag === "unavailable" ? error.val.reason : error.val;
    }
}

function failure(error: ContractError): ContractFailure {
    switch (error.tag) {
        case "unavailable":
            return { tag: "retry", val: error.val };
        case "denied":
            return { tag: "reject", val: `a call was denied: ${error.val}` };
        case "too-large":
            return { tag: "reject", val: `a call is too large: ${error.val}` };
        case "diverged":
            return { tag: "reject", val: `a step was answered before, with another request: ${error.val}` };
        case "in-doubt":
            return { tag: "reject", val: `a step is in doubt: ${error.val}` };
    }
}

/** Runs what the contract says can throw a call error. */
export function orCallError<T>(attempt: () => T): T {
    try {
        return attempt();
    } catch (error) {
        throw new CallError(thrown(error));
    }
}

/**
 * Makes a call as the step of that name, or answers from the journal where this step of this event
 * was answered before.
 *
 * @throws {CallError} There is no answer.
 */
export function call(step: string, request: Request): Response {
    return new Response(orCallError(() => connection.call(step, request)));
}

/**
 * Makes a call; where the step is in doubt, `look` finds out in the ERP what became of it, and the
 * step is settled so. `look` is given the host's words, and makes its own calls under {@link fresh}
 * names: an old answer would not settle anything.
 */
export function callOrSettle(step: string, request: Request, look: (doubt: string) => Settlement): Response {
    try {
        return call(step, request);
    } catch (error) {
        if (!(error instanceof CallError && error.kind === "in-doubt")) throw error;
        settle(step, look(error.words));
        return call(step, request);
    }
}

/** Says what became of a step that is in doubt. */
export function settle(step: string, settlement: Settlement): void {
    try {
        connection.settle(step, settlement);
    } catch (error) {
        throw reject(`step \`${step}\` cannot be settled: ${thrown<string>(error)}`);
    }
}

/**
 * A step name that is asked afresh on each attempt: `state` becomes `state#2` on the second. Only
 * for reads: a write under such a name would be repeated by each retry.
 */
export function fresh(delivery: Delivery, step: string): string {
    return `${step}#${delivery.attempt}`;
}
