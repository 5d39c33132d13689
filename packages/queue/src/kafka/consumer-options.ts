/**
 * Consumer options: how messages are handled, the same for both clients.
 *
 * @module
 */

import {
  type Clock,
  ConfigError,
  Context,
  defaultTimeoutOf,
  inRange,
  integerInRange,
  isFunction,
  isName,
  requireContext,
  systemClock,
  withKnown,
} from '@holdfast/core';

import { type QueueCodec, createQueueCodec, requireQueueCodec } from '../codec.ts';
import type { KafkaMessageLike } from './kafka-like.ts';
import type { PartitionPlace } from './partition-work.ts';

/** A message and where it came from. */
export interface ReceivedMessage<M = KafkaMessageLike> extends PartitionPlace {
  readonly message: M;
  /** Number of this try in this process, from 1. */
  readonly attempt: number;
}

/** Options of a consumer. Omitted ones take {@link kafkaConsumerDefaults}. */
export interface KafkaConsumerOptions<M = KafkaMessageLike> {
  /** Name of the component, and of the policy in errors. @defaultValue 'kafka' */
  readonly name?: string;
  /** Topics to subscribe to: their names, or patterns of them, as far as the client takes those. */
  readonly topics: readonly (string | RegExp)[];
  /** Where a group begins that has committed nothing: at the first message, or at the next. By default as the client does. */
  readonly fromBeginning?: boolean;
  /** Handles a message. Its context ends when it must stop: by its deadline, a rebalance that takes the partition, or a drain. */
  readonly handle: (context: Context, received: ReceivedMessage<M>) => unknown;
  /**
   * Told of a message that has failed `maxAttempts` times, with the last error: put it aside here. When it has, the consumer goes
   * on to the next; while it fails, the message is tried again. By default there is none, and a message is tried until it is handled.
   */
  readonly onPoison?: (context: Context, received: ReceivedMessage<M>, error: unknown) => unknown;
  /** Told of a message whose deadline had passed before it began; it is not handled. */
  readonly onExpired?: (received: ReceivedMessage<M>) => unknown;
  /** What of the context of whoever sent a message is believed. By default the deadline, a lower criticality, the trace, the id. */
  readonly codec?: QueueCodec;
  /** What all contexts hang on. By default `Context.background`. */
  readonly context?: Context;
  /** Partitions that are handled at the same time. Integer, 1 to 1000. @defaultValue 4 */
  readonly maxConcurrent?: number;
  /** Tries of a message before it is poison. Integer, 1 to 1 000 000. @defaultValue 5 */
  readonly maxAttempts?: number;
  /**
   * Time for which a partition is paused when its message has failed, or was refused by a policy that does not say for how long.
   * Milliseconds, 0 to 3 600 000. @defaultValue 1000
   */
  readonly pauseMs?: number;
  /** Time that a message may take which brings no deadline. Milliseconds, 1 to 86 400 000, at most `maxTimeoutMs`, to which it is lowered if left out. @defaultValue 60_000 */
  readonly defaultTimeoutMs?: number;
  /** Time that any message may take, whatever it brings. Milliseconds, 1 to 86 400 000. @defaultValue 300_000 */
  readonly maxTimeoutMs?: number;
  /**
   * Time that a handler has to end once its context has; then it is waited for no more. Also how long before the end of a drain
   * what still runs is cancelled. Milliseconds, 0 or more; Infinity waits for ever. @defaultValue 5000
   */
  readonly graceMs?: number;
  /** Time between two commits within a batch; each batch ends with one. Milliseconds, 0 to 3 600 000; 0 commits each message. @defaultValue 1000 */
  readonly commitEveryMs?: number;
  /** Time between two heartbeats while a handler runs. Milliseconds, 10 to 60 000. @defaultValue 1000 */
  readonly heartbeatEveryMs?: number;
  /**
   * Time without a sign of the group after which it will have given the partitions to others: the consumer's own `sessionTimeout`.
   * Milliseconds, 100 to 3 600 000. @defaultValue 30_000
   */
  readonly sessionTimeoutMs?: number;
  /** Time that a rebalance may take, in which it is not known whose the partitions are: the consumer's own `rebalanceTimeout`. Milliseconds, 100 to 3 600 000. @defaultValue 60_000 */
  readonly rebalanceTimeoutMs?: number;
  /** Time that a start, a drain or a close without a context may take. Milliseconds, 0 or more. @defaultValue 10_000 */
  readonly drainTimeoutMs?: number;
  /** Components that its handlers use. By default all that start before it. */
  readonly dependsOn?: readonly string[];
  readonly clock?: Clock;
}

