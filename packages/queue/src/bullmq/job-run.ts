/**
 * Job run: one job from its start to what BullMQ is told of it.
 *
 *   job ─┬─ its deadline has passed ─► fails, not run, not tried again
 *        ├─ draining ───────────────► put back
 *        └─ handler ─┬─ value ──────► completed            but lock lost ─► nothing is recorded
 *                    ├─ refused by a policy of ours ─► put back, for a while, no attempt is lost
 *                    ├─ cut off by a drain ──────────► put back, no attempt is lost
 *                    ├─ does not heed its end ───────► fails after the grace
 *                    └─ error ───────► fails: BullMQ's own retries
 *
 * Invariants
 *  (1) The handler runs at most once for each call, and never under a context that has ended.
 *  (2) The context of the handler ends with the first of: its deadline, a cancel by BullMQ, a lost lock, a drain, and when the
 *      handler has ended.
 *  (3) What the handler came to after its lock was lost is not recorded.
 *  (4) A job is put back at most `maxPutBackCount` times, and never beyond its deadline.
 *
 * @module
 */

import {
  CancelledError,
  type Clock,
  type Context,
  type CancellableContext,
  type InFlight,
  contextKey,
  isRejection,
  messageOf,
} from '@holdfast/core';

import type { QueueCodec } from '../codec.ts';
import { type MessageContext, messageContext } from '../message-context.ts';
import { settledWithin } from '../in-flight/settled-within.ts';
import type { WallClock } from '../wall-clock.ts';
import { JobExpiredError, JobLockLostError, JobPutBackError } from './job-error.ts';
import type { JobLike } from './job-like.ts';
import type { LockWatch } from './lock-watch.ts';

/** Which job a context is of. */
export interface JobInfo {
  readonly id: string | undefined;
  readonly name: string;
  /** Number of the try, from 1. Being put back is none. */
  readonly attempt: number;
}

/** The job that a context is of: `context.value(jobInfo)?.attempt`. */
export const jobInfo: ReturnType<typeof contextKey<JobInfo>> = contextKey<JobInfo>('bullmq job');

/** What jobs have come to since the worker was made. */
export interface JobCounts {
  completed: number;
  /** Failed by the handler's error, or by its end. */
  failed: number;
  /** Not run, since their deadline had passed. */
  expired: number;
  /** Put back, since a policy refused them or the worker was being drained. */
  putBack: number;
  /** Of which the lock was lost. */
  lockLost: number;
  /** Of those that failed: whose handlers still ran. */
  abandoned: number;
}

/** What all jobs of a worker share. */
export interface JobRunParts<J, R> {
  readonly name: string;
  readonly handle: (context: Context, job: J) => R | PromiseLike<R>;
  readonly codec: QueueCodec;
  readonly context: Context;
  readonly clock: Clock;
  readonly wallClock: WallClock;
  readonly defaultTimeoutMs: number;
  readonly maxTimeoutMs: number;
  readonly graceMs: number;
  readonly putBackMs: number;
  readonly maxPutBackCount: number;
  readonly locks: LockWatch;
  readonly inFlight: InFlight;
  readonly counts: JobCounts;
}

/** Runs one job. What it throws is what BullMQ is to know. */
export async function runJob<J extends JobLike, R>(
  parts: JobRunParts<J, R>,
  job: J,
  token: string | undefined,
  signal: AbortSignal | undefined,
): Promise<R> {
  if (!parts.inFlight.isOpen || parts.context.cancelled) throw await putBack(parts, { job, token, delayMs: 0 });
  const { context, own } = contextOf(parts, job);
  if (context.cancelled) {
    parts.counts.expired++;
    throw new JobExpiredError(parts.name, labelOf(job)); // (1)
  }
  const run = parts.inFlight.begin(job.name, context);
  const ending = endWith(parts, { job, signal, context }); // (2)
  let hasFailed = true;
  try {
    const value = await settledWithin(() => parts.handle(context, job), {
      ...parts,
      context,
      onAbandoned: () => parts.counts.abandoned++,
    });
    if (ending.lost !== undefined) throw ending.lost; // (3)
    hasFailed = false;
    parts.counts.completed++;
    return value;
  } catch (error) {
    throw ending.lost ?? (await verdict(parts, { job, token, context, own, error }));
  } finally {
    ending.unhook();
    parts.inFlight.end(run, hasFailed); // (2)
  }
}

