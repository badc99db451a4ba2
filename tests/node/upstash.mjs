/**
 * Upstash's client for JavaScript as it comes: makes the calls that stand as JSON on stdin, and prints what it was told.
 */

import { readFileSync } from "node:fs";
import { Redis } from "@upstash/redis";

const [url, token] = process.argv.slice(2);
const { alone, pipeline = [], together = [] } = JSON.parse(readFileSync(0, "utf8"));
const client = new Redis({ url, token, automaticDeserialization: false, enableAutoPipelining: false, retry: false });

const tried = async (work) => {
  try {
    return await work();
  } catch (error) {
    return { error: String(error.message) };
  }
};

const queued = (queue, calls) => {
  for (const [name, ...given] of calls) queue[name](...given);
  return calls.length ? tried(() => queue.exec()) : [];
};

const told = [];
for (const [name, ...given] of alone) told.push(await tried(() => client[name](...given)));
const answers = { alone: told, pipeline: await queued(client.pipeline(), pipeline), together: await queued(client.multi(), together) };
console.log(JSON.stringify(answers));
