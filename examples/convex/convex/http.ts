/**
 * The same over HTTP: the trace comes from the request's headers, as a worker's `log.fetch` sends them.
 */

import { httpActionGeneric as httpAction, httpRouter, makeFunctionReference } from "convex/server";

import { traced } from "./logs";

const buy = makeFunctionReference<"action", { item: string; tracelog?: string }, string>("orders:buy");

export const order = httpAction(
  traced(async (ctx, request: Request, log) => {
    log.info("order by HTTP");
    const id = await ctx.runAction(buy, { item: await request.text(), tracelog: log.carry() });
    return Response.json({ id });
  }),
);

const http = httpRouter();
http.route({ path: "/order", method: "POST", handler: order });
export default http;
