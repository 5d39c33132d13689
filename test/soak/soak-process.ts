/**
 * Soak process: makes the calls, measures the heap beside them, looks for what is left, and ends by itself.
 *
 *   node --expose-gc --conditions=@holdfast/source --import tsx test/soak/soak-process.ts CALLS SEED [PLANT]
 *
 * Prints progress to stderr and a {@link SoakReport} as JSON to stdout, and when it ends the milliseconds that this took.
 * Nothing here calls `process.exit`.
 *
 * @module
 */

import { leftovers } from './leftovers.ts'; // first, to see all timers

import { getEventListeners } from 'node:events';

import { Context, type Random } from '@holdfast/core';
import { seededRandom } from '@holdfast/core/testing';

import { plantIn } from './plant.ts';
import { type Tally, emptyTally, startCall } from './random-call.ts';
import type { Sample } from './slope.ts';
import { type Subject, realSubject, virtualSubject } from './subject.ts';

/** What a soak came to. */
export interface SoakReport {
  readonly started: number;
  readonly settled: number;
  readonly outcomes: Tally['outcomes'];
  readonly unexpected: readonly string[];
  /** Events told, by type. */
  readonly told: Readonly<Record<string, number>>;
  readonly samples: readonly Sample[];
  /** What was left, as sentences. */
  readonly left: readonly string[];
}

const waveSize = 250;
const sampleCount = 60;
/** Share of the calls that are made on the platform's clock. */
const realRatio = 0.04;

const [calls = '200000', seed = '1', plant = ''] = process.argv.slice(2);
const collectGarbage = requireGc();
await main(Number(calls), seededRandom(Number(seed)));

async function main(callCount: number, random: Random): Promise<void> {
  const tally = emptyTally();
  const { signal } = new AbortController();
  const planted = plantIn(plant, { signal, tally });
  const realCount = Math.round(callCount * realRatio);
  const samples: Sample[] = [];

  const virtual: Stage = { subject: virtualSubject(random), signal, tally, planted };
  for (let index = 1; index <= sampleCount; index++) {
    await makeCalls(virtual, Math.round(((callCount - realCount) / sampleCount) * index));
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    samples.push({ calls: tally.started, bytes: heapUsed + external });
    if (index % 15 === 0) console.error(`  ${tally.started} calls`);
  }
  const real: Stage = { subject: realSubject(random), signal, tally, planted };
  await makeCalls(real, callCount);

  const subjects = [virtual.subject, real.subject];
  const held = subjects.flatMap((subject) => subject.held());
  print({
    ...tally,
    unexpected: tally.unexpected.map(String),
    told: sumOf(subjects.map(({ told }) => told)),
    samples,
    left: [...held, ...listenersOn(signal), ...(await leftovers())],
  });
}

// --- internal ---

/** Where calls are made. */
interface Stage {
  readonly subject: Subject;
  /** A signal that outlives all calls. */
  readonly signal: AbortSignal;
  readonly tally: Tally;
  readonly planted: () => void;
}

function requireGc(): () => void {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('run with --expose-gc');
  return () => {
    gc();
  };
}

/** Makes calls in waves until `upTo` were started in all; none runs when it resolves, unless one never settles. */
async function makeCalls({ subject, signal, tally, planted }: Stage, upTo: number): Promise<void> {
  const longLived = { signal, parent: Context.withClock(subject.clock).withCancel() };
  const isDone = () => tally.settled >= tally.started;
  while (tally.started < upTo) {
    const until = Math.min(upTo, tally.started + waveSize);
    subject.weather.isStormy = subject.random() < 0.1;
    while (tally.started < until) {
      startCall(subject, longLived, tally);
      planted();
      if (tally.started % 25 === 0) await subject.pass(subject.random() * 4);
    }
    await subject.finish(isDone);
  }
}

function listenersOn(signal: AbortSignal): string[] {
  const { length } = getEventListeners(signal, 'abort');
  return length === 0 ? [] : [`${length} listeners on a signal that outlives the calls`];
}

function sumOf(all: readonly ReadonlyMap<string, number>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [type, count] of all.flatMap((each) => [...each])) sums[type] = (sums[type] ?? 0) + count;
  return sums;
}

function print(report: SoakReport): void {
  process.stdout.write(`${JSON.stringify(report)}\n`);
  const doneAt = performance.now();
  process.on('exit', () => process.stdout.write(`${Math.ceil(performance.now() - doneAt)}\n`));
}
