/**
 * Whether a trace is among those that are kept: every process draws the same number from its id.
 */

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let rest = index;
  for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? 0xedb88320 ^ (rest >>> 1) : rest >>> 1;
  return rest;
});

/**
 * The number from 0 to 1 that a trace draws: the low 56 bits of a W3C id, any other id hashed.
 *
 * @param {string} traceId
 */
export function draw(traceId) {
  if (/^[0-9a-f]{32}$/.test(traceId)) return Number(BigInt(`0x${traceId.slice(-14)}`)) / 2 ** 56;
  let crc = 0xffffffff;
  for (const byte of new TextEncoder().encode(traceId)) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  crc = ~crc;
  crc = Math.imul(crc ^ (crc >>> 16), 0x85ebca6b);
  crc = Math.imul(crc ^ (crc >>> 13), 0xc2b2ae35);
  return ((crc ^ (crc >>> 16)) >>> 0) / 2 ** 32;
}

/**
 * @param {string} traceId
 * @param {number} rate share that is kept, 0 to 1
 */
export const keeps = (traceId, rate) => rate >= 1 || (rate > 0 && draw(traceId) >= 1 - rate);
