/** E-mail through a connection that is a mail server. */

import * as contract from "mortar:plugin/mail@0.1.0";
import type { Message as ContractMessage } from "mortar:plugin/mail@0.1.0";

import { orCallError } from "./call";

/** One e-mail; `replyTo` and `html` can be left out. */
export type Message = Omit<ContractMessage, "replyTo" | "html"> & Partial<Pick<ContractMessage, "replyTo" | "html">>;

/** Sends an e-mail as the step of that name: a retry of the handler never mails twice. */
export function send(step: string, message: Message): void {
    orCallError(() => contract.send(step, { ...message, replyTo: message.replyTo ?? null, html: message.html ?? null }));
}
