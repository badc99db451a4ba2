/**
 * The last step before an entry leaves: secrets out of every field that a person or a program wrote.
 *
 * @import { Entry } from "./outbox.js"
 */

import { redactor } from "./redact.js";

const SECRET_FIELDS = ["message", "stack", "error", "context", "user_id", "area", "service", "release", "environment"];

/**
 * @param {any} redaction the rules of that name in `rules.json`
 * @returns {(entry: Entry) => Entry}
 */
export function sealer(redaction) {
  const { value } = redactor(redaction);
  return (entry) => Object.assign(entry, Object.fromEntries(SECRET_FIELDS.filter((name) => entry[name] != null).map((name) => [name, value(entry[name])])));
}
