/** Tells damage, not malice: for what is read at every start, where SHA-256 would mean to load node:crypto (6 ms). */

/** Of half an octet each: a table of all 256 would take longer to make than it saves. */
const TABLE = Uint32Array.from({ length: 16 }, (_, half) => {
  let rest = half;
  for (let bit = 0; bit < 4; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xed_b8_83_20 : rest >>> 1;
  return rest;
});

/** CRC-32 as zlib and Ethernet have it, in eight hex digits; of a string's characters as bytes. */
export function crc32(bytes: string): string {
  let sum = 0xff_ff_ff_ff;
  for (let at = 0; at < bytes.length; at++) {
    sum ^= bytes.charCodeAt(at);
    sum = (TABLE[sum & 15] as number) ^ (sum >>> 4);
    sum = (TABLE[sum & 15] as number) ^ (sum >>> 4);
  }
  return ((sum ^ 0xff_ff_ff_ff) >>> 0).toString(16).padStart(8, '0');
}
