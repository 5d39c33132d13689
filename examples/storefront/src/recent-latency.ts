/**
 * Recent latency: a histogram of the last few seconds, made of one histogram per second.
 *
 * @module
 */

import { type RecordableHistogram, createHistogram } from 'node:perf_hooks';

/** Latencies of the last {@link RECENT_SECONDS} seconds. */
export interface RecentLatency {
  record(tookMs: number, nowMs: number): void;
  /** Values recorded lately. */
  count(nowMs: number): number;
  /** The latency, in milliseconds, that `percent` per cent of the values did not exceed; undefined without values. */
  percentileMs(percent: number, nowMs: number): number | undefined;
}

/** How far it looks back, at most. */
export const RECENT_SECONDS = 3;

/** Creates an empty one. */
export function recentLatency(): RecentLatency {
  const slots = Array.from({ length: RECENT_SECONDS }, (): Slot => ({ second: -1, histogram: createHistogram() }));
  const live = (nowMs: number): Slot[] => slots.filter(({ second }) => second > nowMs / 1000 - RECENT_SECONDS);
  return {
    record: (tookMs, nowMs) => slotAt(slots, nowMs).histogram.record(toMicros(tookMs)),
    count: (nowMs) => live(nowMs).reduce((sum, { histogram }) => sum + histogram.count, 0),
    percentileMs: (percent, nowMs) => {
      const merged = createHistogram();
      for (const { histogram } of live(nowMs)) merged.add(histogram);
      return percentileMs(merged, percent);
    },
  };
}

/** Milliseconds as the whole, positive microseconds that a histogram takes. */
export function toMicros(ms: number): number {
  return Math.max(1, Math.round(ms * 1000));
}

/** Reads a histogram of microseconds. Milliseconds; undefined when it is empty. */
export function percentileMs(histogram: RecordableHistogram, percent: number): number | undefined {
  return histogram.count === 0 ? undefined : histogram.percentile(percent) / 1000;
}

// --- internal ---

interface Slot {
  second: number;
  readonly histogram: RecordableHistogram;
}

function slotAt(slots: readonly Slot[], nowMs: number): Slot {
  const second = Math.floor(nowMs / 1000);
  const slot = slots[second % slots.length] as Slot;
  if (slot.second !== second) {
    slot.second = second;
    slot.histogram.reset();
  }
  return slot;
}
