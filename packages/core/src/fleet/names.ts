/**
 * Names: those that a node makes up, such that no other node makes up the same.
 *
 * @module
 */

import type { Random } from '../kernel/random.ts';

/** Names for leases, without an end: each begins with that of the node and with something of this run of it. */
export function* leaseNames(node: string, random: Random): Generator<string, never, void> {
  const prefix = `${node}.${nonceOf(random)}`;
  for (let count = 1; ; count++) yield `${prefix}.${count.toString(36)}`;
}

/** Random letters and digits: about 48 bits. */
export function nonceOf(random: Random): string {
  return Math.floor(random() * 2 ** 48).toString(36);
}
