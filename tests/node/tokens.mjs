// Says whether two files of JavaScript have the same tokens, or the first pair that differs.
import ts from "typescript";
import { readFileSync } from "node:fs";
const told = (file) => {
  const tokens = [];
  const visit = (node) => {
    if (node.getChildCount() === 0) tokens.push(node.getText());
    node.getChildren().forEach(visit);
  };
  visit(ts.createSourceFile("x.js", readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true));
  return tokens.filter(Boolean);
};
const [plain, tight] = process.argv.slice(2).map(told);
const at = plain.findIndex((token, place) => token !== tight[place]);
console.log(at < 0 && plain.length === tight.length && plain.length > 40 ? "same" : `${plain[at]} is ${tight[at]}`);
