/**
 * Stacks and chains of causes, with runs of library frames folded into one line.
 */

import { el, pieces } from "./dom.js";
import { block, clean } from "./text.js";

const LIBRARY = /site-packages|dist-packages|node_modules|\/lib\/python\d|<frozen |node:|webpack-internal:\/\/\/\.\/node_modules|\(native\)|<anonymous>/;
/** A line of a stack that is not the program's own. */

const FRAME = /^\s*(File "|at |\S+@)/;
/** The first line of a frame: Python's, V8's, and the others'. */

const FEW = 2;
/** Lines of libraries that stand open: folding them would save nothing. */

const DEEPEST = 12;

/**
 * Return the chain of causes of *error*, the entry's own first.
 *
 * @param {any} error
 */
export function causes(error) {
  const lines = [];
  for (let one = error, depth = 0; one && depth < DEEPEST; one = one.cause, depth++) {
    lines.push(el("pre.mono", { dir: "auto" }, depth ? el("span.quiet", {}, "caused by ") : "", el("b", {}, clean(one.type ?? "")), ": ", ...pieces(String(one.message ?? ""), block)));
  }
  return lines;
}

/**
 * Return the stack *text*.
 *
 * @param {string} text
 */
export function stack(text) {
  const box = el("div.stack.mono");
  /** @type {string[]} */
  let run = [];
  const end = () => {
    if (run.length > FEW) box.append(el("details", {}, el("summary", {}, `… ${run.length} lines of libraries`), el("pre", {}, run.join("\n"))));
    else if (run.length) box.append(el("pre.quiet", {}, run.join("\n")));
    run = [];
  };
  let library = false;
  for (const said of block(text).split("\n")) {
    if (FRAME.test(said)) library = LIBRARY.test(said);
    else if (!/^\s/.test(said)) library = false;
    if (library) run.push(said);
    else {
      end();
      box.append(el("pre", {}, ...pieces(said)));
    }
  }
  end();
  return box;
}
