/**
 * Outcome paths: how calls ended, per sample, as bars one on the other; and lines of latencies.
 *
 * @module
 */

import type { Sample } from '../api/answers.ts';
import type { RowOf } from '../state/rates.ts';

/** What is drawn: the last `count` samples, the newest at the right. */
export interface SeriesView {
  readonly count: number;
  readonly width: number;
  readonly height: number;
}

/** The outlines of bars, and what the highest stands for. */
export interface OutcomePaths {
  readonly success: string;
  readonly failure: string;
  readonly refused: string;
  /** Calls in the fullest sample, at least 1. */
  readonly peak: number;
}

/** Returns the bars of a series: failures at the foot, where they are seen best, then what was refused, then successes. */
export function outcomePaths(samples: readonly Sample[], rowOf: RowOf, view: SeriesView): OutcomePaths {
  const rows = lastOf(samples, view.count).map((sample) => (sample && rowOf(sample)) ?? []);
  const peak = Math.max(1, ...rows.map((row) => totalOf(row)));
  const paths = { success: '', failure: '', refused: '' };
  const step = view.width / view.count;
  for (const [index, [success = 0, failure = 0, ignored = 0, refused = 0]] of rows.entries()) {
    const bar = { left: index * step, right: (index + 1) * step - Math.min(1, step / 4) };
    let foot = view.height;
    for (const [name, calls] of [
      ['failure', failure],
      ['refused', refused],
      ['success', success + ignored],
    ] as const) {
      if (calls === 0) continue;
      const top = foot - Math.max(1, (calls / peak) * view.height);
      paths[name] += `M${short(bar.left)} ${short(foot)}V${short(top)}H${short(bar.right)}V${short(foot)}Z`;
      foot = top;
    }
  }
  return { ...paths, peak };
}

/** Returns a line through the values that there are; a gap where there is none. `peak` is the value at the top. */
export function linePath(values: readonly (number | undefined)[], peak: number, view: SeriesView): string {
  const step = view.width / view.count;
  let isDown = false;
  let path = '';
  for (const [index, value] of values.entries()) {
    if (value === undefined) {
      isDown = false;
      continue;
    }
    const y = view.height - Math.min(1, value / (peak || 1)) * (view.height - 1);
    path += `${isDown ? 'L' : 'M'}${short((index + 0.5) * step)} ${short(y)}`;
    if (!isDown) path += `h0.1`; // a value alone is seen as a dot
    isDown = true;
  }
  return path;
}

/** Returns the last `count` samples, with undefined in front where there are not as many. */
export function lastOf<Value>(values: readonly Value[], count: number): readonly (Value | undefined)[] {
  const last = values.slice(-count);
  return [...Array.from<undefined>({ length: count - last.length }), ...last];
}

// --- internal ---

function totalOf([success = 0, failure = 0, ignored = 0, refused = 0]: readonly number[]): number {
  return success + failure + ignored + refused;
}

function short(value: number): number {
  return Math.round(value * 10) / 10;
}
