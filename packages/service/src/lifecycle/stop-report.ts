/**
 * Stop report: how the service has ended, step by step.
 *
 * @module
 */

import { type DrainReport, ResilienceError, nameErrorClass, messageOf } from '@holdfast/core';

/** Why the service is stopped. */
export type StopReason =
  | { readonly kind: 'asked'; readonly text: string }
  | { readonly kind: 'signal'; readonly signal: string }
  | { readonly kind: 'fatal'; readonly error: unknown }
  | { readonly kind: 'start-failed'; readonly component: string; readonly error: unknown };

/** One step of stopping: a component drained or closed. */
export interface StopStep {
  readonly component: string;
  readonly kind: 'drain' | 'close';
  /** `done`; `failed`: it threw; `late`: it had not ended when its time was over, and was left behind. */
  readonly outcome: 'done' | 'failed' | 'late';
  readonly durationMs: number;
  /** What it threw, or why its time was over; undefined where it is done. */
  readonly error: unknown;
  /** What a drain has told, if it told anything of the kind. */
  readonly drained: DrainReport | undefined;
}

/** How the service has ended. */
export interface StopReport {
  readonly reason: StopReason;
  /** Whether every step is done, and nothing was abandoned. */
  readonly isComplete: boolean;
  /** Milliseconds from the first word to the last step. */
  readonly durationMs: number;
  /** In the order in which they ended. */
  readonly steps: readonly StopStep[];
  /** Exit code of a process that ends with this: 0 where it is complete and nothing was wrong, else 1. */
  readonly exitCode: 0 | 1;
}

/** The service did not start. What had been started was closed again; `cause` is what the component threw, unchanged. */
export class StartFailedError extends ResilienceError {
  readonly code = 'START_FAILED';
  readonly component: string;
  /** How what had been started was ended. */
  readonly report: StopReport;

  constructor(component: string, cause: unknown, report: StopReport) {
    super(`${component} did not start: ${messageOf(cause)}`, { cause });
    this.component = component;
    this.report = report;
  }
}

// --- internal ---

nameErrorClass(StartFailedError, 'StartFailedError');
