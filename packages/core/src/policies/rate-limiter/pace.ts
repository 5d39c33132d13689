/**
 * Pace: the limits that hold, and what was admitted under them.
 *
 * Invariants
 *  (1) A change of limits that is refused changes nothing.
 *  (2) After a change of limits the calls admitted so far go on counting, as calls.
 *
 * @module
 */

import {
  admit,
  arrivalFor,
  available,
  backlogMs,
  conforms,
  conformsAt,
  rescale,
  waitMs,
  withBacklog,
} from '../../mechanisms/gcra.ts';
import type { Limits } from './limits.ts';

/** The limits that hold, and what was admitted under them. */
export class Pace {
  limits: Limits;
  /** The instant at which all that was admitted is worked off: see `mechanisms/gcra.ts`. */
  private arrivalAt: number;

  constructor(limits: Limits, initialBacklogMs: number, now: number) {
    this.limits = limits;
    this.arrivalAt = withBacklog(initialBacklogMs, now, limits);
  }

  /** Whether a call of `cost` may start at `now`. Only `enforce` says no. */
  allows(cost: number, now: number): boolean {
    const { limits } = this;
    const arrivalAt = cost === 1 ? this.arrivalAt : arrivalFor(cost, this.arrivalAt, limits);
    return limits.enforcement !== 'enforce' || conforms(arrivalAt, now, limits);
  }

  /** Counts a call of `cost` that starts at `now`, if it may. Returns whether it may. */
  take(cost: number, now: number): boolean {
    if (!this.allows(cost, now)) return false;
    if (this.limits.enforcement === 'enforce') this.charge(cost, now);
    return true;
  }

  /**
   * Counts a call as started at its turn, be that later, if so much of a queue is allowed. Returns whether it is. The
   * arrival time then lies ahead by the queue that there would be, of calls that cost 1.
   */
  book(cost: number, now: number): boolean {
    const { emissionMs, maxBurst, maxQueued } = this.limits;
    const arrivalAt = arrivalFor(cost, this.arrivalAt, this.limits);
    if (!conforms(arrivalAt, now, { emissionMs, maxBurst: maxBurst + maxQueued })) return false;
    this.charge(cost, now);
    return true;
  }

  /** Time from `now` until the turn of a call of `cost` that has others before it which cost `ahead`. Milliseconds. */
  delayMs(cost: number, ahead: number, now: number): number {
    const arrivalAt = arrivalFor(cost, this.arrivalAt, this.limits);
    return waitMs(conformsAt(arrivalAt, this.limits) + ahead * this.limits.emissionMs, now);
  }

  available(now: number): number {
    return available(this.arrivalAt, now, this.limits);
  }

  backlogMs(now: number): number {
    return backlogMs(this.arrivalAt, now);
  }

  change(to: Limits, now: number): void {
    this.arrivalAt = rescale(this.arrivalAt, now, { from: this.limits, to }); // (2)
    this.limits = to;
  }

  // --- internal ---

  private charge(cost: number, now: number): void {
    this.arrivalAt = admit(this.arrivalAt, now, this.limits) + (cost - 1) * this.limits.emissionMs;
  }
}
