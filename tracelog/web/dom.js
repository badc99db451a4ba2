/**
 * Elements made of values: text is always text, so nothing a program logged becomes markup.
 */

import { clean, parts } from "./text.js";

const SVG = "http://www.w3.org/2000/svg";

const NOTE_MS = 2600;

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * Return a new element.
 *
 * @param {string} name - Its tag, with classes after dots: `span.at.quiet`.
 * @param {Record<string, any>} [attributes] - `onclick: f` listens; `style: {left: "1%"}` sets properties;
 *   null and false leave an attribute out.
 * @param {...Child} children
 * @returns {any}
 */
export function el(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  return filled(document.createElement(tag), classes, attributes, children);
}

/**
 * Return a new element of a drawing; arguments as `el` takes them.
 *
 * @param {string} name
 * @param {Record<string, any>} [attributes]
 * @param {...Child} children
 * @returns {any}
 */
export function shape(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  return filled(document.createElementNS(SVG, tag), classes, attributes, children);
}

/**
 * Return the element of the page that has *id*.
 *
 * @param {string} id
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element ${id}`);
  return found;
}

/**
 * Put *children* in place of what *parent* holds.
 *
 * @param {Element} parent
 * @param {...Child} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren(...nodes(children));
}

/**
 * Return the nodes of *text* of a program: harmless, and a pill where a secret stood.
 *
 * @param {string} text
 * @param {(text: string) => string} [harmless] - `clean`, or `block` to keep line ends.
 * @returns {(string | Node)[]}
 */
export function pieces(text, harmless = clean) {
  return parts(harmless(text)).map((part) =>
    typeof part === "string" ? part : el("span.pill", { title: `a secret stood here (rule ${part.rule}); the same tag is the same secret` }, `‹${part.rule}${part.tag ? `:${part.tag}` : ""}›`),
  );
}

/**
 * Say *text* to screen readers, in the region that the page has for it.
 *
 * @param {string} text
 */
export function announce(text) {
  byId("told").textContent = text;
}

/**
 * Tell *text* for a moment, on the screen and to screen readers.
 *
 * @param {string} text
 */
export function note(text) {
  document.querySelector(".note")?.remove();
  const shown = el("div.note", { "aria-hidden": "true" }, text);
  document.body.append(shown);
  announce(text);
  setTimeout(() => shown.remove(), NOTE_MS);
}

/**
 * Copy *text* and say so; where the browser refuses, show it to be copied by hand.
 *
 * @param {string} text
 * @param {string} what - What the reader is told was copied.
 */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    note(`${what} copied`);
  } catch {
    dialog(`Copy ${what}`, el("p", {}, `The browser did not let the page copy ${what}; here it is:`), el("pre", { tabindex: 0 }, text));
  }
}

/**
 * Show a sheet over the page until the reader closes it; return it.
 *
 * @param {string} title
 * @param {...Child} children
 * @returns {HTMLDialogElement}
 */
export function dialog(title, ...children) {
  const sheet = el("dialog", { "aria-label": title }, el("div.head", {}, el("h2", {}, title), el("button", { onclick: () => sheet.close(), "aria-label": "Close" }, "✕")), ...children);
  document.body.append(sheet);
  sheet.addEventListener("close", () => sheet.remove());
  sheet.addEventListener("click", (/** @type {Event} */ event) => event.target === sheet && sheet.close());
  sheet.showModal();
  return sheet;
}

/**
 * @param {Element & {style: CSSStyleDeclaration}} element
 * @param {string[]} classes
 * @param {Record<string, any>} attributes
 * @param {Child[]} children
 */
function filled(element, classes, attributes, children) {
  if (classes.length) element.setAttribute("class", classes.join(" "));
  for (const [name, value] of Object.entries(attributes)) set(element, name, value);
  element.append(...nodes(children));
  return element;
}

/**
 * @param {Child[]} children
 * @returns {(Node | string)[]}
 */
function nodes(children) {
  const kept = [];
  for (const child of children) if (child !== null && child !== undefined && child !== false) kept.push(typeof child === "number" ? String(child) : child);
  return kept;
}

/**
 * @param {Element & {style: CSSStyleDeclaration}} element
 * @param {string} name
 * @param {any} value
 */
function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "style") for (const [key, said] of Object.entries(value)) element.style.setProperty(key, String(said));
  else if (name === "class") element.classList.add(...value.split(" ").filter(Boolean));
  else element.setAttribute(name, value === true ? "" : String(value));
}
