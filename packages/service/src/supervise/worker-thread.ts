/**
 * Worker thread: the body of a supervisor that is a thread of its own.
 *
 *   running ── ends with 0 ─► returned      context ends ─► askToStop ── killAfterMs ─► terminated
 *           └── an error, another code ─► failed, with its error
 *
 * Invariants
 *  (1) The body settles when the thread has ended, and not before.
 *  (2) A thread that does not heed the request, or gets none, is terminated: a busy loop is no obstacle.
 *
 * @module
 */

import {
  type Clock,
  type Context,
  ConfigError,
  inRange,
  isFunction,
  systemClock,
  withKnown,
  callHook,
} from '@holdfast/core';

import { ChildExitError, type SupervisedBody, type SupervisedRun } from './supervised-body.ts';

/** What is asked of a thread: `Worker` of node:worker_threads has it. */
export interface WorkerPort {
  on(event: 'exit', listener: (code: number) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  terminate(): unknown;
}

/** Options of {@link workerThread}. Omitted ones take {@link workerThreadDefaults}. */
export interface WorkerThreadOptions<W extends WorkerPort> {
  /** Asks the thread to end: `(worker) => worker.postMessage('stop')`. Without it, it is terminated at once. */
  readonly askToStop?: (worker: W) => unknown;
  /** Time that it may take to end when it was asked, before it is terminated. Milliseconds, 0 to 600 000. @defaultValue 5000 */
  readonly killAfterMs?: number;
  readonly clock?: Clock;
}

/** Every default of {@link workerThread}, in one place. */
export const workerThreadDefaults: { readonly killAfterMs: number; readonly clock: Clock } = Object.freeze({
  killAfterMs: 5000,
  clock: systemClock,
});

/**
 * Makes a body of a worker thread. `create` is called for every run; every message of the thread is a sign of life.
 *
 * @throws ConfigError when an option is out of range.
 *
 * @example
 * ```ts
 * supervise('resizer', workerThread(() => new Worker(new URL('resizer.js', import.meta.url))));
 * ```
 */
export function workerThread<W extends WorkerPort>(
  create: (run: SupervisedRun) => W,
  options: WorkerThreadOptions<W> = {},
): SupervisedBody {
  isFunction('workerThread create', create);
  const settings = withKnown('workerThread', workerThreadDefaults, options, ['askToStop']);
  inRange('workerThread.killAfterMs', settings.killAfterMs, [0, 600_000]);
  if (settings.askToStop !== undefined) isFunction('workerThread.askToStop', settings.askToStop);
  return (context, run) => runWorker(context, run, { create, ...settings });
}

// --- internal ---

interface WorkerSettings<W extends WorkerPort> extends WorkerThreadOptions<W> {
  readonly create: (run: SupervisedRun) => W;
  readonly killAfterMs: number;
  readonly clock: Clock;
}

function runWorker<W extends WorkerPort>(
  context: Context,
  run: SupervisedRun,
  settings: WorkerSettings<W>,
): Promise<void> {
  const { create, askToStop, clock, killAfterMs } = settings;
  const worker = create(run);
  if (typeof worker?.terminate !== 'function') throw new ConfigError('workerThread create()', 'a Worker', worker);
  worker.on('message', () => run.beat());
  return new Promise((resolve, reject) => {
    let failure: { readonly error: unknown } | undefined = undefined;
    const terminate = (): void => callHook('terminate', 'workerThread', () => worker.terminate());
    const stop = context.onCancel(() => {
      if (askToStop === undefined) return terminate(); // (2)
      callHook('askToStop', 'workerThread', () => askToStop(worker));
      clock.setTimer(terminate, killAfterMs).unref();
    });
    worker.on('error', (error) => {
      failure = { error };
    });
    worker.on('exit', (code) => {
      stop();
      if (failure !== undefined) reject(failure.error); // (1)
      else if (code === 0) resolve();
      else reject(new ChildExitError(code, undefined));
    });
  });
}
