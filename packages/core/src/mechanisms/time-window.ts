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

import type { OutcomeWindow, WindowRecord, WindowRun } from './outcome-window.ts';

/** The outcomes of the last `durationMs` milliseconds. */
export class TimeWindow implements OutcomeWindow {
  calls = 0;
  failures = 0;
  private readonly bucketMs: number;
  /** Of each bucket its calls, then its failures. */
  private readonly counts: number[];
  /** Number of the newest bucket since time zero; undefined before the first record. */
  private newest: number | undefined = undefined;

  /** @param durationMs - Span, in milliseconds, above 0. @param buckets - Integer, at least 1. */
  constructor(durationMs: number, buckets: number) {
    this.bucketMs = durationMs / buckets;
    this.counts = new Array<number>(2 * buckets).fill(0);
  }

  get needsTime(): boolean {
    return true;
  }

  record(failed: boolean, now: number): void {
    this.expire(now);
    const slot = this.slotOf(this.newest as number);
    this.add(slot, 1);
    this.calls++;
    if (!failed) return;
    this.add(slot + 1, 1);
    this.failures++;
  }

  expire(now: number): void {
    const bucket = Math.floor(now / this.bucketMs);
    const { newest } = this;
    if (newest !== undefined && bucket <= newest) return; // (3)
    this.newest = bucket;
    const steps = newest === undefined ? 0 : Math.min(bucket - newest, this.counts.length / 2);
    for (let step = 0; step < steps; step++) this.clear(this.slotOf(bucket - step));
  }

  load({ calls, failures }: WindowRun, at: number): void {
    this.expire(at);
    const slot = this.slotOf(this.newest as number);
    this.add(slot, calls);
    this.add(slot + 1, failures);
    this.calls += calls;
    this.failures += failures;
  }

  save(now: number): WindowRecord {
    this.expire(now);
    const newest = this.newest as number;
    const runs: WindowRun[] = [];
    for (let bucket = newest - this.counts.length / 2 + 1; bucket <= newest; bucket++) {
      const slot = this.slotOf(bucket);
      const [calls, failures] = [this.counts[slot] as number, this.counts[slot + 1] as number];
      if (calls > 0) runs.push({ ageMs: Math.max(0, now - (bucket + 0.5) * this.bucketMs), calls, failures });
    }
    return runs;
  }

  /** Where the calls of a bucket are counted. The ring goes on below time zero. */
  private slotOf(bucket: number): number {
    const size = this.counts.length / 2;
    return 2 * (((bucket % size) + size) % size);
  }

  private add(index: number, count: number): void {
    this.counts[index] = (this.counts[index] as number) + count;
  }

  private clear(slot: number): void {
    this.calls -= this.counts[slot] as number;
    this.failures -= this.counts[slot + 1] as number;
    this.counts[slot] = 0;
    this.counts[slot + 1] = 0;
  }
}
