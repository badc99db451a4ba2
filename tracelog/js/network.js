/**
 * Calls that leave the page: what became of them and how long it took, and the trace handed on with them.
 *
 * @import { Part } from "./core.js"
 */

import { formatTraceparent } from "./headers.js";
import { describe } from "./errors.js";
import { capture, list, patch, safely } from "./core.js";
import { attempt, hex } from "./page.js";
import { isTarget } from "./targets.js";

const SIMPLE_METHODS = /^(?:GET|HEAD|POST)$/i;
/** The second row is what browsers take for simple beside the standard. */
const SIMPLE_HEADERS = new RegExp(
  "^(?:accept|accept-language|content-language|content-type|range" +
    "|device-memory|downlink|dpr|ect|intervention|rtt|save-data|viewport-width|width)$",
  "i",
);
const SIMPLE_TYPES = /^(?:text\/plain|application\/x-www-form-urlencoded|multipart\/form-data)\b/i;

/**
 * Whether a call to another origin is preceded by a preflight anyway (Fetch §3.3.5).
 *
 * @param {string} method
 * @param {Iterable<[string, string]>} headers
 */
export function isPreflighted(method, headers) {
  if (!SIMPLE_METHODS.test(method)) return true;
  return [...headers].some(([name, value]) => !SIMPLE_HEADERS.test(name) || (/^content-type$/i.test(name) && !SIMPLE_TYPES.test(value)));
}

/**
 * Of the headers that a page gives, those that the browser lets it set (Fetch §2.2.2): the others cost no preflight.
 *
 * @param {Headers | [string, string][]} headers
 */
const sendable = (headers) => new Request("about:blank", { headers }).headers;

/**
 * What a page gave beside the address, with other headers. It may be frozen, or a `Request`, which cannot be copied.
 *
 * @param {any} given
 * @param {Headers} headers
 */
const withHeaders = (given, headers) => new Proxy({}, { get: (_, name) => (name === "headers" ? headers : given?.[name]) });

/**
 * Whether a call may carry the trace: to its own origin always, to a listed target where that costs no
 * preflight; `!` behind a target says that it may cost one.
 *
 * @param {URL} url
 * @param {string} own the page's origin
 * @param {string[]} targets origins or hosts, `*.` before a host takes what is below it
 * @param {() => boolean} preflighted
 */
export function mayCarry(url, own, targets, preflighted) {
  if (url.origin === own) return true;
  return targets.some((target) => isTarget(url, target.replace(/!$/, "")) && (target.endsWith("!") || preflighted()));
}

/**
 * @typedef {{method: string, url: URL, span_id: string, timestamp: number, began: number, trace?: any, headers?: [string, string][]}} Call
 */

