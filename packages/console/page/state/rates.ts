/**
 * Rates: what samples come to, per second and as a share.
 *
 * @module
 */

import type { Sample } from '../api/answers.ts';

/** Rates over some samples. */
export interface Rates {
  /** Calls that ran. */
  readonly callsPerSecond: number;
  readonly refusedPerSecond: number;
  /** Share of the calls that ran and failed, 0 to 1; 0 where none ran. */
  readonly failureRatio: number;
  /** Calls that ran, in all. */
  readonly calls: number;
}

/** A row of a sample: success, failure, something else, refused. Undefined where there were no calls. */
export type RowOf = (sample: Sample) => readonly number[] | undefined;

/** Returns the rates over `samples` of a circuit. */
export function ratesOf(samples: readonly Sample[], rowOf: RowOf): Rates {
  const [success, failure, ignored, refused] = summed(samples, rowOf);
  const seconds = samples.reduce((sum, { spanMs }) => sum + spanMs, 0) / 1000 || 1;
  const calls = success + failure + ignored;
  return {
    calls,
    callsPerSecond: calls / seconds,
    refusedPerSecond: refused / seconds,
    failureRatio: success + failure === 0 ? 0 : failure / (success + failure),
  };
}

/** A pipeline has the refused in the third place, and what callers gave up in the fourth. */
export function pipelineRowOf(id: string): RowOf {
  return ({ pipelines }) => {
    const row = pipelines[id];
    return row && [row[0] ?? 0, row[1] ?? 0, row[3] ?? 0, row[2] ?? 0];
  };
}

// --- internal ---

function summed(samples: readonly Sample[], rowOf: RowOf): readonly [number, number, number, number] {
  const sum: [number, number, number, number] = [0, 0, 0, 0];
  for (const sample of samples) {
    const row = rowOf(sample);
    if (row !== undefined) for (let index = 0; index < 4; index++) sum[index] = (sum[index] ?? 0) + (row[index] ?? 0);
  }
  return sum;
}
