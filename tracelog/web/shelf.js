/**
 * Cards with which something is changed: each asks the server how that stands, shows it, and asks again after an act.
 */

import { Refused } from "./api.js";
import { become, card } from "./board.js";
import { dialog, el, fill, note } from "./dom.js";
import { clean } from "./text.js";

/** @import {Child} from "./dom.js" */

/** @typedef {(given: DOMStringMap) => Promise<void> | void} Act - What a button with `data-act` does, with its other data. */

/**
 * @typedef {object} Plan - Of a shelf.
 * @property {string} title
 * @property {() => Promise<any>} [ask] - How things stand.
 * @property {(found: any) => Child[]} [draw] - That as elements; buttons say what they do in `data-act`.
 * @property {Record<string, Act>} [acts]
 * @property {HTMLElement} [form] - Stands below and is never drawn again.
 * @property {boolean} [isWide]
 * @property {boolean} [isOfAdmins] - Whether to ask needs an admin key, too.
 */

export class Shelf {
  /** @param {Plan} plan */
  constructor(plan) {
    this.plan = plan;
    this.asked = 0;
    this.body = el("div");
    this.field = el("fieldset", { "aria-label": plan.title }, this.body, plan.form);
    this.element = card(plan.title, this.field);
    if (plan.isWide) this.element.classList.add("wide");
    this.field.addEventListener("click", (/** @type {Event} */ event) => this.press(event));
  }

  /**
   * Ask again, and show it unless a later question has overtaken this one.
   *
   * @param {boolean} isAdmin - Whether the reader may change something.
   */
  async read(isAdmin) {
    this.field.disabled = !isAdmin;
    const { ask, draw, isOfAdmins } = this.plan;
    if (!ask || !draw) return;
    const mine = ++this.asked;
    if (isOfAdmins && !isAdmin) return this.show([el("p.quiet", {}, "Only an admin key shows this.")]);
    try {
      const found = await ask();
      if (mine === this.asked) this.show(draw(found));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (mine === this.asked) this.show([el("p.bad", {}, clean(error.message))]);
    }
  }

  /** @param {Child[]} children */
  show(children) {
    const had = this.element.contains(document.activeElement);
    const wanted = el("div");
    fill(wanted, ...children);
    become(this.body, wanted);
    if (had && !this.element.contains(document.activeElement)) this.element.focus();
  }

  /** @param {Event} event */
  press(event) {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    const act = button && this.plan.acts?.[button.dataset.act ?? ""];
    if (act) act(button.dataset);
  }
}

/**
 * Ask whether that is meant; with *typed*, only who types it can go on.
 *
 * @param {string} title
 * @param {Child[]} words - What will happen.
 * @param {string} button - What goes on.
 * @param {() => void} go
 * @param {string} [typed]
 */
export function sure(title, words, button, go, typed = "") {
  const box = typed ? el("input", { id: "typed", autocomplete: "off", spellcheck: "false" }) : null;
  const yes = el("button.danger", { disabled: Boolean(typed) }, button);
  const form = el(
    "form",
    { method: "dialog" },
    el("p", {}, ...words),
    typed && el("p", {}, el("label", { for: "typed" }, "To mean it, type ", el("code", {}, typed)), " ", box),
    el("p.chips", {}, yes, el("button", { type: "button", onclick: () => sheet.close() }, "Keep it")),
  );
  box?.addEventListener("input", () => (yes.disabled = box.value !== typed));
  form.addEventListener("submit", () => go());
  const sheet = dialog(title, form);
  (box ?? sheet.querySelector("button[type=button]"))?.focus();
}

/**
 * Do what changes something, and say what came of it; a refusal is said, too.
 *
 * @template T
 * @param {Promise<T>} work
 * @param {(done: T) => string} words
 * @returns {Promise<T | null>}
 */
export async function doing(work, words) {
  try {
    const done = await work;
    note(words(done));
    return done;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const denied = error.status === 401 || error.status === 403;
    note(denied ? "this needs an admin key: sign out, and in again with one" : clean(error.message));
    return null;
  }
}
