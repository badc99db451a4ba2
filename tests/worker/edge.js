/**
 * A worker that does one thing of each kind that the client is about.
 */

import { DurableObject } from "cloudflare:workers";
import { inTrace, loggerOf, withTracelog } from "./tracelog-worker.js";

const PAGES = {
  /** What a page asks the backend for, by way of this worker. */
  async "/api/order"(request, env, ctx, log) {
    log.bind({ user_id: "u1" });
    log.info("forwarding", { authorization: "Bearer abcdefghijklmnop123456" });
    return log.fetch(`${env.BACKEND}/orders/tea`, { method: "POST" });
  },
  async "/boom"(request, env, ctx, log) {
    log.debug("before");
    throw new Error("no such order", { cause: new TypeError("id is undefined") });
  },
  async "/count"(request, env, ctx, log) {
    const stub = env.COUNTER.get(env.COUNTER.idFromName("one"));
    await log.fetch("http://counter/add", {}, stub);
    return Response.json(await stub.twice(21, log.carry()));
  },
  async "/enqueue"(request, env, ctx, log) {
    await env.QUEUE.send({ n: 1, tracelog: log.carry() });
    return new Response("queued");
  },
  /** Many lines of one millisecond. Where Cloudflare runs it, the clock stands still by itself while a worker computes. */
  "/burst"(request, env, ctx, log) {
    const { now } = Date;
    const still = now();
    Date.now = () => still;
    for (const letter of "abcdefghijklmnopqrst") log.info(letter);
    Date.now = now;
    return new Response();
  },
  /** The same line again and again. */
  "/loop"(request, env, ctx, log) {
    for (let n = 0; n < 100; n += 1) log.warn("again");
    return new Response();
  },
  async "/wait"(request) {
    await scheduler.wait(Number(new URL(request.url).searchParams.get("ms")));
    return new Response();
  },
  /** Work that goes on after the response. */
  "/after"(request, env, ctx, log) {
    ctx.waitUntil(scheduler.wait(20).then(() => loggerOf(ctx).info("after the response")));
    return new Response("early");
  },
  async "/span"(request, env, ctx, log) {
    await log.span("inner", async (inner) => inner.say("NOTICE", "within", { a: 1 }));
    await log.fetch("http://127.0.0.1:1/nobody").catch(() => {});
    return new Response();
  },
  /** Nothing that is logged may harm who logs it. */
  "/odd"(request, env, ctx, log) {
    const odd = { get secret() { throw new Error("a getter ran"); } };
    odd.self = odd;
    for (const what of [undefined, null, Symbol("s"), 10n, odd, new Proxy({}, { ownKeys() { throw new Error("trap"); } })]) log.info(what, what);
    return new Response();
  },
  "/say"(request, env, ctx, log) {
    const { searchParams } = new URL(request.url);
    log[searchParams.get("level")](searchParams.get("text"));
    return Response.json(log.stats());
  },
};

const page = `<!doctype html><meta charset="utf-8"><title>shop</title>
<script src="LOGS/tracelog.js" data-trace-id="TRACE" data-fallback="PROXY"></script>
<body><script>
(async () => {
  console.log("buying");
  window.answered = (await fetch("/api/order", { method: "POST" })).status;
})();
</script>`;

export default withTracelog(
  {
    async fetch(request, env, ctx, log) {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname === "/page") {
        const html = page.replace("LOGS", searchParams.get("logs")).replace("TRACE", searchParams.get("trace")).replace("PROXY", searchParams.get("proxy") ?? "");
        return new Response(html, { headers: { "content-type": "text/html" } });
      }
      return PAGES[pathname]?.(request, env, ctx, log) ?? new Response(null, { status: 404 });
    },
    async scheduled({ cron }, env, ctx, log) {
      log.info("cleaning");
    },
    async queue(batch, env, ctx, log) {
      for (const { body } of batch.messages) {
        const each = log.join(body.tracelog, "message");
        each.info(`message ${body.n}`);
        each.end();
      }
    },
  },
  { service: "edge" },
);

export const Counter = withTracelog(
  class extends DurableObject {
    async fetch(request, log) {
      log.info("adding");
      await this.ctx.storage.setAlarm(Date.now());
      return new Response();
    }
    async alarm(info, log) {
      log.info("ringing");
    }
    twice(n, carried) {
      return inTrace({ name: "twice", trace: carried, env: this.env }, (log) => (log.info("doubling"), 2 * n), { service: "counter" });
    }
  },
  { service: "counter" },
);
