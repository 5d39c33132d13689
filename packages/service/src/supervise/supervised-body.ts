/**
 * Supervised body: what a supervisor runs, and what it tells of its crashes. A loop, a child process and a worker thread all
 * have this one shape.
 *
 * @module
 */

import { type Context, ResilienceError, nameErrorClass } from '@holdfast/core';

import type { CrashVerdict } from './restart-intensity.ts';

/**
 * Runs until its context ends. When it returns or throws before, it has ended by itself; `restart` says what that means. A
 * promise cannot be killed: a loop must heed its context.
 */
export type SupervisedBody = (context: Context, run: SupervisedRun) => unknown;

/** One run of a body. */
export interface SupervisedRun {
  /** Number of the run; the first is 1. */
  readonly number: number;
  /** Whether it has crashed so often that it should do only what is essential. */
  readonly isSafeMode: boolean;
  /** How the run before ended; undefined for the first. */
  readonly lastCrash: CrashReport | undefined;
  /** Says that it is not stuck. Needed only with `stallAfterMs`. */
  beat(): void;
}

/** How a run has ended that should not have. */
export interface CrashReport {
  readonly name: string;
  /** Number of the run. */
  readonly run: number;
  /** `failed`: it threw; `returned`: it ended although it is permanent; `stalled`: it did not say in time that it is not stuck. */
  readonly kind: 'failed' | 'returned' | 'stalled';
  /** What it threw, by identity; a `StalledError` where it stalled; undefined where it returned. */
  readonly error: unknown;
  readonly ranForMs: number;
  /** Whether it goes on nevertheless: it stalled, and did not end when its context had. */
  readonly isAbandoned: boolean;
  readonly verdict: CrashVerdict;
  /** Milliseconds until it runs again; undefined where it has been given up. */
  readonly restartInMs: number | undefined;
  /** The last lines that a child process has printed; empty for others. */
  readonly lastOutput: readonly string[];
}

/** The run did not say in time that it is not stuck. */
export class StalledError extends ResilienceError {
  readonly code = 'STALLED';
  readonly stallAfterMs: number;

  constructor(policy: string, stallAfterMs: number) {
    super(`${policy} has not given a sign of life for ${stallAfterMs} ms`, { policy });
    this.stallAfterMs = stallAfterMs;
  }
}

/** A child process or a worker thread has ended, and not with code 0. */
export class ChildExitError extends ResilienceError {
  readonly code = 'CHILD_EXITED';
  /** Its exit code; undefined where a signal has ended it. */
  readonly exitCode: number | undefined;
  /** The signal that has ended it. */
  readonly signal: string | undefined;
  /** The last lines that it has printed, the newest last. */
  readonly lastOutput: readonly string[];

  constructor(exitCode: number | undefined, signal: string | undefined, lastOutput: readonly string[] = []) {
    super(signal === undefined ? `the child ended with code ${exitCode}` : `the child was ended by ${signal}`);
    this.exitCode = exitCode;
    this.signal = signal;
    this.lastOutput = lastOutput;
  }
}

// --- internal ---

nameErrorClass(StalledError, 'StalledError');
nameErrorClass(ChildExitError, 'ChildExitError');
