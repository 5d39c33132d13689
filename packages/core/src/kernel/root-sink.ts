/**
 * Root sink: where the outcome of a call arrives in the end: it is counted, measured if it is its turn, and settles the promise.
 *
 * Invariants
 *  (1) A call is counted before its promise settles.
 *
 * @module
 */

import type { CallMeters, CallOutcome, MeteredCall } from './call-meter.ts';
import type { Context } from './context.ts';
import type { Sink } from './handler.ts';

/** Counts calls from the outside. */
export interface Tally {
  /** What measures calls; undefined where nothing does. */
  readonly meters: CallMeters | undefined;
  start(): void;
  resolve(): void;
  reject(error: unknown, context: Context): CallOutcome;
}

/** Settles a promise. */
export type Settle = (outcome: unknown) => void;

/** The outermost sink: settles the promise. */
export class Root implements Sink {
  readonly settleResolve: Settle;
  readonly settleReject: Settle;
  readonly context: Context;
  readonly tally: Tally | undefined;
  metered: MeteredCall | undefined = undefined;
  /** Whether `execute` has returned, so that the caller has had its turn to look at the promise. */
  returned = false;

  constructor(resolve: Settle, reject: Settle, context: Context, tally: Tally | undefined) {
    this.settleResolve = resolve;
    this.settleReject = reject;
    this.context = context;
    this.tally = tally;
  }

  resolve(value: unknown, now: number): void {
    if (this.tally !== undefined) this.tally.resolve();
    if (this.metered !== undefined) this.metered.end('success', this.context, now);
    this.settleResolve(value);
  }

  reject(error: unknown, now: number): void {
    if (this.tally !== undefined) {
      const outcome = this.tally.reject(error, this.context);
      if (this.metered !== undefined) this.metered.end(outcome, this.context, now);
    }
    if (this.returned) this.settleReject(error);
    else rejectSoon(this.settleReject, error);
  }

  refuse(error: unknown, now: number): void {
    this.reject(error, now);
  }
}

// --- internal ---

/**
 * Rejects in a microtask. A promise that is rejected before anybody could look at it costs the platform its bookkeeping of
 * unhandled rejections, several times what the refusal itself costs.
 */
function rejectSoon(reject: Settle, error: unknown): void {
  void settledPromise.then(() => reject(error));
}

const settledPromise = Promise.resolve();
