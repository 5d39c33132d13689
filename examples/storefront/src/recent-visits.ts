/**
 * Recent visits: what shoppers got in the last few seconds, for the live view.
 *
 * @module
 */

import { RECENT_SECONDS } from './recent-latency.ts';
import { type Errand, type Twin, type Visit, isAvailable, isGood } from './visits.ts';

/** One twin, lately. */
export interface RecentSummary {
  readonly count: number;
  /** Share of available visits, 0 to 1; undefined without visits. */
  readonly availableRatio: number | undefined;
  readonly degradedRatio: number | undefined;
  readonly goodPerSecond: number;
  /** Milliseconds; undefined without visits. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

/** Keeps the visits of the last seconds. */
export interface RecentVisits {
  add(visit: Visit, nowMs: number): void;
  summary(twin: Twin, nowMs: number, errand?: Errand): RecentSummary;
}

/** Creates an empty one. It holds as many visits as arrive in {@link RECENT_SECONDS}. */
export function recentVisits(): RecentVisits {
  let entries: { readonly visit: Visit; readonly endedAt: number }[] = [];
  return {
    add(visit, nowMs) {
      const oldest = nowMs - RECENT_SECONDS * 1000;
      if (entries[0] !== undefined && entries[0].endedAt < oldest - 1000) {
        entries = entries.filter(({ endedAt }) => endedAt >= oldest);
      }
      entries.push({ visit, endedAt: nowMs });
    },
    summary(twin, nowMs, errand) {
      const oldest = nowMs - RECENT_SECONDS * 1000;
      const visits = entries
        .filter(({ visit, endedAt }) => endedAt >= oldest && visit.twin === twin)
        .map(({ visit }) => visit)
        .filter((visit) => errand === undefined || visit.errand === errand);
      return summarise(visits);
    },
  };
}

// --- internal ---

function summarise(visits: readonly Visit[]): RecentSummary {
  const times = visits.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b);
  const share = (counted: number): number | undefined => (visits.length === 0 ? undefined : counted / visits.length);
  return {
    count: visits.length,
    availableRatio: share(visits.filter(({ result }) => isAvailable(result)).length),
    degradedRatio: share(visits.filter(({ result }) => result === 'degraded').length),
    goodPerSecond: visits.filter(isGood).length / RECENT_SECONDS,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
  };
}

function quantile(sorted: readonly number[], ratio: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(sorted.length * ratio) - 1)];
}
