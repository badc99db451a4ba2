/**
 * A worker in front of a backend: checks the session, hands the call on with its trace, and tells of both.
 *
 * `tracelog-worker.js` beside this file is the server's: `curl -s http://127.0.0.1:8787/tracelog-worker.js -o src/tracelog-worker.js`.
 */

import { withTracelog } from "./tracelog-worker.js";

export default withTracelog({
  /**
   * @param {Request} request
   * @param {{BACKEND: string}} env
   * @param {any} ctx
   * @param {any} log
   */
  async fetch(request, env, ctx, log) {
    const { pathname } = new URL(request.url);
    if (!request.headers.has("cookie")) {
      log.warn("no session", { path: pathname });
      return new Response("sign in first", { status: 401 });
    }
    const answer = await log.fetch(new URL(pathname, env.BACKEND), request);
    if (answer.ok) return answer;
    log.error("the backend failed", { status: answer.status });
    return new Response("try again", { status: 502 });
  },

  /**
   * Every hour, as wrangler.toml says.
   *
   * @param {any} event
   * @param {{BACKEND: string}} env
   * @param {any} ctx
   * @param {any} log
   */
  async scheduled(event, env, ctx, log) {
    const answer = await log.fetch(new URL("/healthz", env.BACKEND));
    log.info("backend looked at", { status: answer.status });
  },
});
