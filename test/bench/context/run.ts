/**
 * Measures what contexts cost: `npm run bench:context -- [--quick] [--json FILE] [--only NAME,...]`. Fails where a bar is missed.
 *
 * @module
 */

import { writeFile } from 'node:fs/promises';

import { Context } from '@holdfast/core';

import { commandLineOf, namesFlag, presence, textFlag } from '../../check/command-line.ts';
import { describeEnvironment } from '../report.ts';
import { batchNs, measureCostRatio } from './cost-ratio.ts';
import { measureFanOut } from './fan-out.ts';
import { forms, hopOf } from './hop.ts';
import { makeRequestContexts } from './request-contexts.ts';
import { measureShedding } from './shedding.ts';

const parts = ['fan-out', 'derive', 'hop', 'shedding', 'requests'] as const;

const { values: options } = commandLineOf({
  command: 'npm run bench:context --',
  purpose: 'Measures what contexts cost, beside AbortControllers, and what a million of them leave behind.',
  flags: {
    quick: presence('fewer and shorter rounds, to see that it runs'),
    json: textFlag('FILE', 'also writes the results to a file'),
    only: namesFlag('some parts; all of them without it', parts),
  },
  examples: ['npm run bench:context -- --quick', 'npm run bench:context -- --only=fan-out,hop --json=context.json'],
});
const size = options.quick
  ? { repeats: 20, rounds: 15, requests: 100_000 }
  : { repeats: 100, rounds: 61, requests: 1_000_000 };
const wanted = new Set<string>(options.only ?? parts);
const results: Record<string, unknown> = { environment: describeEnvironment() };

if (wanted.has('fan-out')) fanOut();
if (wanted.has('derive')) derive();
if (wanted.has('hop')) hop();
if (wanted.has('shedding')) await shedding();
if (wanted.has('requests')) await requests();
if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(results, undefined, 2)}\n`);

// --- internal ---

function fanOut(): void {
  const found = measureFanOut(10_000, size.repeats);
  results['fan-out'] = found;
  const { contexts, controllers, ratio } = found;
  say(
    `10,000 children, cancel to the last: ${ms(contexts.medianMs)} median, ${ms(contexts.p99Ms)} p99 (${ms(contexts.p99CpuMs)} of processor)`,
  );
  say(`  AbortControllers: ${ms(controllers.medianMs)} median, ${ratio.toFixed(1)} times as long`);
  bar('p99 of 10,000 children', Math.min(contexts.p99Ms, contexts.p99CpuMs), 10); // a busy machine is not ours
  bar('AbortControllers take at least 20 times as long', -ratio, -20);
}

function derive(): void {
  const root = Context.background.withCancel();
  const cancelled = (): unknown => {
    const context = root.withCancel();
    context.cancel();
    return context;
  };
  const signal = (): unknown => new AbortController().signal;
  const found = measureCostRatio(cancelled, signal, size.rounds);
  results['derive'] = found;
  say(
    `derive and cancel: ${ns(found.ownNs)}; new AbortController().signal: ${ns(found.otherNs)}; ratio ${found.ratio.toFixed(3)}`,
  );
  bar(
    'ratio of derive and cancel to a native signal',
    found.ratio,
    process.version.startsWith('v20.') ? 0.2 : Infinity,
  );
}

function hop(): void {
  for (const form of forms) {
    const { run, headers } = hopOf(form);
    batchNs(run);
    const us = Math.min(...[1, 2, 3, 4, 5].map(() => batchNs(run))) / 1000;
    const bytes = Object.entries(headers).reduce((sum, [name, text]) => sum + name.length + text.length + 4, 0);
    results[`hop ${form}`] = { us, bytes };
    say(`a hop, values as ${form}: ${us.toFixed(2)} us, ${bytes} bytes of headers`);
    bar(`microseconds of a hop as ${form}`, us, 50);
  }
}

async function shedding(): Promise<void> {
  const found = await measureShedding(100);
  results['shedding'] = found;
  const { all, shed, throughputRatio } = found;
  say(`all enrichers: ${all.perSecond.toFixed(0)} requests a second, p99 ${ms(all.p99Ms)}`);
  say(`  without the dear ones: ${shed.perSecond.toFixed(0)}, p99 ${ms(shed.p99Ms)}`);
  bar('shedding serves at least 1.5 times as many', -throughputRatio, -1.5);
  bar('shedding makes p99 at least 3 times shorter', -(all.p99Ms / shed.p99Ms), -3);
}

async function requests(): Promise<void> {
  const left = await makeRequestContexts(size.requests);
  results['requests'] = left;
  say(
    `${left.requests} request contexts: ${left.bytesPerRequest.toFixed(4)} bytes of heap each, ${left.leakCount} leaks, ` +
      `${left.openCount} open, ${left.listenerCount} listeners, ${left.timerCount} timers, ${left.strangerCount} strangers`,
  );
  bar('bytes of heap per request', left.bytesPerRequest, 1);
  for (const name of ['leakCount', 'openCount', 'listenerCount', 'timerCount', 'strangerCount'] as const)
    bar(`${name} after ${left.requests} requests`, left[name], 0);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function bar(what: string, value: number, most: number): void {
  if (value <= most) return;
  process.exitCode = 1;
  say(`  MISSED: ${what}: ${Math.abs(value)}, bar ${Math.abs(most)}`);
}

function ms(value: number): string {
  return `${value.toFixed(2)} ms`;
}

function ns(value: number): string {
  return `${Math.round(value)} ns`;
}
