/**
 * Pace: the limits that hold, and what was admitted under them.
 *
 * Invariants
 *  (1) A change of limits that is refused changes nothing.
 *  (2) After a change of limits the calls admitted so far go on counting, as calls.
 *
 * @module
 */

import { inRange, integerInRange, oneOf, withKnown } from '../../kernel/options.ts';
import {
  type GcraLimits,
  admit,
  available,
  backlogMs,
  conforms,
  conformsAt,
  rescale,
  waitMs,
  withBacklog,
} from '../../mechanisms/gcra.ts';

/** What was asked for. */
export interface AskedLimits {
  readonly maxPerInterval: number;
  readonly intervalMs: number;
  /** Undefined follows `maxPerInterval`. */
  readonly maxBurst: number | undefined;
  readonly maxQueued: number;
  readonly enforcement: 'enforce' | 'observe' | 'off';
}

/** What holds. */
export interface Limits extends AskedLimits, GcraLimits {
  readonly maxBurst: number;
  readonly asked: AskedLimits;
}

/**
 * Checks what was asked for.
 *
 * @throws ConfigError when an option is out of range.
 */
export function limitsOf({
  maxPerInterval,
  intervalMs,
  maxBurst,
  maxQueued,
  enforcement,
}: Partial<AskedLimits>): Limits {
  integerInRange('rateLimiter.maxPerInterval', maxPerInterval, [1, 1_000_000]);
  const asked = { maxPerInterval, intervalMs, maxBurst, maxQueued, enforcement } as AskedLimits;
  inRange('rateLimiter.intervalMs', intervalMs, [Math.max(1, asked.maxPerInterval / 1000), 86_400_000]);
  if (maxBurst !== undefined) integerInRange('rateLimiter.maxBurst', maxBurst, [1, 1_000_000]);
  integerInRange('rateLimiter.maxQueued', maxQueued, [0, 1_000_000]);
  oneOf('rateLimiter.enforcement', enforcement, ['enforce', 'observe', 'off']);
  return {
    maxPerInterval: asked.maxPerInterval,
    intervalMs: asked.intervalMs,
    maxBurst: maxBurst ?? asked.maxPerInterval,
    maxQueued: asked.maxQueued,
    enforcement: asked.enforcement,
    emissionMs: asked.intervalMs / asked.maxPerInterval,
    asked,
  };
}

/** The limits that hold, and what was admitted under them. */
export class Pace {
  limits: Limits;
  /** The instant at which all that was admitted is worked off: see `mechanisms/gcra.ts`. */
  private arrivalAt: number;

  constructor(limits: Limits, initialBacklogMs: number, now: number) {
    this.limits = limits;
    this.arrivalAt = withBacklog(initialBacklogMs, now, limits);
  }

  /** Whether a call may start at `now`. Only `enforce` says no. */
  allows(now: number): boolean {
    return this.limits.enforcement !== 'enforce' || conforms(this.arrivalAt, now, this.limits);
  }

  /** Counts a call that starts at `now`, if it may. Returns whether it may. */
  take(now: number): boolean {
    if (!this.allows(now)) return false;
    if (this.limits.enforcement === 'enforce') this.arrivalAt = admit(this.arrivalAt, now, this.limits);
    return true;
  }

  /**
   * Counts a call as started at its turn, be that later, if so much of a queue is allowed. Returns whether it is. The
   * arrival time then lies ahead by the queue that there would be.
   */
  book(now: number): boolean {
    const { emissionMs, maxBurst, maxQueued } = this.limits;
    if (!conforms(this.arrivalAt, now, { emissionMs, maxBurst: maxBurst + maxQueued })) return false;
    this.arrivalAt = admit(this.arrivalAt, now, this.limits);
    return true;
  }

  /** Time from `now` until the turn of a call that has `ahead` others before it. Milliseconds. */
  delayMs(ahead: number, now: number): number {
    return waitMs(conformsAt(this.arrivalAt, this.limits) + ahead * this.limits.emissionMs, now);
  }

  available(now: number): number {
    return available(this.arrivalAt, now, this.limits);
  }

  backlogMs(now: number): number {
    return backlogMs(this.arrivalAt, now);
  }

  update(changes: object, now: number): void {
    const to = limitsOf(withKnown('rateLimiter', this.limits.asked, changes)); // (1)
    this.arrivalAt = rescale(this.arrivalAt, now, { from: this.limits, to }); // (2)
    this.limits = to;
  }
}
