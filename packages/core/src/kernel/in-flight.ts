/**
 * In flight: what is under way, and how to wait for its end for a limited time.
 *
 *   open ── drain() ─► draining ── all have ended ────────────────────────────► drained (complete)
 *                         └─ grace before the end ─► the rest is cancelled ──┘
 *                                                          └── time is over ─► drained (the rest is abandoned)
 *
 * Invariants
 *  (1) Each run ends at most once, and is counted as finished or as abandoned, never both.
 *  (2) A drain ends when nothing is under way, or with the first of the contexts that it was given, whichever is first.
 *  (3) What still runs is cancelled `graceMs` before that end, or a fifth of the time if that is less, so that it can tidy up;
 *      the newest first, since what waits would else take the places that become free.
 *  (4) The context of a run ends when the run has, or goes on under another: nothing that hangs on it is kept any longer.
 *  (5) Timers are set while it drains only, and keep the process alive: a drain that nobody can wait for is none.
 *  (6) Runs stand in the order in which they were begun, whatever context they go on under.
 *
 * @module
 */

import { CancelledError } from './cancellation.ts';
import type { Clock } from './clock.ts';
import type { CancellableContext, Context } from './context.ts';
import { DrainIncompleteError, type DrainReport } from './drain-report.ts';

/** Whose work it is; how long what is cancelled is given, and what else is to be known of it. They are read when a drain needs them. */
export interface InFlightParts {
  /** Whose it is, in errors: their `policy`. */
  readonly name: string;
  readonly clock: Clock;
  /** How long before the end of a drain the rest is cancelled. Milliseconds; with 0 it is cancelled at the end. */
  readonly graceMs: number;
  /** Returns where runs of that name are begun, where a run has noted no place. By default none is known. */
  readonly placeOf?: (name: string) => string | undefined;
  /** Told of the report once. Must not throw. */
  readonly onDrained?: (report: DrainReport) => void;
}

/** What can be told to end: a context, or what stands for one. It must bear being told again, and once it has ended. Must not throw. */
export interface Endable {
  cancel(cause: unknown): unknown;
}

/** One run under way. */
export interface RunInFlight<E extends Endable = CancellableContext> {
  /** What reports call it: the kind of work, not its id. */
  readonly name: string;
  /** Instant of the clock. */
  readonly begunAt: number;
  /** Under which it runs now. */
  readonly context: E;
  /** Where it was begun, where that was noted. */
  readonly place: string | undefined;
}

/** The runs under way of a tracker, a consumer, a server. Iterating it gives them, the oldest first. */
export interface InFlight<E extends Endable = CancellableContext> extends Iterable<RunInFlight<E>> {
  readonly state: 'open' | 'draining' | 'drained';
  /** Whether no drain has begun. */
  readonly isOpen: boolean;
  /** Runs under way. */
  readonly size: number;
  /** Notes that a run has begun under `context`, which a drain may cancel. Whether it may begin is asked before: `isOpen`. */
  begin(name: string, context: E, place?: string): RunInFlight<E>;
  /** Goes on with `run` under another context, which a drain cancels in place of the first; that one has ended. */
  goOn(run: RunInFlight<E>, context: E): void;
  /** Notes that `run` has ended, and ends its context. Returns whether that was in time: false where it had been abandoned. */
  end(run: RunInFlight<E>, hasFailed: boolean): boolean;
  /**
   * Waits for what is under way until `context` ends. Called again it waits for the same, and ends with the first context. Never
   * rejects.
   */
  drain(context: Context): Promise<DrainReport>;
  /** Whether a context of a run has ended with `cause` because of a drain. */
  isDrainCause(cause: unknown): boolean;
}

/** Makes a list of runs under way: for what begins work of others, and has to wait for it when it is to end. */
export function createInFlight<E extends Endable = CancellableContext>(parts: InFlightParts): InFlight<E> {
  return new Runs<E>(parts);
}

// --- internal ---

type OpenRun<E extends Endable> = { -readonly [Field in keyof RunInFlight<E>]: RunInFlight<E>[Field] };

