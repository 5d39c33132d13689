/**
 * Recent: counts and latencies of the last few seconds, for the live view. One slot per second; the oldest is reused.
 *
 * @module
 */

import { type RecordableHistogram, createHistogram } from 'node:perf_hooks';

/** Something counted lately. */
export interface RecentCount {
  add(nowMs: number): void;
  perSecond(nowMs: number): number;
}

/** Latencies measured lately. */
export interface RecentLatency {
  record(tookMs: number, nowMs: number): void;
  /** The time, in milliseconds, that `percent` per cent did not exceed; undefined without values. */
  percentileMs(percent: number, nowMs: number): number | undefined;
}

/** How far both look back, at most: the present second and those before. */
export const RECENT_SECONDS = 3;

/** Creates a count of nothing. */
export function recentCount(): RecentCount {
  const ring = slotRing(
    () => ({ count: 0 }),
    (slot) => (slot.count = 0),
  );
  return {
    add: (nowMs) => void ring.at(nowMs).count++,
    perSecond: (nowMs) => ring.live(nowMs).reduce((sum, { count }) => sum + count, 0) / coveredSeconds(nowMs),
  };
}

/** Creates a histogram without values. */
export function recentLatency(): RecentLatency {
  const ring = slotRing(createHistogram, (histogram) => histogram.reset());
  return {
    record: (tookMs, nowMs) => ring.at(nowMs).record(toMicros(tookMs)),
    percentileMs: (percent, nowMs) => {
      const merged = createHistogram();
      for (const histogram of ring.live(nowMs)) merged.add(histogram);
      return percentileMs(merged, percent);
    },
  };
}

/** Seconds that {@link RECENT_SECONDS} slots cover at `nowMs`; the present one has only begun. */
export function coveredSeconds(nowMs: number): number {
  return RECENT_SECONDS - 1 + (nowMs % 1000) / 1000;
}

/** Milliseconds as the whole, positive microseconds that a histogram takes. */
export function toMicros(ms: number): number {
  return Math.max(1, Math.round(ms * 1000));
}

/** Reads a histogram of microseconds. Milliseconds; undefined when it is empty. */
export function percentileMs(histogram: RecordableHistogram, percent: number): number | undefined {
  return histogram.count === 0 ? undefined : histogram.percentile(percent) / 1000;
}

/** A ring of slots, one per second. */
export interface SlotRing<T> {
  /** The slot of the present second, emptied if it was of another. */
  at(nowMs: number): T;
  /** The slots of the last seconds. */
  live(nowMs: number): T[];
}

/** Creates a ring of slots that `make` makes and `empty` empties. */
export function slotRing<T>(make: () => T, empty: (slot: T) => void): SlotRing<T> {
  const slots = Array.from({ length: RECENT_SECONDS }, () => ({ second: -1, value: make() }));
  return {
    at(nowMs) {
      const second = Math.floor(nowMs / 1000);
      const slot = slots[second % RECENT_SECONDS] as (typeof slots)[number];
      if (slot.second !== second) empty(slot.value);
      slot.second = second;
      return slot.value;
    },
    live(nowMs) {
      const oldest = Math.floor(nowMs / 1000) - RECENT_SECONDS + 1;
      return slots.filter(({ second }) => second >= oldest && second !== -1).map(({ value }) => value);
    },
  };
}
