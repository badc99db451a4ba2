/**
 * Cards that are drawn again and again: a card as it is now is changed into the one that it should be, so that the
 * reader's focus, selection and open details stay where they are.
 */

import { el } from "./dom.js";
import { hue, number } from "./words.js";

/** @import {Child} from "./dom.js" */

/**
 * Return a card with a heading, which can have the focus.
 *
 * @param {string} title
 * @param {...Child} children
 * @returns {HTMLElement}
 */
export function card(title, ...children) {
  return el("section.card", { "aria-label": title, tabindex: -1 }, el("h2", {}, title), ...children);
}

/**
 * Return a table; cells that are numbers in its first row stand right.
 *
 * @param {string} name - What it is a table of, for screen readers.
 * @param {string[]} head - Names of columns; those that begin with `#` are columns of numbers.
 * @param {Child[][]} rows
 * @param {...HTMLElement} more - A foot.
 */
export function table(name, head, rows, ...more) {
  const kinds = head.map((text) => (text.startsWith("#") ? ".n" : ""));
  const body = rows.map((cells) => el("tr", {}, ...cells.map((cell, i) => el(`td${kinds[i]}`, { "data-of": head[i].replace("#", "") }, cell))));
  const names = head.map((text, i) => el(`th${kinds[i]}`, { scope: "col" }, text.replace("#", "")));
  return el("table", { "aria-label": name }, el("thead", {}, el("tr", {}, ...names)), el("tbody", {}, ...body), ...more);
}

/**
 * Return names with values; those without a value are left out.
 *
 * @param {[string, Child][]} pairs
 */
export function facts(pairs) {
  const told = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return el("dl.facts", {}, ...told.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

/**
 * Return a bar of parts of one whole.
 *
 * @param {string} system - Whose hue it has.
 * @param {string} words - What it shows.
 * @param {[kind: string, part: number][]} parts - Each from 0 to 1.
 */
export function meter(system, words, parts) {
  const shown = parts.filter(([, part]) => part > 0);
  return el(`div.meter.${hue(system)}`, { role: "img", "aria-label": words, title: words }, ...shown.map(([kind, part]) => el(`i.${kind}`, { style: { width: `${(Math.min(1, part) * 100).toFixed(2)}%` } })));
}

/**
 * `271 KiB`, `1.4 GiB`.
 *
 * @param {number} bytes
 */
export function size(bytes) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (bytes >= 1024 && at < units.length - 1) (bytes /= 1024), at++;
  return `${at > 1 && bytes < 10 ? bytes.toFixed(1) : number(bytes)} ${units[at]}`;
}

/** @param {Record<string, number> | null | undefined} counts */
export function sum(counts) {
  return Object.values(counts ?? {}).reduce((total, count) => total + count, 0);
}

/** @param {number} usd */
export function dollars(usd) {
  return `$${usd.toFixed(2)}`;
}

/**
 * Make *now* what *wanted* is, with as few changes as there are differences.
 *
 * @param {Node} now
 * @param {Node} wanted - Is used up.
 */
export function become(now, wanted) {
  if (now.isEqualNode(wanted)) return;
  if (now.nodeType !== wanted.nodeType || now.nodeName !== wanted.nodeName) return /** @type {ChildNode} */ (now).replaceWith(wanted);
  if (now instanceof Element && wanted instanceof Element) dressed(now, wanted);
  else now.nodeValue = wanted.nodeValue;
  const [had, have] = [[...now.childNodes], [...wanted.childNodes]];
  have.forEach((child, i) => (i < had.length ? become(had[i], child) : now.appendChild(child)));
  for (const child of had.slice(have.length)) child.remove();
}

/**
 * @param {Element} now
 * @param {Element} wanted
 */
function dressed(now, wanted) {
  for (const { name } of [...now.attributes]) if (!wanted.hasAttribute(name) && name !== "open") now.removeAttribute(name);
  for (const { name, value } of wanted.attributes) if (now.getAttribute(name) !== value) name === "style" ? restyled(now, wanted) : now.setAttribute(name, value);
}

/**
 * Where a policy forbids styles in attributes, properties are still free.
 *
 * @param {any} now
 * @param {any} wanted
 */
function restyled(now, wanted) {
  for (const name of wanted.style) now.style.setProperty(name, wanted.style.getPropertyValue(name));
}
