/** How a handler ends when something went wrong. */

import type { Failure as ContractFailure } from "mortar:plugin/types@0.1.0";

/** Ends the handler when it is thrown: with a retry where time may mend it, else with a dead letter. */
export class Failure extends Error {
    /** What the host is told. The componentizer looks for it under this name. */
    readonly payload: ContractFailure;

    constructor(payload: ContractFailure) {
        super(payload.tag === "retry" ? payload.val.reason : payload.val);
        this.name = "Failure";
        this.payload = payload;
    }
}

/** No attempt can succeed: `throw reject("what an operator has to mend")` makes a dead letter. */
export function reject(reason: string): Failure {
    return new Failure({ tag: "reject", val: reason });
}

/** Time may mend it: `throw retry("what was in the way")`; without a wait the retry policy decides. */
export function retry(reason: string, afterMs: number | null = null): Failure {
    return new Failure({ tag: "retry", val: { reason, afterMs } });
}

/** What a function of the contract threw: the componentizer wraps it in an error. Anything else is thrown on. */
export function thrown<E>(error: unknown): E {
    if (error instanceof Error && "payload" in error) return error.payload as E;
    throw error;
}
