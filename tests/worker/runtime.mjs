/**
 * A real Workers runtime for the tests: workerd through Miniflare, with the workers that the argument describes.
 *
 * It prints the address of each worker as one line of JSON, and then answers each line of its input, also JSON:
 * `{"worker": "edge", "scheduled": {"cron": "0 * * * *"}}`.
 */

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { Miniflare } from "../node/node_modules/miniflare/dist/src/index.js";

const { workers } = JSON.parse(process.argv[2]);
const mf = new Miniflare({
  cf: false,
  workers: workers.map(({ modules, ...options }) => ({
    compatibilityDate: "2026-04-01",
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    ...options,
    modules: modules.map(([path, file]) => ({ type: "ESModule", path, contents: readFileSync(file, "utf8") })),
  })),
});
const urls = {};
for (const { name } of workers) urls[name] = (await mf.unsafeGetDirectURL(name)).origin;
console.log(JSON.stringify(urls));
for await (const line of createInterface({ input: process.stdin })) {
  const { worker, scheduled } = JSON.parse(line);
  const { outcome } = await (await mf.getWorker(worker)).scheduled(scheduled);
  console.log(JSON.stringify({ outcome }));
}
await mf.dispose();
