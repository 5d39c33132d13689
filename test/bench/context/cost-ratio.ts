/**
 * Cost ratio: what an operation costs beside another, in batches that take turns, so that whatever else the machine does
 * falls on both.
 *
 * @module
 */

import { quantile } from '../statistics.ts';

/** What came of a comparison. */
export interface CostRatio {
  /** Nanoseconds of one operation, the median of the batches. */
  readonly ownNs: number;
  readonly otherNs: number;
  /** The median of the ratios of batches that stood beside each other. */
  readonly ratio: number;
  /** The ratio of the quickest batches: what else the machine does can only make one slower. */
  readonly leastRatio: number;
}

/** Compares two operations that take no time to settle. Each returns something, which is looked at. */
export function measureCostRatio(own: () => unknown, other: () => unknown, rounds: number): CostRatio {
  const [ownNs, otherNs, ratios]: [number[], number[], number[]] = [[], [], []];
  for (let round = -3; round < rounds; round++) {
    const [one, two] = [batchNs(own), batchNs(other)];
    if (round < 0) continue; // warming up
    ownNs.push(one);
    otherNs.push(two);
    ratios.push(one / two);
  }
  const leastRatio = Math.min(...ownNs) / Math.min(...otherNs);
  return { ownNs: quantile(ownNs, 0.5), otherNs: quantile(otherNs, 0.5), ratio: quantile(ratios, 0.5), leastRatio };
}

/** Nanoseconds of one operation, over a batch. */
export function batchNs(operation: () => unknown, count = BATCH): number {
  let seen = 0;
  const startedAt = performance.now();
  for (let index = 0; index < count; index++) if (operation() !== undefined) seen++;
  const ns = ((performance.now() - startedAt) / count) * 1e6;
  if (seen !== count) throw new Error('an operation returned nothing');
  return ns;
}

// --- internal ---

const BATCH = 20_000;
