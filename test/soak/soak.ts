/**
 * Soak: runs {@link SoakReport a soak} in a fresh process and says what is wrong with it.
 *
 * @module
 */

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { inRepository } from '../repository.ts';
import { type Growth, growthOf } from './slope.ts';
import type { SoakReport } from './soak-process.ts';

/** A soak to run. */
export interface SoakPlan {
  readonly calls: number;
  readonly seed: number;
  /** Faults to plant, by name. */
  readonly plants?: readonly string[];
  /** What the heap may grow by. Bytes. @defaultValue {@link maxGrowthBytes} */
  readonly maxGrowthBytes?: number;
}

/** A soak that has run. */
export interface SoakVerdict {
  readonly report: SoakReport | undefined;
  readonly growth: Growth | undefined;
  /** Milliseconds that the process took to end after its work. */
  readonly exitMs: number | undefined;
  /** What is wrong, as sentences; empty if nothing is. */
  readonly complaints: readonly string[];
}

/** Share of the samples in which the heap may still find its size. */
export const warmUpRatio = 0.4;
/** The line through the samples may grow by this much in all, whatever the number of calls. Bytes. */
export const maxGrowthBytes = 192 * 1024;
/** A process whose work is done must end within this time. Milliseconds. */
const maxExitMs = 250;

/** What must have happened in a soak, or it has shown nothing. */
const wantedEvents = [
  'bulkhead.rejected',
  'circuit-breaker.rejected',
  'fallback.used',
  'hedge.started',
  'hedge.won',
  'rate-limiter.rejected',
  'retry.scheduled',
  'timeout.expired',
  'timeout.settled-late',
];

/** Runs a soak in a fresh process. Never rejects. */
export async function soak(plan: SoakPlan): Promise<SoakVerdict> {
  const { output, status } = await runProcess(plan);
  const [first = '', second] = output.trim().split('\n');
  const report = first.startsWith('{') ? (JSON.parse(first) as SoakReport) : undefined;
  const exitMs = second === undefined ? undefined : Number(second);
  if (report === undefined || exitMs === undefined)
    return {
      report,
      growth: undefined,
      exitMs,
      complaints: [...(report?.left ?? []), `the process ended with ${status}`],
    };

  const growth = growthOf(report.samples, warmUpRatio);
  const complaints = [
    ...complaintsOf(report),
    ...complaintsOfEnd(growth, exitMs, plan.maxGrowthBytes ?? maxGrowthBytes),
  ];
  return { report, growth, exitMs, complaints: status === '0' ? complaints : [...complaints, `exit status ${status}`] };
}

// --- internal ---

function runProcess({ calls, seed, plants = [] }: SoakPlan): Promise<{ output: string; status: string }> {
  const flags = ['--expose-gc', '--conditions=@holdfast/source', '--import', 'tsx'];
  const program = fileURLToPath(new URL('soak-process.ts', import.meta.url));
  const child = spawn(process.execPath, [...flags, program, String(calls), String(seed), plants.join()], {
    cwd: inRepository('test'),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  let limit: NodeJS.Timeout | undefined;
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    limit ??= setTimeout(() => child.kill('SIGKILL'), 5000); // after its report it has nothing left to do
  });
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ output, status: error.message }));
    child.once('close', (code, signal) => {
      clearTimeout(limit);
      resolve({ output, status: signal ?? String(code) });
    });
  });
}

function complaintsOf({ started, settled, outcomes, unexpected, told, left }: SoakReport): string[] {
  const missing = [
    ...wantedEvents.filter((type) => told[type] === undefined),
    ...Object.entries(outcomes).flatMap(([outcome, count]) => (count === 0 ? [outcome] : [])),
  ];
  return [
    ...(started === settled ? [] : [`${started - settled} calls never settled`]),
    ...unexpected.map((outcome) => `a call came to ${outcome}`),
    ...missing.map((what) => `no call came to ${what}`),
    ...left,
  ];
}

function complaintsOfEnd({ bytes }: Growth, exitMs: number, maxBytes: number): string[] {
  return [
    ...(bytes <= maxBytes ? [] : [`the heap grew by ${Math.round(bytes / 1024)} KiB`]),
    ...(exitMs <= maxExitMs ? [] : [`the process took ${exitMs} ms to end`]),
  ];
}
