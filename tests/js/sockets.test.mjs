/**
 * What a page has done with is not kept: the client holds no call that is over.
 */

import assert from "node:assert/strict";
import test from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { api } from "../../tracelog/js/core.js";
import { network } from "../../tracelog/js/network.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");

class Socket extends EventTarget {
  url = "ws://page.example/socket";
}

test("a page that connects again and again keeps none of its sockets", async () => {
  globalThis.location = new URL("http://page.example/");
  globalThis.fetch = async () => new Response("{}");
  globalThis.WebSocket = Socket;
  api.use(network);
  api.init({ url: "http://logs.example" });
  const emitted = api.stats().emitted;
  const kept = Array.from({ length: 20 }, () => {
    const socket = new WebSocket("/socket");
    socket.dispatchEvent(new Event("open"));
    return new WeakRef(socket);
  });
  assert.equal(api.stats().emitted - emitted, 20);
  await new Promise((resolve) => setTimeout(resolve, 0)); // a reference that was made stays for the turn
  collect();
  assert.equal(kept.filter((each) => each.deref()).length, 0);
  await api.close();
});
