/**
 * Job worker: a worker of BullMQ whose jobs have a context: with the deadline of whoever added them, ended by a cancel, by a
 * lost lock and by a drain that does not wait for ever.
 *
 *   start: makes the worker ─► runs jobs ─► drain: takes none, waits, cancels, puts back ─► close
 *
 * The worker is made by a function of yours, which is given what BullMQ is to call for each job.
 *
 * Invariants
 *  (1) What BullMQ is given has exactly three parameters; with fewer it would give no signal.
 *  (2) No job is begun once a drain has begun; one that comes nevertheless is put back.
 *  (3) Close ends with its context, whatever the handlers and the server do.
 *  (4) It takes no job once the context has ended that all of them hang on.
 *
 * @module
 */

import {
  type Clock,
  ConfigError,
  Context,
  type DrainReport,
  callHook,
  createInFlight,
  defaultTimeoutOf,
  inRange,
  integerInRange,
  isFunction,
  isName,
  reportHookError,
  requireContext,
  systemClock,
  withKnown,
} from '@holdfast/core';

import { type QueueCodec, createQueueCodec, requireQueueCodec } from '../codec.ts';
import { endedBefore } from '../in-flight/ended-before.ts';
import { limitOf } from '../in-flight/limit-of.ts';
import { type WallClock, systemWallClock } from '../wall-clock.ts';
import type { JobLike, JobProcess, JobWorkerLike } from './job-like.ts';
import { type JobCounts, type JobRunParts, runJob } from './job-run.ts';
import { LockWatch } from './lock-watch.ts';

/** Options of {@link jobWorker}. Omitted ones take {@link jobWorkerDefaults}. */
export interface JobWorkerOptions<J = JobLike, R = unknown> {
  /** Name of the component, and of the policy in errors. @defaultValue 'bullmq' */
  readonly name?: string;
  /** Makes the worker: `(process) => new Worker('mails', process, { connection })`. Called once, by start. */
  readonly make: (process: JobProcess) => JobWorkerLike;
  /** Handles a job. What it returns is the result of the job; its context ends when it must stop. */
  readonly handle: (context: Context, job: J) => R | PromiseLike<R>;
  /** What of the context of whoever added a job is believed. By default the deadline, a lower criticality, the trace, the id. */
  readonly codec?: QueueCodec;
  /** What all contexts hang on. By default `Context.background`. */
  readonly context?: Context;
  /** Time that a job may run which brings no deadline. Milliseconds, 1 to 86 400 000, at most `maxTimeoutMs`, to which it is lowered if left out. @defaultValue 60_000 */
  readonly defaultTimeoutMs?: number;
  /** Time that any job may run, whatever it brings. Milliseconds, 1 to 86 400 000. @defaultValue 300_000 */
  readonly maxTimeoutMs?: number;
  /**
   * Time that a handler has to end once its context has; then its job fails without it, and it is abandoned. The same time before
   * the end of a drain, what still runs is cancelled. Milliseconds, 0 or more; Infinity waits for ever. @defaultValue 5000
   */
  readonly graceMs?: number;
  /** Time for which a job is put back that a policy refused without saying for how long. Milliseconds, 0 to 3 600 000. @defaultValue 1000 */
  readonly putBackMs?: number;
  /**
   * Times that a job may be put back before a refusal counts as a failure. Integer, 0 to 1 000 000; 0 puts none back that was
   * refused. @defaultValue 100
   */
  readonly maxPutBackCount?: number;
  /** Time that a drain, or a close, without a context may take. Milliseconds, 0 or more. @defaultValue 10_000 */
  readonly drainTimeoutMs?: number;
  /** Components that its jobs use. By default all that start before it. */
  readonly dependsOn?: readonly string[];
  readonly clock?: Clock;
  /** The calendar by which a job is put back. */
  readonly wallClock?: WallClock;
}

/** Every default of {@link jobWorker}, in one place. */
export const jobWorkerDefaults: {
  readonly name: string;
  readonly defaultTimeoutMs: number;
  readonly maxTimeoutMs: number;
  readonly graceMs: number;
  readonly putBackMs: number;
  readonly maxPutBackCount: number;
  readonly drainTimeoutMs: number;
  readonly clock: Clock;
  readonly wallClock: WallClock;
} = Object.freeze({
  name: 'bullmq',
  defaultTimeoutMs: 60_000,
  maxTimeoutMs: 300_000,
  graceMs: 5000,
  putBackMs: 1000,
  maxPutBackCount: 100,
  drainTimeoutMs: 10_000,
  clock: systemClock,
  wallClock: systemWallClock,
});

/** A worker as a part of the service: a component of a lifecycle. */
export interface JobWorker {
  readonly name: string;
  readonly dependsOn: readonly string[] | undefined;
  /** Makes the worker, and waits until it is connected. */
  start(context?: Context): Promise<void>;
  /** Takes no new job and waits for those that run; what is cut off is put back, without the loss of an attempt. Never rejects. */
  drain(context?: Context): Promise<DrainReport>;
  /** Closes the worker: by force where handlers were left behind, so that others take their jobs when their locks have run out. */
  close(context?: Context): Promise<void>;
  /** Whether no job runs. */
  isIdle(): boolean;
  /** What jobs have come to, and how many run. */
  snapshot(): Readonly<JobCounts> & { readonly running: number };
}

/**
 * Makes a worker that is started, drained and closed.
 *
 * @throws ConfigError at creation, when an option is not valid; from start, when `make` makes no worker, and when it was started or
 * drained before.
 * @throws what `make` throws from start, and `context.cause` where the worker is not connected in time.
 * @throws `context.cause` from close, when that is not over in time.
 *
 * @example
 * ```ts
 * const mails = jobWorker({
 *   make: (process) => new Worker('mails', process, { connection, concurrency: 20 }),
 *   handle: (context, job: Job<Mail>) => send(job.data, context),
 * });
 * await mails.start();
 * ```
 */
