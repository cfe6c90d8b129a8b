/**
 * Lines for the operator, kept with the attempt. `console.log` and its like come here too.
 *
 * Never log credentials or a customer's personal data.
 */

import { log } from "mortar:plugin/log@0.1.0";

/** Detail for the author. */
export const debug = (message: string) => log("debug", message);

/** What the plugin did. */
export const info = (message: string) => log("info", message);

/** Something odd that did not stop the plugin. */
export const warn = (message: string) => log("warn", message);

/** Something that an operator has to look at. */
export const error = (message: string) => log("error", message);
