/**
 * In flight: the messages that are being handled, and how to wait for their end for a limited time.
 *
 *   open ── drain() ─► draining ── all have ended ─────────────────────────────► drained (complete)
 *                         └─ grace before the end ─► the rest is cancelled ───┘
 *                                                          └── time is over ──► drained (the rest is abandoned)
 *
 * Invariants
 *  (1) Each run is counted as finished or as abandoned, never both.
 *  (2) A drain ends when nothing is under way, or with the first of the contexts that it was given, whichever is first.
 *  (3) What still runs is cancelled `graceMs` before that end, or a fifth of the time if that is less, so that it can tidy up.
 *  (4) Timers are set while it drains only, and none is left afterwards.
 *
 * @module
 */

import { CancelledError, type CancellableContext, type Clock, type Context, type Timer } from '@holdfast/core';

import { type DrainReport, DrainIncompleteError, type FinishedRuns } from './drain-report.ts';

/** One message that is being handled. */
export interface Run {
  /** What the report calls it: the kind of message, not its id. */
  readonly name: string;
  /** Instant of the clock. */
  readonly begunAt: number;
  readonly context: CancellableContext;
}

/** Whose it is, and how long what is cancelled is given. */
export interface InFlightParts {
  readonly name: string;
  readonly clock: Clock;
  readonly graceMs: number;
}

/** Messages under way. */
export class InFlight {
  readonly #parts: InFlightParts;
  readonly #runs = new Set<Run>();
  readonly #finished = new Map<string, { count: number; failedCount: number }>();
  readonly #undo: (() => unknown)[] = [];
  #resolve: ((report: DrainReport) => void) | undefined = undefined;
  #drained: Promise<DrainReport> | undefined = undefined;
  #begunAt = 0;

  constructor(parts: InFlightParts) {
    this.#parts = parts;
  }

  get isDraining(): boolean {
    return this.#drained !== undefined;
  }

  get size(): number {
    return this.#runs.size;
  }

  begin(name: string, context: CancellableContext): Run {
    const run = { name, begunAt: this.#parts.clock.now(), context };
    this.#runs.add(run);
    return run;
  }

  /** Goes on with `run` under another context, which a drain cancels in place of the first. Returns the run from then on. */
  goOn(run: Run, context: CancellableContext): Run {
    const next = { ...run, context };
    if (this.#runs.delete(run)) this.#runs.add(next);
    return next;
  }

  /** Notes that `run` has ended. Nothing is changed where it had been abandoned. */
  end(run: Run, hasFailed: boolean): void {
    if (!this.#runs.delete(run) || this.#drained === undefined) return; // (1)
    const counts = this.#finished.get(run.name) ?? { count: 0, failedCount: 0 };
    counts.count++;
    if (hasFailed) counts.failedCount++;
    this.#finished.set(run.name, counts);
    if (this.#runs.size === 0) this.#finish(undefined); // (2)
  }

  /** Waits for what is under way until `context` ends. Called again it waits for the same, and ends with the first context. */
  drain(context: Context): Promise<DrainReport> {
    if (this.#drained === undefined) {
      this.#begunAt = this.#parts.clock.now();
      this.#drained = new Promise((resolve) => (this.#resolve = resolve));
    }
    if (this.#resolve !== undefined) this.#limit(context);
    return this.#drained;
  }

  // --- internal ---

  #limit(context: Context): void {
    if (this.#runs.size === 0 || context.cancelled) {
      this.#finish(context.cause);
      return;
    }
    const remainingMs = context.remainingMs();
    if (remainingMs !== Infinity) {
      const graceMs = Math.min(this.#parts.graceMs, remainingMs / 5); // (3)
      this.#setTimer(() => this.#cancelRest(), remainingMs - graceMs);
      this.#setTimer(() => this.#finish(context.cause), remainingMs);
    }
    this.#undo.push(context.onCancel((cause) => this.#finish(cause)));
  }

  #setTimer(callback: () => void, delayMs: number): void {
    const timer: Timer = this.#parts.clock.setTimer(callback, delayMs);
    this.#undo.push(() => timer.cancel());
  }

  #cancelRest(): void {
    for (const { context } of this.#runs) context.cancel(drainCause(this.#parts.name));
  }

  #finish(cause: unknown): void {
    const resolve = this.#resolve;
    if (resolve === undefined) return;
    this.#resolve = undefined;
    for (const undo of this.#undo) undo(); // (4)
    const now = this.#parts.clock.now();
    const left = [...this.#runs];
    this.#runs.clear(); // (1): one that ends when it is cancelled had been abandoned
    for (const { context } of left) context.cancel(drainCause(this.#parts.name));
    const abandoned = left.map((run) => ({ name: run.name, ageMs: now - run.begunAt, place: undefined }));
    const finished: FinishedRuns[] = [...this.#finished].map(([name, counts]) => ({ name, ...counts }));
    const error = abandoned.length === 0 ? undefined : new DrainIncompleteError(this.#parts.name, abandoned, cause);
    resolve({ isComplete: abandoned.length === 0, durationMs: now - this.#begunAt, finished, abandoned, error });
  }
}

/** Whether a context has ended because the consumer is being drained. */
export function isDrainCause(cause: unknown): boolean {
  return causes.has(cause as object);
}

// --- internal ---

const causes = new WeakSet<object>();

function drainCause(name: string): CancelledError {
  const cause = new CancelledError(`${name} is being drained`, { policy: name });
  causes.add(cause);
  return cause;
}
