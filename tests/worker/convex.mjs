/**
 * Functions of a Convex project in contexts that the real `convex` package makes, on a backend that is small and here.
 *
 * What is real: the package, its registration, contexts, references and argument encoding. What is not: the backend beneath
 * (its system calls are answered here, a transaction is undone as there), its isolates, its log streams.
 *
 * The argument is JSON: `{"project": folder, "calls": [["action", "orders:buy", {…}], …]}`; the outcome is printed as JSON.
 */

import { pathToFileURL } from "node:url";

const { project, calls } = JSON.parse(process.argv[2]);
const real = console.log.bind(console);
const printed = [];
for (const level of ["debug", "log", "info", "warn", "error"]) console[level] = (...args) => printed.push([level, args.map(String).join(" ")]);

const modules = {};
for (const name of ["logs", "orders", "http"]) modules[name] = await import(pathToFileURL(`${project}/${name}.js`));
const find = (name) => modules[name.split(":")[0]][name.split(":")[1]];

const rows = [];
const jobs = [];
let current = [];
let delays = [];

const invoke = (name, args) => {
  current.push(name);
  const fn = find(name);
  const text = JSON.stringify([args]);
  const run = fn.isMutation ? mutate(fn, text) : fn.isQuery ? fn.invokeQuery(text) : fn.invokeAction("request", text);
  return run.finally(() => current.pop());
};

/** A transaction: what it wrote and scheduled is undone when it fails. */
async function mutate(fn, text) {
  const before = [rows.length, jobs.length];
  try {
    return await fn.invokeMutation(text);
  } catch (error) {
    rows.length = before[0];
    jobs.length = before[1];
    throw error;
  }
}

const schedule = ({ name, ts, args }) => {
  delays.push(Math.round(ts - Date.now() / 1000));
  jobs.push([name, args[0] ?? args]);
  return '"job"';
};

const SYSTEM_CALLS = {
  "1.0/getFunctionMetadata": () => JSON.stringify({ name: current.at(-1) ?? "http", componentPath: "" }),
  "1.0/getRequestMetadata": () => JSON.stringify({ ip: null, userAgent: null, requestId: "5f3a9c0d12e4b678", scheduledFunctionId: null, authToken: null }),
  "1.0/insert": ({ value }) => JSON.stringify({ _id: `order${rows.push(value)}` }),
  "1.0/queryStreamNext": () => JSON.stringify({ value: null, done: true }),
  "1.0/queryCleanup": () => "null",
  "1.0/schedule": schedule,
  "1.0/actions/schedule": schedule,
  "1.0/actions/mutation": ({ name, args }) => invoke(name, args[0] ?? args),
  "1.0/actions/action": ({ name, args }) => invoke(name, args[0] ?? args),
};
const answer = (op, text) => {
  const found = SYSTEM_CALLS[op];
  if (!found) throw new Error(`no system call ${op}`);
  return found(JSON.parse(text));
};
globalThis.Convex = { asyncSyscall: async (op, text) => answer(op, text), syscall: (op, text) => (op === "1.0/queryStream" ? '{"queryId": 1}' : answer(op, text)) };

const outcomes = [];
for (const [kind, name, args] of calls) {
  try {
    if (kind === "http") outcomes.push(await (await modules.http.order.invokeHttpAction(new Request("http://site/order", { method: "POST", ...args }))).json());
    else if (kind === "jobs") {
      for (let left = name; left && jobs.length; left -= 1) await invoke(...jobs.shift());
      outcomes.push(jobs.length);
    } else outcomes.push(JSON.parse(await invoke(name, args)));
  } catch (error) {
    outcomes.push(`${error}`);
  }
}
real(JSON.stringify({ outcomes, printed, delays, waiting: jobs.length }));