// --- internal ---

function contextOf<J extends JobLike, R>(parts: JobRunParts<J, R>, job: J): MessageContext {
  const parent = parts.context.withValue(jobInfo, { id: job.id, name: job.name, attempt: job.attemptsMade + 1 });
  return messageContext(parent, parts, (below) => parts.codec.fromText(job.opts?.telemetry?.metadata, below));
}

interface Hooks<J> {
  readonly job: J;
  readonly signal: AbortSignal | undefined;
  readonly context: CancellableContext;
}

/** What ends a job from outside. */
interface Ending {
  /** That its lock was lost, whatever its context had ended with before. */
  lost: JobLockLostError | undefined;
  unhook(): void;
}

/** Ends the context with BullMQ's signal, and when the lock is lost. */
function endWith<J extends JobLike, R>(parts: JobRunParts<J, R>, { job, signal, context }: Hooks<J>): Ending {
  const { name, counts } = parts;
  const unfollow = parts.locks.follow(job.id ?? '', () => {
    counts.lockLost++;
    ending.lost = new JobLockLostError(name, job.id ?? '');
    context.cancel(ending.lost);
  });
  const onAbort = (): void => {
    const reason: unknown = signal?.reason;
    const why = typeof reason === 'string' || reason instanceof Error ? `: ${messageOf(reason)}` : '';
    context.cancel(new CancelledError(`${labelOf(job)} was cancelled${why}`, { policy: name, cause: reason }));
  };
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  const ending: Ending = {
    lost: undefined,
    unhook: () => {
      unfollow();
      signal?.removeEventListener('abort', onAbort);
    },
  };
  return ending;
}

interface Failure<J> {
  readonly job: J;
  readonly token: string | undefined;
  readonly context: Context;
  /** Ends by the job's own deadline. */
  readonly own: Context;
  readonly error: unknown;
}

/** What BullMQ is to know of a job whose handler has failed. */
async function verdict<J extends JobLike, R>(
  parts: JobRunParts<J, R>,
  { job, token, context, own, error }: Failure<J>,
): Promise<unknown> {
  if (parts.inFlight.isDrainCause(context.cause) || parts.context.cancelled)
    return putBack(parts, { job, token, delayMs: 0, error });
  if (isRejection(error)) {
    const delayMs = Math.max(0, error.retryAfterMs ?? parts.putBackMs);
    const putBackCount = (job.attemptsStarted ?? 1) - job.attemptsMade - 1;
    if (putBackCount < parts.maxPutBackCount && delayMs < own.remainingMs())
      return putBack(parts, { job, token, delayMs, error }); // (4)
  }
  parts.counts.failed++;
  return asError(error);
}

interface PutBack<J> {
  readonly job: J;
  readonly token: string | undefined;
  readonly delayMs: number;
  readonly error?: unknown;
}

/** Gives the job back to the queue. Returns what BullMQ is to be told; the error itself where that was not possible. */
async function putBack<J extends JobLike, R>(
  { name, wallClock, counts }: JobRunParts<J, R>,
  { job, token, delayMs, error }: PutBack<J>,
): Promise<unknown> {
  try {
    await job.moveToDelayed(wallClock() + delayMs, token);
    counts.putBack++;
    return new JobPutBackError(name, labelOf(job), error);
  } catch (failure) {
    counts.failed++;
    return asError(error ?? failure);
  }
}

/** BullMQ reads the message of what it is told, whatever that is, and fails over `undefined`. */
function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(messageOf(error), { cause: error });
}

function labelOf({ name, id }: JobLike): string {
  return `job ${id ?? '?'} (${name})`;
}