class Runs<E extends Endable> implements InFlight<E> {
  readonly #parts: InFlightParts;
  readonly #runs = new Set<OpenRun<E>>();
  readonly #finished = new Map<string, { count: number; failedCount: number }>();
  readonly #undo: (() => unknown)[] = [];
  /** Why contexts of runs have ended: one for all, since its stack tells nothing. */
  readonly #isOver: CancelledError;
  #isDrained: CancelledError | undefined = undefined;
  #drained: Promise<DrainReport> | undefined = undefined;
  #resolve: ((report: DrainReport) => void) | undefined = undefined;
  #drainBegunAt = 0;

  constructor(parts: InFlightParts) {
    this.#parts = parts;
    this.#isOver = new CancelledError(`the work of ${parts.name} has ended`, { policy: parts.name });
  }

  get state(): InFlight['state'] {
    if (this.isOpen) return 'open';
    return this.#resolve === undefined ? 'drained' : 'draining';
  }

  get isOpen(): boolean {
    return this.#drained === undefined;
  }

  get size(): number {
    return this.#runs.size;
  }

  [Symbol.iterator](): Iterator<RunInFlight<E>> {
    return this.#runs[Symbol.iterator]();
  }

  begin(name: string, context: E, place?: string): RunInFlight<E> {
    const run = { name, begunAt: this.#parts.clock.now(), context, place };
    this.#runs.add(run);
    return run;
  }

  goOn(run: OpenRun<E>, context: E): void {
    run.context.cancel(this.#isOver); // (4)
    run.context = context; // (6)
  }

  end(run: RunInFlight<E>, hasFailed: boolean): boolean {
    run.context.cancel(this.#isOver); // (4)
    if (!this.#runs.delete(run)) return false; // (1)
    if (this.isOpen) return true;
    const counts = this.#finished.get(run.name) ?? { count: 0, failedCount: 0 };
    counts.count++;
    if (hasFailed) counts.failedCount++;
    this.#finished.set(run.name, counts);
    if (this.#runs.size === 0) this.#finish(undefined); // (2)
    return true;
  }

  drain(context: Context): Promise<DrainReport> {
    if (this.#drained === undefined) {
      this.#drainBegunAt = this.#parts.clock.now();
      this.#drained = new Promise((resolve) => (this.#resolve = resolve));
    }
    if (this.#resolve !== undefined) this.#limit(context);
    return this.#drained;
  }

  isDrainCause(cause: unknown): boolean {
    return this.#isDrained !== undefined && cause === this.#isDrained;
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
      this.#setTimer(() => this.#cancel([...this.#runs]), remainingMs - graceMs);
      this.#setTimer(() => this.#finish(context.cause), remainingMs); // (5): a listener would not hold the process
    }
    this.#undo.push(context.onCancel((cause) => this.#finish(cause)));
  }

  #setTimer(callback: () => void, delayMs: number): void {
    const timer = this.#parts.clock.setTimer(callback, delayMs);
    this.#undo.push(() => timer.cancel());
  }

  #cancel(runs: readonly RunInFlight<E>[]): void {
    const { name } = this.#parts;
    this.#isDrained ??= new CancelledError(`${name} is being drained`, { policy: name });
    for (const { context } of runs.toReversed()) context.cancel(this.#isDrained); // (3)
  }

  #finish(cause: unknown): void {
    const resolve = this.#resolve;
    if (resolve === undefined) return;
    this.#resolve = undefined;
    for (const undo of this.#undo) undo(); // (5)
    const left = [...this.#runs];
    this.#runs.clear(); // (1): one that ends when it is cancelled had been abandoned
    const report = this.#report(left, cause);
    this.#cancel(left);
    resolve(report);
    this.#parts.onDrained?.(report);
  }

  #report(left: readonly RunInFlight<E>[], cause: unknown): DrainReport {
    const { name: policy, clock, placeOf } = this.#parts;
    const now = clock.now();
    const finished = [...this.#finished].map(([name, counts]) => ({ name, ...counts }));
    const abandoned = left.map(({ name, begunAt, place }) => ({
      name,
      ageMs: now - begunAt,
      place: place ?? placeOf?.(name),
    }));
    const error = left.length === 0 ? undefined : new DrainIncompleteError(policy, abandoned, cause);
    return { isComplete: left.length === 0, durationMs: now - this.#drainBegunAt, finished, abandoned, error };
  }
}
