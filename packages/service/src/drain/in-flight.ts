/**
 * In flight: what is under way, and how to wait for its end for a limited time.
 *
 *   open ── drain() ─► draining ── all have ended ────────────────────────────► drained (complete)
 *                         └─ grace before the end ─► the rest is cancelled ──┘
 *                                                          └── time is over ─► drained (the rest is abandoned)
 *
 * Invariants
 *  (1) Each run is told to end at most once, and counted as finished or as abandoned, never both.
 *  (2) A drain ends when nothing is under way, or with the first of the contexts that it was given, whichever is first.
 *  (3) What still runs is cancelled `graceMs` before that end, or a fifth of the time if that is less, so that it can tidy up.
 *  (4) The context of a run ends when the run has: nothing that hangs on it is kept any longer.
 *  (5) Timers are set while it drains only, and keep the process alive: a drain that nobody can wait for is none.
 *
 * @module
 */

import { type CancellableContext, CancelledError, type Clock, type Context, type Timer } from '@holdfast/core';

import { Deferred } from '../ports/deferred.ts';
import { type AbandonedRun, DrainIncompleteError, type DrainReport, type FinishedRuns } from './drain-report.ts';

/** One run under way. */
export interface Run {
  readonly name: string;
  /** Instant of the clock. */
  readonly begunAt: number;
  readonly context: CancellableContext;
  readonly place: string | undefined;
}

/** What is under way; whose it is and how long a cancelled run is given. */
export interface InFlightParts {
  readonly policy: string;
  readonly clock: Clock;
  readonly graceMs: number;
  /** Returns where runs of that name are begun, where a run has noted none. */
  readonly placeOf: (name: string) => string | undefined;
  /** Told of the report once. Must not throw. */
  readonly onDrained: (report: DrainReport) => void;
}

/** Runs under way. */
export class InFlight {
  readonly #parts: InFlightParts;
  readonly #runs = new Set<Run>();
  readonly #finished = new Map<string, { count: number; failedCount: number }>();
  readonly #stops: (() => unknown)[] = [];
  readonly #timers: Timer[] = [];
  /** Why the contexts of runs that are over have ended: one for all, since its stack tells nothing. */
  readonly #hasEnded: CancelledError;
  #drain: Deferred<DrainReport> | undefined = undefined;
  #drainedAt: number | undefined = undefined;
  #beganDrainAt = 0;

  constructor(parts: InFlightParts) {
    this.#parts = parts;
    this.#hasEnded = new CancelledError(`the work of ${parts.policy} has ended`, { policy: parts.policy });
  }

  get state(): 'open' | 'draining' | 'drained' {
    if (this.#drain === undefined) return 'open';
    return this.#drainedAt === undefined ? 'draining' : 'drained';
  }

  get size(): number {
    return this.#runs.size;
  }

  /** Runs under way, the oldest first. */
  [Symbol.iterator](): Iterator<Run> {
    return this.#runs[Symbol.iterator]();
  }

  begin(run: Run): Run {
    this.#runs.add(run);
    return run;
  }

  /** Notes that `run` has ended. Returns whether that was in time: false where it had been abandoned. */
  end(run: Run, hasFailed: boolean): boolean {
    run.context.cancel(this.#hasEnded); // (4)
    if (!this.#runs.delete(run)) return false; // (1)
    if (this.#drain !== undefined) {
      this.#note(run.name, hasFailed);
      if (this.#runs.size === 0) this.#finish(undefined); // (2)
    }
    return true;
  }

  /** Waits for what is under way until `context` ends. Called again it waits for the same, and ends with the first context. */
  drain(context: Context): Promise<DrainReport> {
    if (this.#drain === undefined) {
      this.#drain = new Deferred();
      this.#beganDrainAt = this.#parts.clock.now();
    }
    if (this.#drainedAt === undefined) this.#limit(context);
    return this.#drain.promise;
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
      this.#setTimer(() => this.#finish(context.cause), remainingMs); // (5): a listener would not hold the process
    }
    this.#stops.push(context.onCancel((cause) => this.#finish(cause)));
  }

  #setTimer(callback: () => void, delayMs: number): void {
    this.#timers.push(this.#parts.clock.setTimer(callback, delayMs));
  }

  #cancelRest(): void {
    for (const { context } of [...this.#runs].toReversed())
      // what waits goes first, and so takes no place that becomes free
      context.cancel(new CancelledError(`${this.#parts.policy} is being drained`, { policy: this.#parts.policy }));
  }

  #finish(cause: unknown): void {
    if (this.#drainedAt !== undefined) return; // (1)
    const now = this.#parts.clock.now();
    this.#drainedAt = now;
    for (const timer of this.#timers) timer.cancel();
    for (const stop of this.#stops) stop();
    const abandoned = [...this.#runs].map((run) => this.#describe(run, now));
    this.#cancelRest();
    this.#runs.clear();
    const report = this.#report(abandoned, now, cause);
    this.#drain?.resolve(report);
    this.#parts.onDrained(report);
  }

  #describe({ name, begunAt, place }: Run, now: number): AbandonedRun {
    return { name, ageMs: now - begunAt, place: place ?? this.#parts.placeOf(name) };
  }

  #report(abandoned: readonly AbandonedRun[], now: number, cause: unknown): DrainReport {
    const { policy } = this.#parts;
    const finished: FinishedRuns[] = [...this.#finished].map(([name, counts]) => ({ name, ...counts }));
    const error = abandoned.length === 0 ? undefined : new DrainIncompleteError(policy, abandoned, cause);
    return { isComplete: abandoned.length === 0, durationMs: now - this.#beganDrainAt, finished, abandoned, error };
  }

  #note(name: string, hasFailed: boolean): void {
    const counts = this.#finished.get(name) ?? { count: 0, failedCount: 0 };
    counts.count++;
    if (hasFailed) counts.failedCount++;
    this.#finished.set(name, counts);
  }
}
