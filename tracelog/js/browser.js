/**
 * The browser client with all its parts; `/tracelog.js` is this module and those that it imports, in one file.
 */

import rules from "../core/rules.json" with { type: "json" };
import { api } from "./core.js";
import { more } from "./more.js";
import { network } from "./network.js";
import { protect } from "./protect.js";

[protect(rules), more, network].forEach(api.use);

export default api;
export const { init, on, off, isOn, log, trace, newTrace, flush, stats, close } = api;
