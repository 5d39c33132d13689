/**
 * Hop line: a hop in one line, for people: `4bf92f35 sql       ada/eu  left 1422 ms  done in 3 ms`.
 *
 * @module
 */

import type { Hop } from '../contract/hop.ts';

/** Writes a hop. */
export function writeHop({ traceId, layer, user, region, leftMs, tookMs, outcome }: Hop): string {
  const who = user === '' ? '-' : `${user}/${region}`;
  const left = Number.isFinite(leftMs) ? `left ${leftMs.toFixed(0).padStart(4)} ms` : 'no deadline ';
  return `${traceId.slice(0, 8)}  ${layer.padEnd(9)} ${who.padEnd(7)} ${left}  ${outcome} in ${tookMs.toFixed(0)} ms`;
}
