/**
 * Which addresses a list of targets means.
 */

/**
 * Whether an address is a target: its origin, its host with or without port, or what is below `*.` of a host.
 *
 * @param {URL} url
 * @param {string} target
 */
export function isTarget(url, target) {
  const name = target.replace(/\/$/, "");
  return name.startsWith("*.") ? url.hostname.endsWith(name.slice(1)) : [url.origin, url.host, url.hostname].includes(name);
}
