/**
 * Virtual clock: time that stands still until a test moves it.
 *
 * Moving it fires the timers that fall due, in order, and lets promises settle between them, so that what a timer starts
 * has started before the next one fires.
 *
 * Invariants
 *  (1) Timers fire in the order of their due times, and of their setting where those are equal.
 *  (2) `now()` is a timer's due time while it fires.
 *  (3) Before and after each timer, everything that can settle without time has settled.
 *
 * @module
 */

import type { Clock, Timer } from '../kernel/clock.ts';

/** A {@link Clock} that a test moves. */
export interface VirtualClock extends Clock {
  /** Moves time on by `ms` milliseconds, firing what falls due, and waits until everything has settled. 0 only settles. */
  advance(ms: number): Promise<void>;
  /** Moves time on to `instant`, as `advance` does. */
  advanceTo(instant: number): Promise<void>;
  /** Moves time on until no timer is left, or throws a `RangeError` when `limit` timers, by default 100 000, have fired. */
  runAll(limit?: number): Promise<void>;
  /** Timers that are set. */
  readonly pendingCount: number;
  /** Timers that are set and would keep a process alive. */
  readonly referencedCount: number;
}

/** Creates a virtual clock that shows `startMs`. */
export function virtualClock(startMs = 0): VirtualClock {
  return new Virtual(startMs);
}

/** Resolves when everything that can settle without the passing of time has settled. */
export async function settle(): Promise<void> {
  await new Promise<void>(nextTurn);
}

// --- internal ---

/** Taken when the module loads, so that a runner's fake timers do not stop the clock of the tests. */
const { setImmediate } = globalThis as { setImmediate?: (callback: () => void) => unknown };

/** Calls `resolve` in the next turn of the event loop: by then all microtasks have run, those of microtasks included. */
function nextTurn(resolve: () => void): void {
  if (setImmediate !== undefined) {
    setImmediate(resolve);
    return;
  }
  const { port1, port2 } = new MessageChannel();
  port1.addEventListener('message', () => {
    port1.close();
    resolve();
  });
  port1.start();
  port2.postMessage(undefined);
}

interface VirtualTimer {
  readonly callback: () => void;
  readonly dueAt: number;
  readonly order: number;
  referenced: boolean;
}

class Virtual implements VirtualClock {
  #now: number;
  #order = 0;
  readonly #timers = new Set<VirtualTimer>();

  constructor(startMs: number) {
    this.#now = startMs;
  }

  get pendingCount(): number {
    return this.#timers.size;
  }

  get referencedCount(): number {
    return [...this.#timers].filter((timer) => timer.referenced).length;
  }

  now(): number {
    return this.#now;
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const timer = { callback, dueAt: this.#now + Math.max(0, delayMs), order: this.#order++, referenced: true };
    if (timer.dueAt !== Infinity) this.#timers.add(timer);
    return {
      cancel: () => void this.#timers.delete(timer),
      ref: () => void (timer.referenced = true),
      unref: () => void (timer.referenced = false),
    };
  }

  async advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError(`time moves on only: advance needs 0 or more, got ${ms}`);
    await this.advanceTo(this.#now + ms);
  }

  async advanceTo(instant: number): Promise<void> {
    if (!(instant >= this.#now)) throw new RangeError(`time moves on only: it is ${this.#now}, got ${instant}`);
    await settle();
    for (let timer = this.#next(); timer !== undefined && timer.dueAt <= instant; timer = this.#next()) {
      // oxlint-disable-next-line no-await-in-loop -- one timer after the other is the point
      await this.#fire(timer);
    }
    this.#now = Math.max(this.#now, instant); // another advance may be under way
  }

  async runAll(limit = 100_000): Promise<void> {
    await settle();
    let fired = 0;
    for (let timer = this.#next(); timer !== undefined; timer = this.#next()) {
      if (++fired > limit) throw new RangeError(`${limit} timers have fired and more are set`);
      // oxlint-disable-next-line no-await-in-loop -- one timer after the other is the point
      await this.#fire(timer);
    }
  }

  async #fire(timer: VirtualTimer): Promise<void> {
    this.#timers.delete(timer);
    this.#now = Math.max(this.#now, timer.dueAt); // (2)
    timer.callback();
    await settle(); // (3)
  }

  #next(): VirtualTimer | undefined {
    let next: VirtualTimer | undefined;
    for (const timer of this.#timers) {
      if (next === undefined || timer.dueAt < next.dueAt || (timer.dueAt === next.dueAt && timer.order < next.order))
        next = timer;
    }
    return next;
  }
}
