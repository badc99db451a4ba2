/**
 * Signing in: by the start-up link, whose key stands behind `#` and so never travels, or by hand.
 */

import { signIn } from "./api.js";
import { el, fill } from "./dom.js";

/** Sign in with the key of a start-up link, and take it out of the address. */
export async function byLink() {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (!key) return;
  history.replaceState(null, "", location.pathname + location.search);
  await signIn(key);
}

/** Ask for a key, and begin again with it. */
export function ask(main, said) {
  const box = el("input", { type: "password", id: "key", autocomplete: "current-password", required: true });
  const told = el("p.quiet", { role: "status" }, said);
  const form = el("form", {}, el("p", {}, el("label", { for: "key" }, "A read key or an admin key of this server")), el("p", {}, box, " ", el("button", {}, "Sign in")), told);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await signIn(box.value.trim());
      location.reload();
    } catch (error) {
      told.textContent = error.message;
      box.select();
    }
  });
  fill(main, el("section.card.narrow", {}, el("h1", {}, "Sign in"), form));
  main.setAttribute("aria-busy", "false");
  box.focus();
}