/** @type {Part} */
export const network = {
  start(api, options) {
    const targets = list(options.propagate);
    // not that of `location`: a frame may be of its parent's origin, or of none
    const own = globalThis.origin;
    /** @type {(text: string) => URL | undefined} */
    const address = (text) => attempt(() => new URL(text, globalThis.document?.baseURI ?? location.href));
    /** @param {URL} url */
    const isOurs = (url) => url.origin + url.pathname === `${options.base}/log`;
    /** @param {URL} url */
    const shown = (url) => (url.origin === own ? url.pathname + url.search : url.href);
    /**
     * @param {string} method
     * @param {string} text
     * @returns {Call | null}
     */
    const begin = (method, text) => {
      const url = address(text);
      if (!url || isOurs(url) || !api.isOn() || !/^(?:http|ws)s?:$/.test(url.protocol)) return null;
      return { method, url, span_id: hex(8), timestamp: Date.now(), began: performance.now() };
    };
    /** @type {(call: Call, outcome: string, level: string, more?: Record<string, any>) => void} */
    const end = ({ method, url, span_id, timestamp, began, trace: { trace_id, span_id: parent_id } }, outcome, level, more = {}) => {
      const context = { ...more.context, method, target: url.href };
      const duration_ms = performance.now() - began;
      const message = `${method} ${shown(url)} ${outcome}`;
      capture({ logger: "network", ...more, level, message, trace_id, span_id, parent_id, timestamp, duration_ms, context });
    };
    /** @type {(call: Call, status: number) => void} */
    const answered = (call, status) => end(call, String(status), status >= 500 ? "error" : status >= 400 ? "warn" : "info", { context: { status } });
    /** @type {(call: Call, preflighted: () => boolean) => [string, string] | null} */
    const carried = (call, preflighted) => {
      const { trace_id } = (call.trace = api.trace());
      if (!mayCarry(call.url, own, targets, preflighted)) return null;
      const parent = formatTraceparent(trace_id, call.span_id);
      return parent ? ["traceparent", parent] : ["x-trace-id", trace_id];
    };

    patch(globalThis, "fetch", (original) =>
      /** @this {any} @param {any} input @param {any} given */
      function fetch(input, given) {
        let args = [input, given];
        const call = safely(() => {
          const request = typeof Request === "function" && input instanceof Request ? input : null;
          const made = begin(String(given?.method ?? request?.method ?? "GET").toUpperCase(), request?.url ?? String(input));
          if (!made) return null;
          const headers = new Headers(given?.headers ?? request?.headers);
          const header = carried(made, () => isPreflighted(made.method, sendable(headers)));
          const isFree = (given?.mode ?? request?.mode) !== "no-cors" && !headers.has("traceparent");
          if (header && isFree) headers.set(...header);
          // also without the trace: headers may come from an iterator, which is used up now
          if (given?.headers || (header && isFree)) args = [input, withHeaders(given, headers)];
          return made;
        });
        const promise = original.apply(this, args);
        if (!call) return promise;
        promise.then(
          (/** @type {Response} */ { type, status }) => safely(() => (type === "opaque" ? end(call, type, "info") : answered(call, status))),
          (/** @type {any} */ error) => safely(() => (error?.name === "AbortError" ? end(call, "aborted", "info") : end(call, "failed", "error", describe(error)))),
        );
        // not the promise that is heard here, or a failure that the page does not handle would count as handled
        return promise.then();
      },
    );

    const requests = new WeakMap();
    const xhr = globalThis.XMLHttpRequest?.prototype ?? {};
    patch(xhr, "open", (original) =>
      /** @this {XMLHttpRequest} @param {any} method @param {any} url @param {any[]} rest */
      function open(method, url, ...rest) {
        const call = safely(() => begin(String(method).toUpperCase(), String(url)));
        requests.set(this, call && { ...call, headers: [] });
        return original.call(this, method, url, ...rest);
      },
    );
    patch(xhr, "setRequestHeader", (original) =>
      /** @this {XMLHttpRequest} @param {any} name @param {any} value */
      function setRequestHeader(name, value) {
        requests.get(this)?.headers.push([String(name), String(value)]);
        return original.call(this, name, value);
      },
    );
    patch(xhr, "send", (original) =>
      /** @this {XMLHttpRequest} @param {any[]} args */
      function send(...args) {
        safely(() => {
          const call = requests.get(this);
          if (!call) return;
          Object.assign(call, { timestamp: Date.now(), began: performance.now() });
          const header = carried(call, () => isPreflighted(call.method, sendable(call.headers)));
          if (header && !call.headers?.some((/** @type {string[]} */ [name]) => /^traceparent$/i.test(name))) attempt(() => this.setRequestHeader(...header));
          let outcome = "failed";
          for (const kind of ["abort", "timeout"]) this.addEventListener(kind, () => (outcome = kind === "abort" ? "aborted" : "timed out"), { once: true });
          const finish = () => (this.status ? answered(call, this.status) : end(call, outcome, outcome === "aborted" ? "info" : "error"));
          this.addEventListener("loadend", () => safely(finish), { once: true });
        });
        return original.apply(this, args);
      },
    );

    patch(globalThis, "WebSocket", (original) =>
      new Proxy(original, {
        construct(target, args, made) {
          const socket = Reflect.construct(target, args, made);
          safely(() => {
            const call = begin("WebSocket", socket.url);
            if (!call) return;
            call.trace = api.trace();
            // not `listen`, which would keep every socket that the page ever opened
            const hear = (/** @type {string} */ name, /** @type {(event: any) => void} */ tell) => socket.addEventListener(name, (/** @type {Event} */ event) => safely(() => tell(event)), true);
            hear("open", () => end(call, "open", "info"));
            hear("error", () => end(call, "failed", "error"));
            hear("close", ({ code, reason, wasClean }) => end(call, `closed ${code}`, wasClean ? "info" : "warn", { context: { code, reason } }));
          });
          return socket;
        },
      }),
    );

    patch(globalThis.navigator ?? {}, "sendBeacon", (original) =>
      /** @this {any} @param {any} url @param {any} data */
      function sendBeacon(url, data) {
        const isQueued = original.call(this, url, data);
        safely(() => {
          const call = begin("beacon", String(url));
          if (!call) return;
          call.trace = api.trace();
          end(call, isQueued ? "queued" : "refused", isQueued ? "info" : "warn");
        });
        return isQueued;
      },
    );
  },
};
