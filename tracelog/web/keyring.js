/**
 * Access keys, and the record of who changed what.
 */

import { Refused, change, get } from "./api.js";
import { table } from "./board.js";
import { copy, dialog, el, note } from "./dom.js";
import { Shelf, doing, sure } from "./shelf.js";
import { enter, entry, isSigned } from "./signin.js";
import { clean } from "./text.js";
import { ago, moment } from "./words.js";

/** @import {Again} from "./acts.js" */

const RECORDS = 15;

/** @type {Record<string, string>} */
const ROLES = { ingest: "may only write", read: "may only read", admin: "reads and administers" };

/** Keys, while they are known: what a revocation asks about. @type {any} */
let known = { keys: [], open: false };

/**
 * Keys: made, listed, revoked.
 *
 * @param {Again} again
 */
export function keys(again) {
  const form = maker(again);
  return new Shelf({
    title: "Keys",
    isWide: true,
    isOfAdmins: true,
    form,
    ask: () => get("/api/v1/keys"),
    draw: (found) => {
      known = found;
      form.dispatchEvent(new Event("known"));
      return listed(found);
    },
    acts: { revoke: ({ id }) => revoke(id ?? "", again) },
  });
}

/** @param {{keys: any[], open: boolean}} found */
function listed({ keys: all, open }) {
  const rows = all.map((key) => [
    el("span", {}, el("b", {}, clean(key.name || key.id)), key.name ? el("span.quiet.mono", {}, ` ${clean(key.id)}`) : ""),
    el("span", {}, clean(key.role), el("span.quiet", {}, ` ${ROLES[key.role] ?? ""}`)),
    [key.system, ...key.origins, key.public && !key.origins.length ? "public" : ""].filter(Boolean).map(clean).join(", "),
    key.created_ms ? el("span", { title: moment(key.created_ms) }, `${ago(key.created_ms, Date.now())} by ${clean(key.by)}`) : "",
    key.kept === "store" ? el("button", { "data-act": "revoke", "data-id": key.id, "aria-label": `Revoke ${clean(key.name || key.id)}` }, "Revoke …") : el("span.quiet", {}, "in the settings"),
  ]);
  const words = open ? "Nobody on this machine needs a key. The first key has to be one of role admin; from then on everybody is asked for one." : "";
  return [words && el("p", {}, words), rows.length ? table("Keys", ["key", "role", "bound to", "made", "#revoke"], rows) : null];
}

/** @param {Again} again */
function maker(again) {
  const name = el("input", { "aria-label": "Name of the key", placeholder: "name", maxlength: 100, id: "key-name" });
  const role = el("select", { "aria-label": "Role" });
  const system = el("input", { "aria-label": "System that the key is bound to", placeholder: "system", size: 10, maxlength: 32 });
  const origins = el("input", { "aria-label": "Origins of pages that the key is bound to, with spaces between", placeholder: "https://shop.example.com", size: 28 });
  const bound = el("span.chips", {}, el("span.quiet", {}, "bound to"), system, origins);
  const form = el("form.row", {}, name, role, bound, el("button", {}, "Make a key"));
  const choose = () => (bound.hidden = role.value !== "ingest");
  const offer = (/** @type {string[]} */ names) => role.replaceChildren(...names.map((said) => el("option", { value: said }, `${said}: ${ROLES[said]}`)));
  offer(Object.keys(ROLES));
  role.addEventListener("change", choose);
  form.addEventListener("known", () => {
    const names = known.open ? ["admin"] : Object.keys(ROLES);
    if (role.options.length !== names.length) offer(names);
    choose();
  });
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    const isBound = role.value === "ingest";
    const said = { role: role.value, name: name.value.trim(), origins: isBound ? origins.value.split(/\s+/).filter(Boolean) : [], system: (isBound && system.value.trim()) || null };
    const isFirst = known.open;
    const made = await doing(isFirst ? entry(first(said)) : change("POST", "/api/v1/keys", said), () => "the key is made");
    if (!made) return;
    form.reset();
    choose();
    once(made, isFirst);
    again();
  });
  return form;
}

/**
 * Make the first key, and sign in with it: from then on this page needs one, too. A key that was made is shown even
 * where that failed, for nobody can see it again.
 *
 * @param {any} said
 */
async function first(said) {
  const made = await change("POST", "/api/v1/keys", said);
  try {
    await enter(made.token);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
  return made;
}

/**
 * Show a new key, this once.
 *
 * @param {any} made
 * @param {boolean} isFirst
 */
function once(made, isFirst) {
  const words = `Role ${clean(made.role)}. It is shown this once: the server keeps its hash only.`;
  const who = isSigned() ? "this browser is signed in with this one" : "this browser could not be signed in with it, so sign in by hand";
  const sheet = dialog("The new key", el("p", {}, words), isFirst && el("p", {}, `Everybody is asked for a key from now on; ${who}.`), el("pre.mono.token", { tabindex: 0, "aria-label": "The key" }, made.token), el("p.chips", {}, el("button", { onclick: () => copy(made.token, "the key") }, "Copy"), el("button", { onclick: () => sheet.close() }, "Done")));
}

/**
 * @param {string} id
 * @param {Again} again
 */
function revoke(id, again) {
  const key = known.keys.find((/** @type {any} */ one) => one.id === id) ?? { id };
  const name = clean(key.name || id);
  const go = async (/** @type {string} */ last) => {
    try {
      await change("DELETE", `/api/v1/keys/${encodeURIComponent(id)}${last}`);
      note(`${name} is revoked`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.reason !== "last_admin" || last || known.keys.length > 1) note(clean(error.message));
      else return sure("Revoke the last admin key", [el("b", {}, name), ": without it this machine needs no key again: whoever is on it may read and change everything."], "Revoke the last key", () => go("?last=1"));
    }
    again();
  };
  sure("Revoke a key", [el("b", {}, name), ": what uses this key is refused at once, and what it reads ends. This cannot be taken back."], "Revoke", () => go(""));
}

/** Who changed what, the latest first. */
export function audit() {
  return new Shelf({
    title: "Who changed what",
    isWide: true,
    isOfAdmins: true,
    ask: () => get("/api/v1/audit", { limit: RECORDS }),
    draw: ({ records }) => {
      const rows = records.map((/** @type {any} */ one) => [el("span", { title: moment(one.at_ms) }, ago(one.at_ms, Date.now())), named(one.who), clean(one.what), details(one.detail)]);
      return [rows.length ? table("Who changed what", ["when", "who", "what", "details"], rows) : el("p.quiet", {}, "Nothing was changed yet.")];
    },
  });
}

/** @param {string} who - Id of a key. */
function named(who) {
  const key = known.keys.find((/** @type {any} */ one) => one.id === who);
  return key?.name ? `${clean(key.name)} (${clean(who)})` : clean(who ?? "");
}

/** @param {Record<string, any>} detail */
function details(detail) {
  const told = Object.entries(detail ?? {}).filter(([, value]) => value !== null && value !== "" && value !== 0 && value !== false);
  return clean(told.map(([name, value]) => `${name.replaceAll("_", " ")} ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", "));
}
