/**
 * Hash slot: which of the slots of a Cluster a key or channel belongs to.
 *
 * Source: Redis cluster specification, "Key distribution model" and "Hash tags", Redis Ltd.,
 * https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/.
 * Deviation: none. Cost: linear in the length.
 *
 * @module
 */

/** Returns the hash slot of `key`. Integer, 0 to 16 383. */
export function hashSlot(key: string): number {
  return crc16(new TextEncoder().encode(taggedPart(key))) % SLOTS;
}

// --- internal ---

const SLOTS = 16_384;
const POLYNOMIAL = 0x1021;

/** What stands between the first brace and the next closing one, unless that is nothing. */
function taggedPart(key: string): string {
  const from = key.indexOf('{');
  const to = from === -1 ? -1 : key.indexOf('}', from + 1);
  return to > from + 1 ? key.slice(from + 1, to) : key;
}

/** CRC-16/XMODEM. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ POLYNOMIAL) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}
