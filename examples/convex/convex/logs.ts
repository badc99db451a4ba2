/**
 * Where this project's functions log: `traced` goes around a handler, `send` delivers what could not be sent at once.
 *
 * A project of your own takes `internalAction` from "./_generated/server"; this one stands without generated code.
 */

import { internalActionGeneric as internalAction, makeFunctionReference } from "convex/server";
import { v } from "convex/values";

import { tracelog } from "./tracelogClient.js";

export const { traced, ship } = tracelog({ service: "shop", ship: makeFunctionReference<"action">("logs:send") });

export const send = internalAction({ args: { body: v.string(), tried: v.number() }, handler: ship });
