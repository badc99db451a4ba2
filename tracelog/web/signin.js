/**
 * Signing in: by the start-up link, whose key stands behind `#` and so never travels, or by hand.
 */

import { Refused, signIn } from "./api.js";
import { el, fill } from "./dom.js";
import { told } from "./menu.js";
import { clean } from "./text.js";

const SIGNED = "tracelog-signed-in";
/** Says that there is a cookie to sign out of, which this page cannot see. No key is kept where scripts read. */

/** What signs this browser in at this moment. @type {Promise<unknown> | null} */
let entering = null;

/** Sign in with the key of a start-up link, and take it out of the address; return whether there was one. */
export async function byLink() {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (!key) return false;
  history.replaceState(null, "", location.pathname + location.search);
  await enter(key);
  return true;
}

/**
 * Sign in with *key*.
 *
 * @param {string} key
 */
export async function enter(key) {
  await signIn(key);
  localStorage.setItem(SIGNED, "1");
}

/**
 * Do *work* that ends in signing in. Whoever is refused in the middle of it needs not ask for a key: see `entered`.
 *
 * @template T
 * @param {Promise<T>} work
 * @returns {Promise<T>}
 */
export async function entry(work) {
  entering = work;
  try {
    return await work;
  } finally {
    entering = null;
  }
}

/** Wait for what signs in at this moment; return whether there was something and it did. */
export async function entered() {
  if (!entering) return false;
  await entering.catch(() => null); // who began it tells
  return isSigned();
}

/**
 * Do the same when such a link is opened in a tab that has this page already: its document stays, and so would the key.
 *
 * @param {HTMLElement} main
 */
export function heed(main) {
  addEventListener("hashchange", async () => {
    try {
      if (await byLink()) location.reload();
    } catch (error) {
      ask(main, error instanceof Refused ? error.message : String(error));
    }
  });
}

/**
 * Return what to tell who is asked for a key: what was wrong with theirs, or that it ended, or *usual*.
 *
 * @param {Refused} error - Why a key is asked for.
 * @param {string} usual
 * @param {boolean} wasIn - Whether the page was open to the reader until now.
 */
export function reasonToAsk(error, usual, wasIn) {
  if (error.reason !== "key_missing") return clean(error.message);
  return wasIn ? "This page is open no more: the key that opened it was revoked, its twelve hours are over, or the server asks for keys now." : usual;
}

/**
 * Ask for a key, and begin again with it.
 *
 * @param {HTMLElement} main
 * @param {string} said - What the reader is told.
 */
export function ask(main, said) {
  localStorage.removeItem(SIGNED);
  const box = el("input", { type: "password", id: "key", autocomplete: "current-password", required: true, "aria-describedby": "said" });
  const words = el("p.quiet", { role: "status", id: "said" }, said);
  const form = el("form", {}, el("p", {}, el("label", { for: "key" }, "A read key or an admin key of this server")), el("p", {}, box, " ", el("button", {}, "Sign in")), words);
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      await enter(box.value.trim());
      location.reload();
    } catch (error) {
      words.textContent = error instanceof Refused ? error.message : String(error);
      box.select();
    }
  });
  fill(main, el("section.card.narrow", {}, el("h1", {}, "Sign in"), form));
  main.setAttribute("aria-busy", "false");
  box.focus();
}

/** Whether this browser signed in with a key. */
export function isSigned() {
  return localStorage.getItem(SIGNED) !== null;
}

/** Return the button that signs out; null where nobody signed in. */
export function out() {
  if (!isSigned()) return null;
  const leave = async () => {
    await signIn("");
    localStorage.removeItem(SIGNED);
    location.reload();
  };
  return el("button", { onclick: () => told(leave()) }, "Sign out");
}
