/**
 * Child process: the body of a supervisor that is a process of its own.
 *
 *   running ── exits with 0 ─► returned     context ends ─► asked by `stopSignal` ── killAfterMs ─► SIGKILL
 *           └── another code, a signal, does not start ─► failed (ChildExitError, or the error of the start)
 *
 * Invariants
 *  (1) The body settles when the child has exited, and not before: two children of one body never run side by side.
 *  (2) A child that does not heed its signal, or could not be sent it, is killed `killAfterMs` later.
 *  (3) What it prints to stderr is remembered up to `lastLineCount` lines, and passed on to nobody.
 *
 * @module
 */

import { constants } from 'node:os';

import {
  type Clock,
  type Context,
  ConfigError,
  inRange,
  integerInRange,
  isFunction,
  systemClock,
  withKnown,
} from '@holdfast/core';

import { LastLines } from './last-lines.ts';
import { ChildExitError, type SupervisedBody, type SupervisedRun } from './supervised-body.ts';

/** What is asked of a child: `ChildProcess` of node:child_process has it. */
export interface ChildPort {
  on(event: 'exit', listener: (code: number | null, signal: string | null) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  kill(signal?: NodeJS.Signals): unknown;
  readonly pid?: number | undefined;
  readonly stderr?: { on(event: 'data', listener: (chunk: Uint8Array | string) => void): unknown } | null;
}

/** Options of {@link childProcess}. Omitted ones take {@link childProcessDefaults}. */
export interface ChildProcessOptions {
  /** Signal by which it is asked to end; one that this platform knows. @defaultValue 'SIGTERM' */
  readonly stopSignal?: NodeJS.Signals;
  /** Time that it may take to end before it is killed. Milliseconds, 0 to 600 000. @defaultValue 5000 */
  readonly killAfterMs?: number;
  /** Lines of its stderr that are remembered for the crash report. Integer, 0 to 1000. @defaultValue 20 */
  readonly lastLineCount?: number;
  readonly clock?: Clock;
}

/** Every default of {@link childProcess}, in one place. */
export const childProcessDefaults: Required<ChildProcessOptions> = Object.freeze({
  stopSignal: 'SIGTERM',
  killAfterMs: 5000,
  lastLineCount: 20,
  clock: systemClock,
});

/**
 * Makes a body of a child process. `spawn` is called for every run, with what `supervise` tells of it; every message that the
 * child sends over its channel is a sign of life.
 *
 * Only the child itself is signalled, not what it has started: let it end its own children.
 *
 * @throws ConfigError when an option is out of range.
 *
 * @example
 * ```ts
 * supervise('mailer', childProcess(() => fork('mailer.js')), { stallAfterMs: 10_000 });
 * ```
 */
export function childProcess(
  spawn: (run: SupervisedRun) => ChildPort,
  options: ChildProcessOptions = {},
): SupervisedBody {
  isFunction('childProcess spawn', spawn);
  const settings = withKnown('childProcess', childProcessDefaults, options);
  if (!Object.hasOwn(constants.signals, settings.stopSignal))
    throw new ConfigError('childProcess.stopSignal', 'a signal of this platform', settings.stopSignal);
  inRange('childProcess.killAfterMs', settings.killAfterMs, [0, 600_000]);
  integerInRange('childProcess.lastLineCount', settings.lastLineCount, [0, 1000]);
  return (context, run) => runChild(context, run, { spawn, ...settings });
}

// --- internal ---

interface ChildSettings extends Required<ChildProcessOptions> {
  readonly spawn: (run: SupervisedRun) => ChildPort;
}

function runChild(context: Context, run: SupervisedRun, settings: ChildSettings): Promise<void> {
  const { spawn, clock, stopSignal, killAfterMs } = settings;
  const child = spawn(run);
  if (typeof child?.kill !== 'function') throw new ConfigError('childProcess spawn()', 'a child process', child);
  const lines = new LastLines(settings.lastLineCount);
  child.stderr?.on('data', (chunk) => lines.add(chunk)); // (3)
  child.on('message', () => run.beat());
  return new Promise((resolve, reject) => {
    const stop = context.onCancel(() => {
      clock.setTimer(() => child.kill('SIGKILL'), killAfterMs).unref(); // (2): it does nothing to a child that has gone
      child.kill(stopSignal);
    });
    child.on('error', (error) => {
      if (child.pid !== undefined) return; // that of a signal or a message which came too late
      stop();
      reject(error);
    });
    child.on('exit', (code, signal) => {
      stop();
      if (code === 0) resolve(); // (1)
      else clock.setTimer(() => reject(exitError(code, signal, lines)), OUTPUT_MS); // the last that it printed may be under way
    });
  });
}

/** How long the last output of a child may take to arrive after its exit. Milliseconds. */
const OUTPUT_MS = 20;

function exitError(code: number | null, signal: string | null, lines: LastLines): ChildExitError {
  return new ChildExitError(code ?? undefined, signal ?? undefined, lines.all());
}
