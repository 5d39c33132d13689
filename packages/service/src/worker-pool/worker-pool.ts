/**
 * Worker pool: runs work for callers who wait for it, so much at once and no more, and can be drained.
 *
 * It is a bulkhead that knows what is under way: the bounds, the queue and its order are the bulkhead's.
 *
 *   run() ── open ─► bulkhead: runs, waits its turn, or is refused ── settles ─► settled
 *     └───── draining ─► DrainingError                └─ drain's deadline ─► its context ends, then abandoned
 *
 * Invariants
 *  (1) At most `maxConcurrent` runs are at work; the wait for a turn is inside the caller's deadline.
 *  (2) What a drain has found waiting still gets its turn, while there is time.
 *  (3) The caller gets the work's value or error by identity.
 *
 * @module
 */

import {
  type Bulkhead,
  type BulkheadChanges,
  type BulkheadOptions,
  type BulkheadSnapshot,
  type Clock,
  Context,
  type DrainReport,
  DrainingError,
  type InFlight,
  type RunInFlight,
  bulkhead,
  createInFlight,
  inRange,
  isFunction,
  systemClock,
  withKnown,
  requireContext,
} from '@holdfast/core';

import { Deferred } from '../ports/deferred.ts';

/** Options of {@link workerPool}: those of a bulkhead, and of its drain. Omitted ones take {@link workerPoolDefaults}. */
export interface WorkerPoolOptions extends Omit<BulkheadOptions, 'name' | 'maxQueued' | 'enforcement' | 'store'> {
  /** Names this instance in errors, events and metrics. @defaultValue 'worker-pool' */
  readonly name?: string;
  /** Runs that may wait for a turn; one more is refused. Integer, 0 to 1 000 000. @defaultValue 1000 */
  readonly maxQueued?: number;
  /** Time that a drain without a context may take. Milliseconds, 0 or more; Infinity waits for all. @defaultValue 5000 */
  readonly drainTimeoutMs?: number;
  /** As a tracker's: how long before the end of a drain the rest is cancelled. Milliseconds, 0 to 600 000. @defaultValue 500 */
  readonly graceMs?: number;
}

/** The defaults of {@link workerPool} that are not a bulkhead's, in one place. */
export const workerPoolDefaults: {
  readonly name: string;
  readonly maxQueued: number;
  readonly drainTimeoutMs: number;
  readonly graceMs: number;
  readonly clock: Clock;
} = Object.freeze({
  name: 'worker-pool',
  maxQueued: 1000,
  drainTimeoutMs: 5000,
  graceMs: 500,
  clock: systemClock,
});

/** A pool of workers. */
export interface WorkerPool extends AsyncDisposable {
  readonly name: string;
  /** Runs `work` when it is its turn, and settles as it does. The work's context ends with `context`, or with a drain. */
  run<T>(work: (context: Context) => T | PromiseLike<T>, context?: Context): Promise<T>;
  /** Takes nothing new, and waits until all runs have ended, those that wait for a turn included, or `context` has. Never rejects. */
  drain(context?: Context): Promise<DrainReport>;
  /** Whether nothing runs and nothing waits. What runs on after its caller was told still runs. */
  isIdle(): boolean;
  /** What runs and waits, as the bulkhead tells it. */
  snapshot(): BulkheadSnapshot;
  /** Changes limits without losing a run: `update({ maxConcurrent: 2 })`. */
  update(changes: BulkheadChanges): void;
}

/**
 * Creates a worker pool.
 *
 * @param options - Options, or just `maxConcurrent`.
 * @throws ConfigError at creation and from update, when an option is out of range.
 * @throws DrainingError from run, when a drain has begun; the work was not run.
 * @throws BulkheadFullError from run, when the queue is full or the turn does not come in time; the work was not run.
 * @throws `context.cause` from run, when the context ended while it waited.
 *
 * @example
 * ```ts
 * const thumbnails = workerPool({ name: 'thumbnails', maxConcurrent: 4, maxQueued: 100 });
 * const image = await thumbnails.run((context) => resize(upload, context), requestContext);
 * ```
 */
export function workerPool(options: WorkerPoolOptions | number = {}): WorkerPool {
  const given = typeof options === 'number' ? { maxConcurrent: options } : options;
  const resolved = withKnown('worker-pool', workerPoolDefaults, given, poolOptions);
  const { drainTimeoutMs, graceMs, ...limits } = resolved;
  inRange('worker-pool.drainTimeoutMs', drainTimeoutMs, [0, Infinity]);
  inRange('worker-pool.graceMs', graceMs, [0, 600_000]);
  return new BulkheadPool(bulkhead(limits), { clock: limits.clock, drainTimeoutMs, graceMs });
}

// --- internal ---

/** What the bulkhead takes besides. */
const poolOptions =
  'maxConcurrent maxWaitMs minRunMs order standingAfterMs priorityOf random events captureAsyncContext'.split(' ');

interface DrainSettings {
  readonly clock: Clock;
  readonly drainTimeoutMs: number;
  readonly graceMs: number;
}

class BulkheadPool implements WorkerPool {
  readonly name: string;
  readonly #permits: Bulkhead;
  readonly #settings: DrainSettings;
  readonly #inFlight: InFlight;

  constructor(permits: Bulkhead, settings: DrainSettings) {
    this.name = permits.name;
    this.#permits = permits;
    this.#settings = settings;
    const { clock, graceMs } = settings;
    this.#inFlight = createInFlight({ name: permits.name, clock, graceMs });
  }

  async run<T>(
    work: (context: Context) => T | PromiseLike<T>,
    context: Context = Context.withClock(this.#settings.clock),
  ): Promise<T> {
    isFunction(`${this.name}.run work`, work);
    requireContext(`${this.name}.run`, context);
    const label = work.name === '' ? this.name : work.name;
    if (!this.#inFlight.isOpen) throw new DrainingError(this.name, label);
    const own = context.withCancel();
    const run = this.#inFlight.begin(label, own);
    const turn = new Deferred<Context>();
    const working = turn.promise.then(work); // here, so that it runs in the async context of this call
    let hasBegun = false;
    const result = this.#permits.execute((ending) => {
      hasBegun = true;
      turn.resolve(ending);
      return working;
    }, own); // (1), (3)
    void this.#follow(run, result, () => (hasBegun ? working : undefined));
    return result;
  }

  drain(context?: Context): Promise<DrainReport> {
    const { clock, drainTimeoutMs } = this.#settings;
    if (context !== undefined) requireContext(`${this.name}.drain`, context);
    return this.#inFlight.drain(context ?? Context.withClock(clock).withTimeout(drainTimeoutMs));
  }

  isIdle(): boolean {
    return this.#inFlight.size === 0;
  }

  snapshot(): BulkheadSnapshot {
    return this.#permits.snapshot();
  }

  update(changes: BulkheadChanges): void {
    this.#permits.update(changes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }

  // --- internal ---

  /** The caller is told when the context ends; the run is over when its work is, which may be later. */
  async #follow(run: RunInFlight, result: Promise<unknown>, working: () => unknown): Promise<void> {
    const hasFailed = await failureOf(result);
    const hasWorkFailed = await failureOf(working());
    this.#inFlight.end(run, hasFailed || hasWorkFailed);
  }
}

/** Waits for `result`. Returns whether it has failed. */
async function failureOf(result: unknown): Promise<boolean> {
  try {
    await result;
    return false;
  } catch {
    return true;
  }
}
