/**
 * Stall watch: notices when a run gives no sign of life.
 *
 * Invariants
 *  (1) `onStall` is called once, when `stallAfterMs` have passed since the last beat, and not after the end.
 *  (2) A beat costs a clock read; there is one timer, however many beats.
 *
 * @module
 */

import type { Clock, Timer } from '@holdfast/core';

/** Watches one run. */
export class StallWatch {
  readonly #clock: Clock;
  readonly #stallAfterMs: number;
  readonly #onStall: () => void;
  #beatAt: number;
  #timer: Timer | undefined = undefined;
  #resolveStalled: () => void = () => {};

  constructor(clock: Clock, stallAfterMs: number, onStall: () => void) {
    this.#clock = clock;
    this.#stallAfterMs = stallAfterMs;
    this.#onStall = onStall;
    this.#beatAt = clock.now();
  }

  beat(): void {
    this.#beatAt = this.#clock.now(); // (2)
  }

  /** Resolves as `result` does, or with undefined when it has stalled before. */
  async orEnd<T>(result: Promise<T>): Promise<T | undefined> {
    if (this.#stallAfterMs === Infinity) return result;
    const stalled = new Promise<undefined>((resolve) => {
      this.#resolveStalled = () => resolve(undefined);
    });
    this.#arm(this.#stallAfterMs);
    try {
      return await Promise.race([result, stalled]);
    } finally {
      this.#timer?.cancel(); // (1)
    }
  }

  // --- internal ---

  #arm(delayMs: number): void {
    this.#timer = this.#clock.setTimer(() => this.#look(), delayMs);
    this.#timer.unref();
  }

  #look(): void {
    const remainingMs = this.#beatAt + this.#stallAfterMs - this.#clock.now();
    if (remainingMs > 0) {
      this.#arm(remainingMs);
      return;
    }
    this.#onStall();
    this.#resolveStalled();
  }
}
