/**
 * Time window: the outcomes of the calls of the last n milliseconds, in aligned buckets.
 *
 * The window is a ring of buckets, each for the calls of `durationMs / buckets` ms; it forgets a whole bucket at a time, so
 * its span is between `durationMs - durationMs / buckets` and `durationMs`.
 *
 * Invariants
 *  (1) A call counts from its record until its bucket leaves the window, in `calls` and `failures` alike.
 *  (2) Buckets expire on write and on read; no timer is needed.
 *  (3) A `now` earlier than the latest one counts as the latest one.
 *  (4) Memory is constant; recording takes constant time, expiring at most the number of buckets.
 *
 * Source: Hystrix, "How it works: rolling statistics", Netflix, 2012, https://github.com/Netflix/Hystrix/wiki/How-it-Works.
 * Deviation: buckets expire lazily; the running sums make a read constant.
 *
 * @module
 */

import type { OutcomeWindow } from './outcome-window.ts';

/** The outcomes of the last `durationMs` milliseconds. */
export class TimeWindow implements OutcomeWindow {
  readonly needsTime = true;
  calls = 0;
  failures = 0;
  readonly #bucketMs: number;
  readonly #calls: number[];
  readonly #failures: number[];
  /** Number of the newest bucket since time zero; -Infinity before the first record. */
  #newest = -Infinity;

  /** @param durationMs - Span, in milliseconds, above 0. @param buckets - Integer, at least 1. */
  constructor(durationMs: number, buckets: number) {
    this.#bucketMs = durationMs / buckets;
    this.#calls = new Array<number>(buckets).fill(0);
    this.#failures = new Array<number>(buckets).fill(0);
  }

  record(failed: boolean, now: number): void {
    this.expire(now);
    const slot = this.#slotOf(this.#newest);
    this.#calls[slot] = (this.#calls[slot] ?? 0) + 1;
    this.calls++;
    if (!failed) return;
    this.#failures[slot] = (this.#failures[slot] ?? 0) + 1;
    this.failures++;
  }

  expire(now: number): void {
    const bucket = Math.floor(now / this.#bucketMs);
    if (bucket <= this.#newest) return; // (3)
    const steps = this.#newest === -Infinity ? 0 : Math.min(bucket - this.#newest, this.#calls.length);
    this.#newest = bucket;
    for (let step = 0; step < steps; step++) this.#clear(this.#slotOf(bucket - step));
  }

  /** The ring goes on below time zero. */
  #slotOf(bucket: number): number {
    const size = this.#calls.length;
    return ((bucket % size) + size) % size;
  }

  #clear(slot: number): void {
    this.calls -= this.#calls[slot] ?? 0;
    this.failures -= this.#failures[slot] ?? 0;
    this.#calls[slot] = 0;
    this.#failures[slot] = 0;
  }
}