export function jobWorker<J extends JobLike = JobLike, R = unknown>(options: JobWorkerOptions<J, R>): JobWorker {
  return new BullWorker(resolve(options));
}

// --- internal ---

type Settings<J, R> = Required<Omit<JobWorkerOptions<J, R>, 'dependsOn'>> & Pick<JobWorkerOptions<J, R>, 'dependsOn'>;

function resolve<J, R>(options: JobWorkerOptions<J, R>): Settings<J, R> {
  const own = { codec: createQueueCodec(), context: Context.withClock(options?.clock ?? systemClock) };
  const resolved = withKnown('jobWorker', { ...jobWorkerDefaults, ...own }, options, ['make', 'handle', 'dependsOn']);
  isName('jobWorker.name', resolved.name);
  isFunction('jobWorker.make', resolved.make);
  isFunction('jobWorker.handle', resolved.handle);
  requireQueueCodec('jobWorker.codec', resolved.codec);
  requireContext('jobWorker.context', resolved.context);
  inRange('jobWorker.defaultTimeoutMs', resolved.defaultTimeoutMs, [1, 86_400_000]);
  inRange('jobWorker.maxTimeoutMs', resolved.maxTimeoutMs, [1, 86_400_000]);
  const defaultTimeoutMs = defaultTimeoutOf('jobWorker', options, resolved);
  inRange('jobWorker.graceMs', resolved.graceMs, [0, Infinity]);
  inRange('jobWorker.putBackMs', resolved.putBackMs, [0, 3_600_000]);
  integerInRange('jobWorker.maxPutBackCount', resolved.maxPutBackCount, [0, 1_000_000]);
  inRange('jobWorker.drainTimeoutMs', resolved.drainTimeoutMs, [0, Infinity]);
  isFunction('jobWorker.wallClock', resolved.wallClock);
  return { ...resolved, defaultTimeoutMs };
}

class BullWorker<J extends JobLike, R> implements JobWorker {
  readonly name: string;
  readonly dependsOn: readonly string[] | undefined;
  readonly #settings: Settings<J, R>;
  readonly #parts: JobRunParts<J, R>;
  readonly #counts: JobCounts = { completed: 0, failed: 0, expired: 0, putBack: 0, lockLost: 0, abandoned: 0 };
  #worker: JobWorkerLike | undefined = undefined;
  #detach: (() => void) | undefined = undefined;
  #hasLeftBehind = false;

  constructor(settings: Settings<J, R>) {
    this.name = settings.name;
    this.dependsOn = settings.dependsOn;
    this.#settings = settings;
    const { name, clock, graceMs } = settings;
    const inFlight = createInFlight({ name, clock, graceMs });
    this.#parts = { ...settings, locks: new LockWatch(clock), inFlight, counts: this.#counts };
  }

  async start(context?: Context): Promise<void> {
    if (this.#worker !== undefined) throw new ConfigError(`${this.name}.start`, 'called once', 'a second call');
    const parts = this.#parts;
    if (!parts.inFlight.isOpen) throw new ConfigError(`${this.name}.start`, 'called before its drain', 'a later call');
    // (1): exactly three, and none with a default
    const process: JobProcess = (job: J, token, signal) => runJob(parts, job, token, signal);
    const worker = this.#settings.make(process);
    if ('add' in Object(worker))
      throw new ConfigError(`${this.name}.make()`, 'a worker of BullMQ, and no queue', worker);
    for (const method of ['on', 'off', 'pause', 'close'] as const)
      isFunction(`${this.name}.make().${method}`, worker?.[method]);
    this.#worker = worker;
    const unwatch = parts.locks.attach(worker);
    const unhook = parts.context.onCancel(() => this.#pause(worker)); // (4): what is put back would come again at once
    this.#detach = () => {
      unwatch();
      unhook();
    };
    const isReady = worker.waitUntilReady?.();
    if (isReady !== undefined) await this.#ready(worker, isReady, this.#limited('start', context));
  }

  async drain(context?: Context): Promise<DrainReport> {
    const limit = this.#limited('drain', context);
    const drained = this.#parts.inFlight.drain(limit); // (2): from here on
    if (this.#worker !== undefined) this.#pause(this.#worker);
    const report = await drained;
    this.#hasLeftBehind ||= !report.isComplete;
    return report;
  }

  async close(context?: Context): Promise<void> {
    const limit = this.#limited('close', context);
    if (this.#parts.inFlight.isOpen) await this.drain(limit);
    const worker = this.#worker;
    if (worker === undefined) return;
    try {
      await endedBefore(worker.close(this.#hasLeftBehind), limit, this.#parts.clock); // (3)
    } finally {
      this.#detach?.();
    }
  }

  isIdle(): boolean {
    return this.#parts.inFlight.size === 0;
  }

  snapshot(): Readonly<JobCounts> & { readonly running: number } {
    return { ...this.#counts, running: this.#parts.inFlight.size };
  }

  // --- internal ---

  #pause(worker: JobWorkerLike): void {
    worker.pause(true).catch((error: unknown) => reportHookError('pause', error, this.name));
  }

  /** A worker that is not ready in time is closed: nobody would close it later, and it would take jobs. */
  async #ready(worker: JobWorkerLike, isReady: Promise<unknown>, limit: Context): Promise<void> {
    try {
      await endedBefore(isReady, limit, this.#parts.clock);
    } catch (error) {
      this.#detach?.();
      callHook('close', this.name, () => worker.close(true));
      throw error;
    }
  }

  #limited(method: string, context: Context | undefined): Context {
    return limitOf(`${this.name}.${method}`, context, this.#settings);
  }
}
