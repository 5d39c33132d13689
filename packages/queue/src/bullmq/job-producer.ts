/**
 * Job producer: adds jobs that carry the context of whoever adds them.
 *
 * What of the context may leave is kept as one text in `opts.telemetry.metadata`, which is BullMQ's own place for what travels
 * with a job. It is JSON with the names of headers, as BullMQ's telemetry for OpenTelemetry writes it: a worker with that
 * telemetry finds the trace in it. The data of the job is left as it is.
 *
 * Invariants
 *  (1) No job is added under a context that has ended, or for which there would be no time left when it is due.
 *  (2) A job that repeats carries no deadline: that of the first run means nothing to the second.
 *
 * @module
 */

import { ConfigError, type Context, requireContext, withKnown } from '@holdfast/core';

import { type QueueCodec, createQueueCodec, requireQueueCodec } from '../codec.ts';
import { JobExpiredError } from './job-error.ts';
import type { JobQueueLike } from './job-like.ts';

/** Options of {@link jobProducer}. */
export interface JobProducerOptions {
  /** What of a context travels. By default the deadline, the criticality, the trace and the id of the request. */
  readonly codec?: QueueCodec;
}

/** A job to be added. */
export interface NewJob<O extends object = object> {
  readonly name: string;
  readonly data: unknown;
  /** Options of BullMQ for the job. */
  readonly opts?: O;
}

/** Adds jobs with their context. */
export interface JobProducer<J> {
  /** Adds a job as `queue.add` does. */
  add(context: Context, job: NewJob): Promise<J>;
  /** Adds jobs as `queue.addBulk` does: all or none. */
  addBulk(context: Context, jobs: readonly NewJob[]): Promise<J[]>;
  /** Returns `opts` with the context in them, for what adds jobs in another way: a flow, a scheduler. */
  optionsFor<O extends object>(context: Context, opts?: O): O & JobContextOptions;
}

/** Where a context is in the options of a job. */
export interface JobContextOptions {
  readonly telemetry: { readonly metadata: string; readonly omitContext: true };
}

/**
 * Makes a producer for `queue`. It holds no state: one may serve any number of requests.
 *
 * @throws ConfigError at creation, when `queue` is no queue or an option is not valid.
 * @throws `context.cause` from all methods, when the context has ended; nothing was added.
 * @throws JobExpiredError from all methods, when `opts.delay` is longer than the time left; nothing was added.
 * @throws the queue's own error, unchanged.
 *
 * @example
 * ```ts
 * const mails = jobProducer(new Queue('mails', { connection }));
 * await mails.add(context, { name: 'welcome', data: { to: user.mail }, opts: { attempts: 3 } });
 * ```
 */
export function jobProducer<J>(queue: JobQueueLike<J>, options: JobProducerOptions = {}): JobProducer<J> {
  if (typeof queue?.add !== 'function' || typeof queue.addBulk !== 'function')
    throw new ConfigError('jobProducer queue', 'a queue of BullMQ', queue);
  const { codec } = withKnown('jobProducer', { codec: createQueueCodec() }, options);
  requireQueueCodec('jobProducer.codec', codec);
  const optionsFor = <O extends object>(context: Context, opts?: O): O & JobContextOptions =>
    withContext(codec, context, opts);
  return Object.freeze({
    optionsFor,
    add: async (context: Context, job: NewJob) => {
      requireContext('jobProducer', context);
      const { name, data, opts } = requireJob('add', job);
      return queue.add(name, data as never, optionsFor(context, opts));
    },
    addBulk: async (context: Context, jobs: readonly NewJob[]) => {
      requireContext('jobProducer', context);
      const known = jobs.map((job) => requireJob('addBulk', job));
      return queue.addBulk(
        known.map(({ name, data, opts }) => ({ name, data: data as never, opts: optionsFor(context, opts) })),
      );
    },
  });
}

// --- internal ---

/** Tells apart the job from the arguments of BullMQ's own `add(name, data, opts)`. */
function requireJob(method: string, job: NewJob): NewJob {
  if (typeof job?.name !== 'string')
    throw new ConfigError(`jobProducer.${method} job`, 'an object { name, data, opts }', job);
  return job;
}

function withContext<O extends object>(codec: QueueCodec, context: Context, opts?: O): O & JobContextOptions {
  requireContext('jobProducer', context);
  context.throwIfCancelled(); // (1)
  const { repeat, delay } = (opts ?? {}) as { readonly repeat?: unknown; readonly delay?: unknown };
  const isRepeated = repeat !== undefined;
  if (!isRepeated && typeof delay === 'number' && delay >= context.remainingMs())
    throw new JobExpiredError('jobProducer', `a job that is due in ${delay} ms`, 'will have passed by then');
  const metadata = codec.toText(isRepeated ? context.withoutCancel() : context); // (2)
  return { ...(opts as O), telemetry: { metadata, omitContext: true } };
}
