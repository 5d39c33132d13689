/**
 * Recent visits: what shoppers of one twin got in the last few seconds, for the live view.
 *
 * @module
 */

import { coveredSeconds, slotRing } from './recent.ts';
import { type Errand, type Twin, type Visit, isAvailable, isGood } from './visits.ts';

/** One twin, lately. */
export interface RecentSummary {
  /** Share of available visits, 0 to 1; undefined without visits. */
  readonly availableRatio: number | undefined;
  readonly degradedRatio: number | undefined;
  readonly goodPerSecond: number;
  /** Milliseconds; undefined without visits. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

/** The visits of the last seconds. */
export interface RecentVisits {
  add(visit: Visit, nowMs: number): void;
  /** Sums up one twin's visits; without an errand all of them. */
  summary(nowMs: number, twin: Twin, errand?: Errand): RecentSummary;
}

/** Creates an empty one. */
export function recentVisits(): RecentVisits {
  const ring = slotRing<Visit[]>(
    () => [],
    (visits) => (visits.length = 0),
  );
  return {
    add: (visit, nowMs) => void ring.at(nowMs).push(visit),
    summary(nowMs, twin, errand) {
      const visits = ring
        .live(nowMs)
        .flat()
        .filter((visit) => visit.twin === twin && (errand === undefined || visit.errand === errand));
      return summarise(visits, nowMs);
    },
  };
}

// --- internal ---

function summarise(visits: readonly Visit[], nowMs: number): RecentSummary {
  const times = visits.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b);
  const share = (counted: number): number | undefined => (visits.length === 0 ? undefined : counted / visits.length);
  return {
    availableRatio: share(visits.filter(({ result }) => isAvailable(result)).length),
    degradedRatio: share(visits.filter(({ result }) => result === 'degraded').length),
    goodPerSecond: visits.filter(isGood).length / coveredSeconds(nowMs),
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
  };
}

function quantile(sorted: readonly number[], ratio: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(sorted.length * ratio) - 1)];
}
