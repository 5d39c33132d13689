/**
 * Rounds: measures rows against each other in one process, interleaved.
 *
 * After a warm-up, each round runs a batch of every row, starting one row further than the round before. A row's batch
 * always has the same number of calls, chosen in the warm-up so that it takes about `batchMs`. Before each batch, garbage
 * of the one before is collected, and timers get a turn.
 *
 * @module
 */

import { type Loop, loopOf } from './loop.ts';
import { type Row, baselineOf } from './subject.ts';
import { type Spread, pairedRatios, rotated, spreadOf } from './statistics.ts';

/** How long to measure. */
export interface Effort {
  readonly rounds: number;
  /** Time that one batch of a row should take. Milliseconds. */
  readonly batchMs: number;
  /** Time for which each row runs before it counts. Milliseconds. */
  readonly warmUpMs: number;
}

/** A row, measured. */
export interface Measured {
  readonly name: string;
  readonly title: string;
  /** Name of the row that it is compared with. */
  readonly baseline: string;
  /** Time of a call, of the baseline's in the same round. */
  readonly ratio: Spread;
  /** Time of one call. Nanoseconds. */
  readonly callNs: Spread;
  /** Calls per batch. */
  readonly callCount: number;
}

/** Measures `rows`, their baselines among them. `onProgress` hears how far it is, from 0 to 1. */
export async function measureRows(
  rows: readonly Row[],
  effort: Effort,
  onProgress: (share: number) => void = () => {},
): Promise<Measured[]> {
  const runners: Runner[] = [];
  for (const row of rows) runners.push(await warmUp(row, effort));
  for (let round = 0; round < effort.rounds; round++) {
    for (const runner of rotated(runners, round)) {
      await quiet();
      runner.batchesMs.push(await runner.loop(runner.callCount));
    }
    onProgress((round + 1) / effort.rounds);
  }
  for (const runner of runners) runner.close();
  return runners.map((runner) => toMeasured(runner, callTimes(baseOf(runner, runners))));
}

// --- internal ---

interface Runner {
  readonly row: Row;
  readonly loop: Loop;
  readonly callCount: number;
  readonly batchesMs: number[];
  readonly close: () => void;
}

async function warmUp(row: Row, { warmUpMs, batchMs }: Effort): Promise<Runner> {
  const subject = await row.prepare();
  const loop = loopOf(row.name, subject, { laneCount: row.inFlightCount, isSync: row.isSync });
  let count = 64;
  let spentMs = 0;
  let lastMs = 0;
  while (spentMs < warmUpMs || lastMs < batchMs / 4) {
    await quiet();
    lastMs = await loop(count);
    spentMs += lastMs;
    if (lastMs < batchMs / 2) count *= 2;
  }
  const callCount = Math.max(1, Math.round((count * batchMs) / lastMs));
  return { row, loop, callCount, batchesMs: [], close: () => subject.close?.() };
}

/** Collects young garbage and gives timers a turn. */
async function quiet(): Promise<void> {
  const { gc } = globalThis as { gc?: (options: { type: 'minor' }) => void };
  gc?.({ type: 'minor' });
  await new Promise((resolve) => setImmediate(resolve));
}

function baseOf({ row }: Runner, runners: readonly Runner[]): Runner {
  const base = runners.find((other) => other.row.name === baselineOf(row));
  if (base === undefined) throw new RangeError(`the rows must include ${baselineOf(row)}, for ${row.name}`);
  return base;
}

function toMeasured(runner: Runner, baseNs: readonly number[]): Measured {
  const { name, title } = runner.row;
  const callNs = callTimes(runner);
  return {
    name,
    title,
    baseline: baselineOf(runner.row),
    ratio: spreadOf(pairedRatios(callNs, baseNs)),
    callNs: spreadOf(callNs),
    callCount: runner.callCount,
  };
}

function callTimes({ batchesMs, callCount }: Runner): number[] {
  return batchesMs.map((ms) => (ms * 1e6) / callCount);
}
