/**
 * Count window: the outcomes of the last n calls, one bit each.
 *
 * Invariants
 *  (1) `failures` is the number of failures among the last `min(size, recorded)` calls.
 *  (2) Memory is constant: n bits and three numbers. Recording takes constant time.
 *
 * Source: ring buffer of bits as in resilience4j 0.x, `RingBitSet`,
 * https://github.com/resilience4j/resilience4j/blob/v0.17.0/resilience4j-circuitbreaker/src/main/java/io/github/resilience4j/circuitbreaker/internal/RingBitSet.java.
 * Deviation: none.
 *
 * @module
 */

import type { OutcomeWindow } from './outcome-window.ts';

/** The outcomes of the last `size` calls. */
export class CountWindow implements OutcomeWindow {
  readonly needsTime = false;
  calls = 0;
  failures = 0;
  readonly #size: number;
  readonly #bits: number[];
  #next = 0;

  /** @param size - Calls that the window holds. Integer, at least 1. */
  constructor(size: number) {
    this.#size = size;
    this.#bits = new Array<number>(Math.ceil(size / BITS)).fill(0);
  }

  record(failed: boolean): void {
    const word = Math.trunc(this.#next / BITS);
    const mask = 1 << (this.#next % BITS);
    const bits = this.#bits[word] ?? 0;
    if (this.calls < this.#size) this.calls++;
    else if ((bits & mask) !== 0) this.failures--;
    if (failed) this.failures++;
    this.#bits[word] = failed ? bits | mask : bits & ~mask;
    this.#next = this.#next + 1 === this.#size ? 0 : this.#next + 1;
  }

  expire(): void {}
}

// --- internal ---

/** Bits per word: what a small integer holds without a heap object. */
const BITS = 30;