/** Every default of {@link KafkaConsumerOptions}, in one place. */
export const kafkaConsumerDefaults: {
  readonly name: string;
  readonly maxConcurrent: number;
  readonly maxAttempts: number;
  readonly pauseMs: number;
  readonly defaultTimeoutMs: number;
  readonly maxTimeoutMs: number;
  readonly graceMs: number;
  readonly commitEveryMs: number;
  readonly heartbeatEveryMs: number;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly clock: Clock;
} = Object.freeze({
  name: 'kafka',
  maxConcurrent: 4,
  maxAttempts: 5,
  pauseMs: 1000,
  defaultTimeoutMs: 60_000,
  maxTimeoutMs: 300_000,
  graceMs: 5000,
  commitEveryMs: 1000,
  heartbeatEveryMs: 1000,
  sessionTimeoutMs: 30_000,
  rebalanceTimeoutMs: 60_000,
  drainTimeoutMs: 10_000,
  clock: systemClock,
});

/** What may be left out for good. */
type Optional = 'fromBeginning' | 'onPoison' | 'onExpired' | 'dependsOn';

/** Options that are complete and valid. */
export type KafkaSettings<M> = Required<Omit<KafkaConsumerOptions<M>, Optional>> &
  Pick<KafkaConsumerOptions<M>, Optional>;

/**
 * Checks and completes options; `more` are the names of those that only one client has.
 *
 * @throws ConfigError when one is not valid.
 */
export function resolveConsumer<M, O extends KafkaConsumerOptions<M>>(
  place: string,
  options: O,
  more: readonly string[],
): O & KafkaSettings<M> {
  const own = { codec: createQueueCodec(), context: Context.withClock(options?.clock ?? systemClock) };
  const optional = ['topics', 'handle', 'fromBeginning', 'onPoison', 'onExpired', 'dependsOn', ...more];
  const resolved = withKnown(place, { ...kafkaConsumerDefaults, ...own }, options, optional);
  isName(`${place}.name`, resolved.name);
  const { topics } = resolved;
  if (!Array.isArray(topics) || topics.length === 0 || !topics.every(isTopic))
    throw new ConfigError(`${place}.topics`, 'a list of names of topics, or of patterns', topics);
  isFunction(`${place}.handle`, resolved.handle);
  if (resolved.onPoison !== undefined) isFunction(`${place}.onPoison`, resolved.onPoison);
  if (resolved.onExpired !== undefined) isFunction(`${place}.onExpired`, resolved.onExpired);
  requireQueueCodec(`${place}.codec`, resolved.codec);
  requireContext(`${place}.context`, resolved.context);
  for (const [option, range] of Object.entries(ranges))
    inRange(`${place}.${option}`, resolved[option as 'pauseMs'], range);
  integerInRange(`${place}.maxConcurrent`, resolved.maxConcurrent, [1, 1000]);
  integerInRange(`${place}.maxAttempts`, resolved.maxAttempts, [1, 1_000_000]);
  return { ...resolved, defaultTimeoutMs: defaultTimeoutOf(place, options, resolved) };
}

// --- internal ---

function isTopic(topic: unknown): boolean {
  return topic instanceof RegExp || (typeof topic === 'string' && topic !== '');
}

const ranges: Readonly<Record<string, readonly [number, number]>> = {
  pauseMs: [0, 3_600_000],
  defaultTimeoutMs: [1, 86_400_000],
  maxTimeoutMs: [1, 86_400_000],
  graceMs: [0, Infinity],
  commitEveryMs: [0, 3_600_000],
  heartbeatEveryMs: [10, 60_000],
  sessionTimeoutMs: [100, 3_600_000],
  rebalanceTimeoutMs: [100, 3_600_000],
  drainTimeoutMs: [0, Infinity],
};
