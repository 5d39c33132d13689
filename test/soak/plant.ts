/**
 * Plant: faults that a soak must notice, to see that it does.
 *
 * @module
 */

import type { Tally } from './random-call.ts';

/** What a fault is planted in. */
export interface Planting {
  readonly signal: AbortSignal;
  readonly tally: Tally;
}

type Planter = (planting: Planting) => void;

const kept: unknown[] = [];

/** Faults by name; each is called after every call. */
const planters: Readonly<Record<string, Planter>> = {
  heap: () => void kept.push(new Float64Array(200)),
  listener: ({ signal, tally }) => {
    if (tally.started === 100) signal.addEventListener('abort', () => {});
  },
  timer: ({ tally }) => {
    if (tally.started === 100) setTimeout(() => {}, 60_000).unref();
  },
  handle: ({ tally }) => {
    if (tally.started === 100) process.stdin.resume();
  },
  rejection: ({ tally }) => {
    if (tally.started === 100) void Promise.reject(new Error('planted'));
  },
  warning: ({ tally }) => {
    if (tally.started === 100) process.emitWarning('planted');
  },
  lost: ({ tally }) => {
    if (tally.started === 100) tally.started++;
  },
  value: ({ tally }) => {
    if (tally.started === 50) tally.unexpected.push('planted');
  },
};

/** Names of the faults that can be planted. */
export const plants: readonly string[] = Object.keys(planters);

/** Returns what to call after every call: the faults of the names, which commas separate, or nothing. */
export function plantIn(names: string, planting: Planting): () => void {
  const chosen = names.split(',').filter((name) => name !== '');
  const unknown = chosen.filter((name) => planters[name] === undefined);
  if (unknown.length > 0) throw new RangeError(`no fault ${unknown.join(', ')}; there are ${plants.join(', ')}`);
  return () => {
    for (const name of chosen) planters[name]?.(planting);
  };
}
