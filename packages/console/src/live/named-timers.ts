/**
 * Named timers: timers that keep no process alive, one per name, and none once they are closed.
 *
 * @module
 */

import type { Clock, Timer } from '@holdfast/core';

/** Timers by name. */
export class NamedTimers {
  readonly #clock: Clock;
  readonly #timers = new Map<string, Timer>();
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  has(name: string): boolean {
    return this.#timers.has(name);
  }

  /** Calls `callback` once, `delayMs` from now. The name must be free; it is again when `callback` is called. */
  arm(name: string, delayMs: number, callback: () => void): void {
    if (this.#isClosed) return;
    const timer = this.#clock.setTimer(() => {
      this.#timers.delete(name);
      callback();
    }, delayMs);
    timer.unref();
    this.#timers.set(name, timer);
  }

  cancel(name: string): void {
    this.#timers.get(name)?.cancel();
    this.#timers.delete(name);
  }

  /** Cancels all, for good. */
  close(): void {
    this.#isClosed = true;
    for (const name of this.#timers.keys()) this.cancel(name);
  }
}
