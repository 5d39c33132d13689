/**
 * Scheduler: virtual time for both sides, fast, and exact to the order of things.
 *
 * Each timer fires in an event-loop turn of its own, so everything that can settle without time has settled before the
 * next one. `idle()` lets a chain of promises take the order of plain calls: whoever asked last goes on first, once all
 * that can go on has done so; thus "call this, then that" can be written where "this" is a promise that may or may not
 * settle at once.
 *
 * @module
 */

import type { Clock, Timer } from '@holdfast/core';

/** A clock that plays a schedule. */
export class Scheduler implements Clock {
  #now = 0;
  #order = 0;
  readonly #timers = new Set<Entry>();
  readonly #idling: (() => void)[] = [];
  readonly #deferred: (() => void)[] = [];
  readonly defer?: (callback: () => void) => void;

  /** @param hasTurns - Whether the clock can tell the end of a turn, as a {@link Clock} may. */
  constructor(hasTurns = false) {
    if (hasTurns) this.defer = (callback) => void this.#deferred.push(callback);
  }

  now(): number {
    return this.#now;
  }

  /** Timers that have neither fired nor been cancelled. */
  get pendingCount(): number {
    return this.#timers.size;
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const entry = { callback, dueAt: this.#now + Math.max(0, delayMs), order: this.#order++ };
    if (entry.dueAt !== Infinity) this.#timers.add(entry);
    return { cancel: () => void this.#timers.delete(entry), ref: () => {}, unref: () => {} };
  }

  /** Resolves once everything that can go on without time has done so; the latest to ask comes first. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idling.push(resolve);
    });
  }

  /** Fires all timers that are due up to `instant`, and leaves the clock there. */
  async runUntil(instant: number): Promise<void> {
    await this.#settle();
    let fired = 0;
    for (let next = this.#next(); next !== undefined && next.dueAt <= instant; next = this.#next()) {
      if (++fired > MAX_TIMERS) throw new RangeError(`${MAX_TIMERS} timers have fired and more are set`);
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.dueAt);
      next.callback();
      await this.#settle();
    }
    this.#now = instant;
  }

  async #settle(): Promise<void> {
    await turn();
    while (this.#deferred.length > 0 || this.#idling.length > 0) {
      const callbacks = this.#deferred.length > 0 ? this.#deferred.splice(0) : [this.#idling.pop()];
      for (const callback of callbacks) callback?.();
      await turn();
    }
  }

  #next(): Entry | undefined {
    let next: Entry | undefined;
    for (const entry of this.#timers) {
      if (next === undefined || entry.dueAt < next.dueAt || (entry.dueAt === next.dueAt && entry.order < next.order))
        next = entry;
    }
    return next;
  }
}

/** The same time on another scale: `offsetMs` ahead of `clock`. */
export function skewed(clock: Clock, offsetMs: number): Clock {
  return {
    now: () => clock.now() + offsetMs,
    setTimer: (callback, delayMs) => clock.setTimer(callback, delayMs),
    ...(clock.defer !== undefined && { defer: (callback: () => void) => clock.defer?.(callback) }),
  };
}

// --- internal ---

/** Far above what a case needs: a loop of timers. */
const MAX_TIMERS = 20_000;

interface Entry {
  readonly callback: () => void;
  readonly dueAt: number;
  readonly order: number;
}

/** One turn of the event loop: by its end, all microtasks have run. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
