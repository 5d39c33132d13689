/**
 * Tracker: background work that outlives the request which started it, and is not lost when the process ends.
 *
 * Use it for what happens after an answer: an audit event, a mail, a cache to warm. What must survive a crash belongs in a queue.
 *
 *   go() ── open, room ─► runs, in a context of its own ── settles ─► finished
 *     ├── draining ─► DrainingError                       └─ drain's deadline ─► cancelled, then abandoned
 *     └── full ─────► TrackerFullError
 *
 * Invariants
 *  (1) What `go` has accepted runs, and is counted as finished or abandoned; what it refuses has not run.
 *  (2) A job's context has the values of the one that was given, does not end with it, and has a deadline of its own.
 *  (3) `go` never runs the work itself, nor throws what the work throws.
 *  (4) A job that fails is told to `onFailure`; that changes nothing for other jobs.
 *
 * @module
 */

import {
  type Clock,
  type Events,
  type Random,
  integerInRange,
  inRange,
  isFunction,
  isName,
  reportHookError,
  systemClock,
  systemRandom,
  withKnown,
} from '@holdfast/core';

import type { Tracker } from './background-work.ts';
import { JobTracker } from './job-tracker.ts';

/** Options of {@link createTracker}. Omitted ones take {@link trackerDefaults}. */
export interface TrackerOptions {
  /** Names this instance in errors, events and reports. @defaultValue 'tracker' */
  readonly name?: string;
  /** Jobs that may be under way; one more is refused. Integer, 1 to 1 000 000. @defaultValue 10_000 */
  readonly maxRunning?: number;
  /** Deadline of a job's context, from its start. Milliseconds, 1 or more; Infinity for none. @defaultValue 30_000 */
  readonly jobTimeoutMs?: number;
  /** Time that a drain without a context may take. Milliseconds, 0 or more; Infinity waits for all. @defaultValue 5000 */
  readonly drainTimeoutMs?: number;
  /**
   * How long before the end of a drain the jobs that still run are cancelled, so that they can tidy up; at most a fifth of the
   * drain. Milliseconds, 0 to 600 000; 0 abandons them at once.
   * @defaultValue 500
   */
  readonly graceMs?: number;
  /** Share of jobs whose place in the code is noted, besides the first of each name. 0 to 1. @defaultValue 0.01 */
  readonly placeRatio?: number;
  /** Told of every job that fails. By default it goes to the handler of `onHookError`, which prints it. */
  readonly onFailure?: (error: unknown, job: { readonly name: string }) => unknown;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Where events go; by default nowhere. */
  readonly events?: Events;
}

/** Every default of {@link createTracker}, in one place. */
export const trackerDefaults: Required<Omit<TrackerOptions, 'events' | 'onFailure'>> = Object.freeze({
  name: 'tracker',
  maxRunning: 10_000,
  jobTimeoutMs: 30_000,
  drainTimeoutMs: 5000,
  graceMs: 500,
  placeRatio: 0.01,
  clock: systemClock,
  random: systemRandom,
});

/**
 * Creates a tracker.
 *
 * @throws ConfigError at creation, when an option is out of range; from go and track, when an argument is.
 * @throws DrainingError from go, when a drain has begun; from track, when one has ended.
 * @throws TrackerFullError from go, when `maxRunning` jobs are under way.
 *
 * @example
 * ```ts
 * const tracker = createTracker();
 * tracker.go('audit', (context) => audit.write(order, context), { context: requestContext });
 * ```
 */
export function createTracker(options: TrackerOptions = {}): Tracker {
  const resolved = withKnown('tracker', trackerDefaults, options, ['onFailure', 'events']);
  isName('tracker.name', resolved.name);
  integerInRange('tracker.maxRunning', resolved.maxRunning, [1, 1_000_000]);
  inRange('tracker.jobTimeoutMs', resolved.jobTimeoutMs, [1, Infinity]);
  inRange('tracker.drainTimeoutMs', resolved.drainTimeoutMs, [0, Infinity]);
  inRange('tracker.graceMs', resolved.graceMs, [0, 600_000]);
  inRange('tracker.placeRatio', resolved.placeRatio, [0, 1]);
  if (resolved.onFailure !== undefined) isFunction('tracker.onFailure', resolved.onFailure);
  const { name } = resolved;
  const onFailure =
    resolved.onFailure ?? ((error: unknown, job: { readonly name: string }) => reportHookError(job.name, error, name));
  return new JobTracker({ ...resolved, onFailure });
}
