/**
 * Known ruling: the fleet's ruling on one circuit as one node knows it, in the time of that node.
 *
 * A ruling arrives with durations; its deadline counts from its receipt, so it is late rather than early.
 *
 * Invariants
 *  (1) The pair of epoch and rank never falls.
 *  (2) A deadline of the same ruling never moves out.
 *  (3) A hold whose time is over stands for what it leads to: held open, an open circuit whose time is over; held closed, a
 *      closed one.
 *
 * @module
 */

import type { RuledState } from '../kernel/circuit-store.ts';
import { type Ruling, noRuling, standsAbove } from './ruling.ts';

/** What an arriving ruling was: `older` than what is known, the `same`, or `newer`. */
export type Adoption = 'older' | 'same' | 'newer';

/** What one node knows of one circuit. */
export class KnownRuling {
  private latest: Ruling;
  /** When its time is over. Milliseconds of the node's clock; -Infinity where it has none. */
  private deadline = Number.NEGATIVE_INFINITY;

  constructor(id: string) {
    this.latest = noRuling(id);
  }

  get epoch(): number {
    return this.latest.epoch;
  }

  get reopenings(): number {
    return this.latest.reopenings;
  }

  get free(): number {
    return this.latest.free;
  }

  get spanMs(): number {
    return this.latest.spanMs;
  }

  get notes(): Readonly<Record<string, string>> {
    return this.latest.notes;
  }

  /** The state as of `now`: (3). */
  state(now: number): RuledState {
    const { state } = this.latest;
    if (this.remainingMs(now) > 0) return state;
    if (state === 'forced-open') return 'open';
    return state === 'forced-closed' ? 'closed' : state;
  }

  /** Milliseconds left of its time; negative where it is over, 0 where it has none. */
  remainingMs(now: number): number {
    return this.deadline === Number.NEGATIVE_INFINITY ? 0 : this.deadline - now;
  }

  /** When its open time, hold or ramp is over. Milliseconds; -Infinity where it has none. */
  get until(): number {
    return this.deadline;
  }

  /** Takes up a ruling that arrived at `now`, if it does not stand below. */
  adopt(ruling: Ruling, now: number): Adoption {
    const { latest } = this;
    if (standsAbove(latest, ruling)) return 'older'; // (1)
    const isSame = latest.epoch === ruling.epoch && (latest.state === ruling.state || this.state(now) === ruling.state); // (3)
    const deadline = hasDeadline(ruling) ? now + ruling.remainingMs : Number.NEGATIVE_INFINITY;
    this.deadline = isSame && this.deadline !== Number.NEGATIVE_INFINITY ? Math.min(this.deadline, deadline) : deadline; // (2)
    this.latest = ruling;
    return isSame ? 'same' : 'newer';
  }

  /** The ruling, to be told to a ledger that lost it. Its time left may be negative: it was over before. */
  toRuling(now: number): Ruling {
    return { ...this.latest, remainingMs: this.remainingMs(now) };
  }
}

// --- internal ---

function hasDeadline({ state, spanMs }: Ruling): boolean {
  return state === 'open' || (state !== 'half-open' && spanMs > 0); // of an open one without a span it is over, since now
}
