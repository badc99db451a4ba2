/**
 * Stands between pages and a tracelog server that pages cannot reach: of another origin, behind a firewall, blocked.
 *
 * It forwards what the browser client asks for, from the origins that are listed, to one server, with a key that no page
 * ever sees. Nothing else passes: no other path, no other host, no header of the page's choice.
 */

/** What a page may ask for, and how. */
const ROUTES = {
  "/log": "POST",
  "/api/v1/status": "GET",
  "/tracelog.js": "GET",
  "/tracelog.mjs": "GET",
  "/tracelog-core.js": "GET",
  "/tracelog-widget.js": "GET",
};
/** Pages send 60,000 bytes at a time; a page that never got through sends more when it does. */
const BODY_BYTES = 1 << 20;
const UPSTREAM_MS = 10000;
/** Seconds that a page waits, which keeps what it has. */
const AGAIN_S = 10;
const RATE_S = 60;
/** Groups of an IPv6 address that tell one network from another: whoever has a line has 2^64 addresses behind them. */
const NETWORK_GROUPS = 4;
const PASSED_ON = ["content-type", "content-encoding", "traceparent", "tracestate", "baggage", "x-trace-id", "x-request-id"];
const PASSED_BACK = ["content-type", "retry-after", "etag", "cache-control"];
/** Answers that tell of the page's own request. Others are trouble between proxy and server, and pass. */
const OWN_FAULTS = [400, 408, 413, 415, 429];

export default {
  /**
   * @param {Request} request
   * @param {any} env
   */
  async fetch(request, env) {
    const origin = request.headers.get("origin");
    const listed = String(env.ALLOWED_ORIGINS ?? "").split(/[\s,]+/).map((each) => each.replace(/\/$/, ""));
    const isAllowed = origin !== null && origin !== "" && listed.includes(origin);
    const cors = isAllowed ? { "access-control-allow-origin": origin, "access-control-expose-headers": "retry-after" } : {};
    const reply = await answer(request, env, isAllowed).catch((error) => {
      console.error(`a request could not be forwarded: ${error}`);
      return later("the proxy is in trouble");
    });
    const answered = new Response(reply.body, reply);
    for (const [name, value] of Object.entries({ ...cors, vary: "origin" })) answered.headers.set(name, value);
    return answered;
  },
};

/**
 * @param {Request} request
 * @param {any} env
 * @param {boolean} isAllowed
 */
async function answer(request, env, isAllowed) {
  const { pathname } = new URL(request.url);
  const prefix = String(env.PREFIX ?? "");
  const path = pathname.startsWith(prefix) ? pathname.slice(prefix.length) : "";
  const method = Object.hasOwn(ROUTES, path) ? ROUTES[/** @type {keyof typeof ROUTES} */ (path)] : undefined;
  if (!method) return refuse(404, "not_found", "this proxy forwards POST /log and the scripts of the client");
  if (request.method === "OPTIONS") return preflight(isAllowed);
  if (request.method !== method) return refuse(405, "method", `${path} takes ${method}`, { allow: method });
  if (method === "POST" && !isAllowed) return refuse(403, "origin", "pages of this origin may not send here; list it in ALLOWED_ORIGINS");
  if (!/^https?:/.test(env.TRACELOG_URL) || !URL.canParse(env.TRACELOG_URL) || !env.RATE?.limit) {
    console.error("TRACELOG_URL, the server's address, or the rate limiter RATE is missing in wrangler.toml");
    return later("the proxy is not set up");
  }
  const { success } = await env.RATE.limit({ key: networkOf(request.headers.get("cf-connecting-ip") ?? "unknown") });
  if (!success) return refuse(429, "proxy_rate", "too many requests from this address", { "retry-after": String(RATE_S) });
  const body = method === "POST" ? await read(request) : undefined;
  if (body === null) return refuse(413, "too_large", `the body has more than ${BODY_BYTES} bytes`);
  return forward(request, env, { path, method, body });
}

/**
 * An IPv4 address, or the network that an IPv6 address is of.
 *
 * @param {string} address
 */
function networkOf(address) {
  if (!address.includes(":") || address.includes(".")) return address;
  const [head, tail] = address.toLowerCase().split("::").map((part) => part.split(":").filter(Boolean));
  const groups = tail ? [...head, ...Array(Math.max(0, 8 - head.length - tail.length)).fill("0"), ...tail] : head;
  return groups.slice(0, NETWORK_GROUPS).map((group) => parseInt(group, 16).toString(16)).join(":");
}

/** @param {boolean} isAllowed */
function preflight(isAllowed) {
  const headers = { "access-control-allow-methods": "POST, GET", "access-control-allow-headers": PASSED_ON.join(", "), "access-control-max-age": "7200" };
  return new Response(null, { status: 204, headers: isAllowed ? headers : {} });
}

/**
 * The body, or null when it is too large: its header may be missing or wrong, so it is counted.
 *
 * @param {Request} request
 */
async function read(request) {
  if (Number(request.headers.get("content-length")) > BODY_BYTES) return null;
  const chunks = [];
  let bytes = 0;
  for await (const chunk of /** @type {any} */ (request.body ?? [])) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return new Blob(chunks);
}

/**
 * @param {Request} request
 * @param {any} env
 * @param {{path: string, method: string, body?: Blob}} what
 */
async function forward(request, env, { path, method, body }) {
  const headers = new Headers(env.TRACELOG_KEY ? { authorization: `Bearer ${env.TRACELOG_KEY}` } : {});
  for (const name of PASSED_ON) {
    const value = request.headers.get(name);
    if (value) headers.set(name, value);
  }
  // the server may stand below a path
  const url = new URL(env.TRACELOG_URL.replace(/\/+$/, "") + path);
  // the one word of the status that pages may ask for
  if (path === "/api/v1/status") url.search = "?page=1";
  let reply;
  try {
    reply = await fetch(url, { method, headers, body: body && (await body.arrayBuffer()), redirect: "manual", signal: AbortSignal.timeout(UPSTREAM_MS) });
  } catch (error) {
    console.error(`the tracelog server cannot be reached: ${error}`);
    return later("the server cannot be reached");
  }
  if (!reply.ok && !OWN_FAULTS.includes(reply.status)) {
    console.error(`the tracelog server answered ${reply.status} to ${method} ${path}: ${(await reply.text()).slice(0, 300)}`);
    return later("the server cannot take entries now");
  }
  const told = PASSED_BACK.flatMap((name) => (reply.headers.has(name) ? [[name, String(reply.headers.get(name))]] : []));
  return new Response(reply.body, { status: reply.status, headers: Object.fromEntries(told) });
}

/**
 * @param {number} status
 * @param {string} reason
 * @param {string} error
 * @param {Record<string, string>} [headers]
 */
const refuse = (status, reason, error, headers) => Response.json({ success: false, error, reason }, { status, headers });

/** @param {string} error */
const later = (error) => refuse(503, "upstream", error, { "retry-after": String(AGAIN_S) });
