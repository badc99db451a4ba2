/**
 * Elements made of values: text is always text, so nothing a program logged becomes markup.
 */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Return a new element.
 *
 * @param {string} name - Its tag, with classes after dots: `span.at.quiet`.
 * @param {Record<string, any>} [attributes] - `onclick: f` listens; `style: {left: "1%"}` sets properties;
 *   null and false leave an attribute out.
 * @param {...(Node | string | number | null | undefined)} children
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
 * @param {...(Node | string | null)} children
 * @returns {SVGElement}
 */
export function shape(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  return filled(document.createElementNS(SVG, tag), classes, attributes, children);
}

/** Put *children* in place of what *parent* holds. */
export function fill(parent, ...children) {
  parent.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
}

/** Tell *text* for a moment, on the screen and to screen readers. */
export function note(text) {
  document.querySelector(".note")?.remove();
  const shown = el("div.note", { role: "status" }, text);
  document.body.append(shown);
  setTimeout(() => shown.remove(), 2600);
}

/** Copy *text* and say so; where the browser refuses, show it to be copied by hand. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    note(`${what} copied`);
  } catch {
    const box = el("dialog", {}, el("p", {}, `The browser did not let the page copy ${what}; here it is:`), el("pre", { tabindex: 0 }, text));
    document.body.append(box);
    box.addEventListener("close", () => box.remove());
    box.showModal();
  }
}

function filled(element, classes, attributes, children) {
  if (classes.length) element.setAttribute("class", classes.join(" "));
  for (const [name, value] of Object.entries(attributes)) set(element, name, value);
  element.append(...children.filter((child) => child !== null && child !== undefined).map((child) => (typeof child === "number" ? String(child) : child)));
  return element;
}

function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "style") for (const [key, said] of Object.entries(value)) element.style.setProperty(key, said);
  else if (name === "class") element.classList.add(...value.split(" ").filter(Boolean));
  else element.setAttribute(name, value === true ? "" : value);
}
