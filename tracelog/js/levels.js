/**
 * A level as any logger writes it, read as one of ours.
 */

const NAMES = {
  debug: "debug trace verbose fine",
  log: "log",
  info: "info notice information success default",
  warn: "warn warning",
  error: "error err severe exception",
  fatal: "fatal critical crit alert emerg emergency panic",
};
const BY_NAME = Object.fromEntries(Object.entries(NAMES).flatMap(([level, names]) => names.split(" ").map((name) => [name, level])));

/** Severity numbers 0 to 24 of OpenTelemetry, four for each level; 0 says nothing. */
const OTEL = ["info", ...["debug", "debug", "info", "warn", "error", "fatal"].flatMap((level) => Array(4).fill(level))];
/** Severities 0 to 7 of RFC 5424. */
const SYSLOG = ["fatal", "fatal", "fatal", "error", "warn", "info", "info", "debug"];
/** @type {Record<string, string[]>} */
const NUMBERED = {
  level: OTEL,
  severity: OTEL,
  severity_number: OTEL,
  severityNumber: OTEL,
  priority: SYSLOG,
  PRIORITY: SYSLOG,
  syslog_severity: SYSLOG,
};

/**
 * The level that a value means in a field of that name, or null.
 *
 * @param {string} field decides whose numbers it holds
 * @param {unknown} value
 * @returns {string | null}
 */
export function levelOf(field, value) {
  if (typeof value === "string") {
    const word = value.length <= 32 ? value.trim().toLowerCase() : "";
    if (/^[0-9]+$/.test(word)) return levelOf(field, Number(word));
    return BY_NAME[word] ?? BY_NAME[word.replace(/[234]+$/, "")] ?? null;
  }
  return Number.isInteger(value) ? (NUMBERED[field]?.[Number(value)] ?? null) : null;
}
