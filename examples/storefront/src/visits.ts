/**
 * Visits: what shoppers got, per twin, as they saw it. This is where availability is defined.
 *
 * A visit is available when its answer came within the shopper's patience, with status 200, or with 202 where an order may
 * be deferred. A degraded answer is available, and counted as degraded.
 *
 * Invariants
 *  (1) Every visit ends in exactly one result.
 *  (2) A visit belongs to the act in which it began: to the faults if that act has any, to the rush if it is that one.
 *
 * @module
 */

import { type RecordableHistogram, createHistogram } from 'node:perf_hooks';

import { percentileMs, toMicros } from './recent.ts';

/** The two shops. */
export type Twin = 'protected' | 'unprotected';

/** Both, in the order in which they are shown. */
export const twins: readonly Twin[] = Object.freeze(['protected', 'unprotected']);

/** What a shopper wants. */
export type Errand = 'page' | 'checkout';

/** How a visit ended: in full, degraded, with an error answer, without one, or the shopper's patience did. */
export type Result = 'full' | 'degraded' | 'error' | 'broken' | 'late';

/** One visit that has ended. */
export interface Visit {
  readonly twin: Twin;
  readonly errand: Errand;
  readonly result: Result;
  /** Status of the answer; undefined without one. */
  readonly status: number | undefined;
  /** Time until the answer, or until the shopper gave up. Milliseconds. */
  readonly tookMs: number;
  readonly duringFaults: boolean;
  readonly duringRush: boolean;
  /** Names in its `Degraded` header that no outsider should see. */
  readonly strangeNames: number;
}

/** What many visits came to. */
export interface VisitSummary {
  readonly count: number;
  /** Share of available visits, 0 to 1; undefined without visits. */
  readonly availableRatio: number | undefined;
  readonly degradedCount: number;
  /** Answers in time with a status below 500. */
  readonly goodCount: number;
  readonly byResult: Readonly<Record<Result, number>>;
  /** Time that 99 % of the visits did not exceed, the failed ones included. Milliseconds; undefined without visits. */
  readonly p99Ms: number | undefined;
}

/** Which visits: all, those during faults, or those during the rush. */
export type VisitScope = 'run' | 'faults' | 'rush';

/** Keeps visits and sums them up. */
export interface VisitBook {
  add(visit: Visit): void;
  /** Sums up one twin's visits; without an errand all of them. */
  summary(twin: Twin, scope: VisitScope, errand?: Errand): VisitSummary;
  /** Names in `Degraded` headers that no outsider should have seen. */
  readonly strangeNames: number;
}

/** Creates an empty book. */
export function visitBook(): VisitBook {
  const tallies = new Map<string, Tally>();
  const tally = (key: string): Tally => {
    const found = tallies.get(key) ?? new Tally();
    tallies.set(key, found);
    return found;
  };
  let strangeNames = 0;
  return {
    get strangeNames() {
      return strangeNames;
    },
    add(visit) {
      strangeNames += visit.strangeNames;
      for (const scope of scopesOf(visit)) {
        tally(`${visit.twin}/${scope}/${visit.errand}`).add(visit);
        tally(`${visit.twin}/${scope}/all`).add(visit);
      }
    },
    summary: (twin, scope, errand) => tally(`${twin}/${scope}/${errand ?? 'all'}`).summary(),
  };
}

/** Whether a visit with this result got what counts as an answer. */
export function isAvailable(result: Result): boolean {
  return result === 'full' || result === 'degraded';
}

/** Whether a visit got an answer in time that is no server error. */
export function isGood({ result, status }: Visit): boolean {
  return result !== 'late' && status !== undefined && status < 500;
}

// --- internal ---

/** (2) */
function scopesOf({ duringFaults, duringRush }: Visit): readonly VisitScope[] {
  return ['run', ...(duringFaults ? (['faults'] as const) : []), ...(duringRush ? (['rush'] as const) : [])];
}

class Tally {
  readonly #byResult: Record<Result, number> = { full: 0, degraded: 0, error: 0, broken: 0, late: 0 };
  readonly #latency: RecordableHistogram = createHistogram();
  #count = 0;
  #goodCount = 0;

  add(visit: Visit): void {
    this.#count++;
    this.#byResult[visit.result]++; // (1)
    if (isGood(visit)) this.#goodCount++;
    this.#latency.record(toMicros(visit.tookMs));
  }

  summary(): VisitSummary {
    const byResult = { ...this.#byResult };
    return {
      count: this.#count,
      availableRatio: this.#count === 0 ? undefined : (byResult.full + byResult.degraded) / this.#count,
      degradedCount: byResult.degraded,
      goodCount: this.#goodCount,
      byResult,
      p99Ms: percentileMs(this.#latency, 99),
    };
  }
}
