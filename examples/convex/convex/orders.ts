/**
 * An order in three steps, all of one trace: an action asks the bank, a mutation writes, a query reads.
 *
 * The trace comes as the argument `tracelog`: in a page `tracelog.trace().trace_id`, in a worker `log.carry()`.
 */

import { actionGeneric as action, makeFunctionReference, mutationGeneric as mutation, queryGeneric as query } from "convex/server";
import { v } from "convex/values";

import { traced } from "./logs";

const place = makeFunctionReference<"mutation", { item: string; tracelog?: string }, string>("orders:write");

export const write = mutation({
  args: { item: v.string(), tracelog: v.optional(v.string()) },
  handler: traced(async (ctx, { item }, log) => {
    log.info("writing the order", { item });
    if (item === "nothing") throw new Error("an order of nothing");
    return await ctx.db.insert("orders", { item });
  }),
});

export const buy = action({
  args: { item: v.string(), tracelog: v.optional(v.string()) },
  handler: traced(async (ctx, { item }, log) => {
    const answer = await log.fetch(process.env.BANK_URL!, { method: "POST" });
    log.info("bank asked", { status: answer.status });
    return await ctx.runMutation(place, { item, tracelog: log.carry() });
  }),
});

export const count = query({
  args: { tracelog: v.optional(v.string()) },
  handler: traced(async (ctx, _args, log) => {
    const orders = await ctx.db.query("orders").collect();
    log.info("counted", { orders: orders.length });
    return orders.length;
  }),
});
