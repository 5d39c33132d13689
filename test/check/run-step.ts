/**
 * Runs one step of the check: bounded in time, one line when it ends, its output only when it fails.
 *
 * @module
 */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';

import { repository } from '../repository.ts';
import type { Step } from './steps.ts';
import { type TestCount, countTests } from './vitest-result.ts';

/** What a step adds to the totals. */
export interface StepResult {
  readonly passed: number;
  readonly failed: number;
}

interface Ended {
  /** 0 for success; undefined when ended by a signal, ours at the time limit included. */
  readonly status: number | undefined;
  readonly output: string;
  readonly isLate: boolean;
}

const heartbeatMs = 30_000;
const shownLines = 200;
const isCi = (process.env['CI'] ?? '') !== '';

/** Runs `step` and prints its line. Never rejects: what goes wrong counts as failed. */
export async function runStep(step: Step): Promise<StepResult> {
  const startedAt = Date.now();
  const folder = mkdtempSync(`${tmpdir()}/holdfast-check-`);
  const report = `${folder}/tests.json`;

  const ended = await execute(step, step.kind === 'vitest' ? reporters(report) : []);
  const result = judge(step, ended, report);
  rmSync(folder, { recursive: true, force: true });

  print(step, ended, result, startedAt);
  return result;
}

// --- internal ---

function reporters(report: string): string[] {
  return ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
}

function judge(step: Step, { status }: Ended, report: string): TestCount {
  if (step.kind === 'vitest') return countTests(report, status === 0);
  const nothing = { passed: 0, failed: 0, skipped: [], complaints: [] };
  if (step.kind === 'advice') return nothing;
  return status === 0 ? { ...nothing, passed: 1 } : { ...nothing, failed: 1 };
}

function execute(step: Step, extra: readonly string[]): Promise<Ended> {
  const [file, ...args] = step.command;
  // A process group of its own, so that the time limit also ends what the tool has started.
  const child = spawn(file, [...args, ...extra], {
    cwd: repository,
    detached: true,
    env: { ...process.env, NO_COLOR: '1', TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });

  let output = '';
  let isLate = false;
  const collect = (chunk: Buffer) => (output += chunk.toString());
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);

  const startedAt = Date.now();
  const heartbeat = setInterval(() => console.log(`  ...   ${step.name}, ${secondsSince(startedAt)} s`), heartbeatMs);
  const limit = setTimeout(() => {
    isLate = true;
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, step.limitSeconds * 1000);

  return new Promise((resolve) => {
    const end = (status: number | undefined, text: string) => {
      clearInterval(heartbeat);
      clearTimeout(limit);
      resolve({ status, output: text, isLate });
    };
    child.once('error', (error) => end(undefined, error.message));
    child.once('close', (code) => end(code ?? undefined, output));
  });
}

function print(step: Step, ended: Ended, result: TestCount, startedAt: number): void {
  const { failed, skipped, complaints } = result;
  const time = `${secondsSince(startedAt)} s`.padStart(6);
  console.log(`${wordOf(step, ended, failed)}  ${step.name.padEnd(10)} ${time}${noteOf(step, ended, result)}`);
  if (isCi && skipped.length > 0) console.log(indent(skipped.map((name) => `skipped: ${name}`)));
  if (failed > 0) console.log(indent([...ended.output.trimEnd().split('\n').slice(-shownLines), ...complaints]));
}

/** Advice that was not taken stands out, and fails nothing. */
function wordOf({ kind }: Step, { status }: Ended, failed: number): string {
  if (kind === 'advice' && status !== 0) return 'WARN';
  return failed > 0 ? 'FAIL' : 'ok  ';
}

function noteOf(step: Step, { output, isLate }: Ended, { passed, failed, skipped }: TestCount): string {
  if (step.kind === 'advice') return `  ${output.trim().split('\n').at(-1) ?? ''}`;
  if (isLate) return `  ended after its limit of ${step.limitSeconds} s`;
  if (step.kind !== 'vitest') return '';
  const others = [...(failed > 0 ? [`${failed} failed`] : []), `${skipped.length} skipped`];
  return `  ${passed} passed, ${others.join(', ')}`;
}

function indent(lines: readonly string[]): string {
  return lines.map((line) => `      | ${line}`).join('\n');
}

function secondsSince(startedAt: number): number {
  return Math.round((Date.now() - startedAt) / 1000);
}
