/**
 * Timer lag: what a busy machine adds to a time that a fleet needs.
 *
 * Until something is everywhere, several timers, answers and notices follow on one another in some process, and each of them is
 * late where the process does not get a processor: as late as its timers are.
 *
 * @module
 */

import type { Fleet } from '../redis-lab/fleet.ts';

/** What a member can be asked. */
export interface LagCommands {
  /** How late its timers were at the worst since it was last asked: what the machine adds. Milliseconds; 0 on one at rest. */
  lag(): number;
}

/** Returns what tells, and forgets, how late timers of this process were at the worst. Milliseconds. */
export function watchTimers(): () => number {
  let [last, worst] = [performance.now(), 0];
  setInterval(() => {
    const at = performance.now();
    worst = Math.max(worst, at - last - EVERY_MS - USUAL_LAG_MS);
    last = at;
  }, EVERY_MS);
  return () => {
    const told = worst;
    worst = 0;
    return told;
  };
}

/** Returns how long `what` took, less what a busy machine may have added to it. Milliseconds. */
export async function lessLag(fleet: Fleet<LagCommands>, what: () => Promise<unknown>): Promise<number> {
  await fleet.askAll('lag');
  const from = performance.now();
  await what();
  const tookMs = performance.now() - from;
  return tookMs - LAGS * Math.max(...(await fleet.askAll('lag')));
}

// --- internal ---

const EVERY_MS = 3;

/** How late a timer may be on a machine at rest, collections of garbage included. Milliseconds. */
const USUAL_LAG_MS = 15;

/** Timers, answers and notices that follow on one another until something is everywhere, and each of which may be late. */
const LAGS = 4;
