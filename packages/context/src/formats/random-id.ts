/**
 * Random id: identifiers that are made here, as hexadecimal digits or as a UUID.
 *
 * They are unique, not secret: whoever sees many can guess the next.
 *
 * Invariants
 *  (1) A source of random numbers that throws, or gives what is none, is reported, and the platform's takes its place.
 *
 * @module
 */

import { drawFrom, type Random, systemRandom } from '@holdfast/core';

/** Returns `digits` random hexadecimal digits, a multiple of 8, the last of which is not 0. */
export function randomHex(random: Random, digits: number): string {
  let hex = '';
  while (hex.length < digits) {
    const drawn = drawFrom(random, 'random id') ?? systemRandom(); // (1)
    hex += Math.floor(drawn * 0x1_0000_0000)
      .toString(16)
      .padStart(8, '0');
  }
  return hex.endsWith('0') ? `${hex.slice(0, -1)}1` : hex;
}

/** Returns a random UUID, version 4. */
export function randomId(random: Random): string {
  const hex = randomHex(random, 32);
  const variant = '89ab'.charAt(Number.parseInt(hex.charAt(16), 16) % 4);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20),
  ].join('-');
}
