/**
 * Call meter: how one twin's calls to its dependencies went. Tries of a retry count one by one.
 *
 * @module
 */

import { type Endpoint, endpoints } from './downstream.ts';
import { type RecentCount, type RecentLatency, recentCount, recentLatency } from './recent.ts';

/** Calls to one endpoint. */
interface CallTally {
  /** Calls sent since the start. */
  sentCount: number;
  /** Calls that have not ended. */
  waitingCount: number;
  /** Calls that ended lately. */
  readonly ended: RecentCount;
  /** Those of them that were answered with an error, broken off, or given up. */
  readonly failed: RecentCount;
  /** Time that they took, however they ended. */
  readonly latency: RecentLatency;
}

/** Measures calls. */
export interface CallMeter {
  /** Runs `call` and counts it under `endpoint`. */
  measure<T>(endpoint: Endpoint, call: () => Promise<T>): Promise<T>;
  readonly tallies: Readonly<Record<Endpoint, Readonly<CallTally>>>;
}

/** Creates a meter that has seen nothing. */
export function callMeter(): CallMeter {
  const tallies = Object.fromEntries(endpoints.map((endpoint) => [endpoint, newTally()])) as Record<
    Endpoint,
    CallTally
  >;
  return {
    tallies,
    async measure(endpoint, call) {
      const tally = tallies[endpoint];
      const startedAt = performance.now();
      tally.sentCount++;
      tally.waitingCount++;
      try {
        return await call();
      } catch (error) {
        tally.failed.add(performance.now());
        throw error;
      } finally {
        const now = performance.now();
        tally.waitingCount--;
        tally.ended.add(now);
        tally.latency.record(now - startedAt, now);
      }
    },
  };
}

// --- internal ---

function newTally(): CallTally {
  return { sentCount: 0, waitingCount: 0, ended: recentCount(), failed: recentCount(), latency: recentLatency() };
}
