/**
 * Work: what the benchmark's service does for a request, as time that a processor is busy.
 *
 * Undegraded, both kinds cost the same: what must be done, and what makes the answer nicer. The level decides how much of
 * the latter is done; what must be done is done at every level.
 *
 * @module
 */

import type { SignalRangeChanges } from '@holdfast/degradation';

/** `critical`: an order is taken. `optional`: a page is shown. */
export type Kind = 'critical' | 'optional';

/** Time of the work for one request at level 0. Milliseconds. */
export const FULL_WORK_MS = 10;

/**
 * The thresholds of the service: with 10 ms for each request, ten or twenty of waiting are chance; what has waited for 150 is
 * refused.
 */
export const SIGNALS: SignalRangeChanges = { queueAgeMs: { low: 30, high: 150 } };

/** Returns the time of the work for a request of `kind` at `level`. Milliseconds. */
export function workMs(kind: Kind, level: number): number {
  return parts[kind].reduce((sum, part) => sum + at(part, level), 0);
}

// --- internal ---

/** The parts of a request, each as its time at level 0, 1, 2 and so on; the last one holds for higher levels too. */
const parts: Readonly<Record<Kind, readonly (readonly number[])[]>> = {
  critical: [
    [2.5], // the order itself
    [7.5, 3, 0], // what else you might like: reduced, then off
  ],
  optional: [
    [0.8], // the page itself
    [5.4, 1.5, 1.5, 0], // recommendations: cached, then off
    [3.8, 3.8, 0], // reviews: off
  ],
};

function at(part: readonly number[], level: number): number {
  return part[Math.min(level, part.length - 1)] as number;
}
