/**
 * Call meter: how one twin's calls to its dependencies went.
 *
 * @module
 */

import { type Endpoint, endpoints } from './downstream.ts';
import { type RecentLatency, recentLatency } from './recent-latency.ts';

/** Calls to one endpoint since the start, tries of a retry counted one by one. */
export interface CallTally {
  /** Calls that were sent. */
  sent: number;
  /** Answered with a success. */
  succeeded: number;
  /** Answered with an error, broken off, or given up. */
  failed: number;
  /** Time of the calls that ended lately, however they ended. */
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
  const tallies = Object.fromEntries(endpoints.map((endpoint) => [endpoint, newTally()])) as Record<Endpoint, CallTally>;
  return {
    tallies,
    async measure(endpoint, call) {
      const tally = tallies[endpoint];
      const startedAt = performance.now();
      tally.sent++;
      try {
        const value = await call();
        tally.succeeded++;
        return value;
      } catch (error) {
        tally.failed++;
        throw error;
      } finally {
        const now = performance.now();
        tally.latency.record(now - startedAt, now);
      }
    },
  };
}

/** Calls that have not ended. */
export function waitingCount({ sent, succeeded, failed }: CallTally): number {
  return sent - succeeded - failed;
}

// --- internal ---

function newTally(): CallTally {
  return { sent: 0, succeeded: 0, failed: 0, latency: recentLatency() };
}
