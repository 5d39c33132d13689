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

import { type OutcomeWindow, type WindowRecord, type WindowRun, isFailureAt } from './outcome-window.ts';

/** The outcomes of the last `size` calls. */
export class CountWindow implements OutcomeWindow {
  calls = 0;
  failures = 0;
  private readonly size: number;
  private readonly bits: number[];
  /** Where the next outcome goes: the index of its word, its bit there, and its number in the ring. */
  private word = 0;
  private mask = 1;
  private next = 0;

  /** @param size - Calls that the window holds. Integer, at least 1. */
  constructor(size: number) {
    this.size = size;
    this.bits = new Array<number>(Math.ceil(size / BITS)).fill(0);
  }

  get needsTime(): boolean {
    return false;
  }

  record(failed: boolean): void {
    const { mask, word } = this;
    const bits = this.bits[word] as number;
    if (this.calls < this.size) this.calls++;
    else if ((bits & mask) !== 0) this.failures--;
    if (failed) {
      this.failures++;
      this.bits[word] = bits | mask;
    } else {
      this.bits[word] = bits & ~mask;
    }
    this.step();
  }

  expire(): void {}

  load(run: WindowRun): void {
    for (let index = Math.max(0, run.calls - this.size); index < run.calls; index++)
      this.record(isFailureAt(index, run));
  }

  save(): WindowRecord {
    const runs: WindowRun[] = [];
    for (let index = 0; index < this.calls; index++) {
      const place = (this.next + this.size - this.calls + index) % this.size;
      const failures = ((this.bits[Math.floor(place / BITS)] as number) >>> (place % BITS)) & 1;
      const last = runs.at(-1);
      if (last === undefined || last.failures > 0 !== failures > 0) runs.push({ ageMs: 0, calls: 1, failures });
      else runs[runs.length - 1] = { ageMs: 0, calls: last.calls + 1, failures: last.failures + failures };
    }
    return runs;
  }

  /** Moves on to the next bit. No division: this is on the path of every call. */
  private step(): void {
    this.mask <<= 1;
    if (++this.next === this.size) {
      this.next = 0;
      this.word = 0;
      this.mask = 1;
    } else if (this.mask === FULL) {
      this.word++;
      this.mask = 1;
    }
  }
}

// --- internal ---

/** Bits per word: what a small integer holds without a heap object. */
const BITS = 30;
const FULL = 1 << BITS;
