/**
 * Consumer options: how messages of a queue are handled.
 *
 * @module
 */

import {
  type Clock,
  ConfigError,
  Context,
  type Events,
  defaultTimeoutOf,
  inRange,
  integerInRange,
  isFunction,
  isName,
  oneOf,
  type Policy,
  requireContext,
  systemClock,
  withKnown,
} from '@holdfast/core';

import { createQueueCodec, type QueueCodec, requireQueueCodec } from '../codec.ts';
import { type Once, requireOnce } from '../once/once-port.ts';
import type { AmqpMessage } from './amqp-channel.ts';
import type { Delivery } from './delivery.ts';
import { idOf } from './message-attempts.ts';
import type { MessageFailure, Disposition } from './disposition.ts';

/** What keeps messages away that bring down who handles them: a quarantine of @holdfast/service is one. */
export interface MessageQuarantine {
  run<T>(id: string, work: () => T | PromiseLike<T>): Promise<T>;
}

/** Options of {@link createConsumer}. Omitted ones take {@link consumerDefaults}. */
export interface ConsumerOptions {
  /** Name of the component, and of the consumer in errors and events. @defaultValue 'rabbitmq' */
  readonly name?: string;
  /** The queue; it exists. */
  readonly queue: string;
  /** Handles a message: it is acked when that has succeeded. Its context ends when it must stop. */
  readonly handle: (context: Context, delivery: Delivery) => unknown;
  /** Messages that are handled at once; no more are held here. Integer, 1 to 65 535. @defaultValue 16 */
  readonly prefetchCount?: number;
  /** What of the context of whoever published is believed. By default the deadline, a lower criticality, the trace, the id. */
  readonly codec?: QueueCodec;
  /** What all contexts hang on. By default `Context.background`. */
  readonly context?: Context;
  /** What handling runs through: a pipeline, a bulkhead, a circuit breaker. By default nothing. */
  readonly policy?: Policy<unknown>;
  /** Time for a message that brings no deadline. Milliseconds, 1 to 86 400 000, at most `maxTimeoutMs`, to which it is lowered if left out. @defaultValue 60_000 */
  readonly defaultTimeoutMs?: number;
  /** Time for any message, whatever it brings. Milliseconds, 1 to 86 400 000. @defaultValue 300_000 */
  readonly maxTimeoutMs?: number;
  /**
   * Time that a handler has to end once its context has; then it is abandoned, and its message settled without it. The same time
   * before the end of a drain what still runs is cancelled. Milliseconds, 0 or more; Infinity waits for ever. @defaultValue 5000
   */
  readonly graceMs?: number;
  /** Tries of a message that fails, the first included; then it is dead-lettered. Integer, 1 to 1000. @defaultValue 2 */
  readonly maxAttempts?: number;
  /** Time before a message that has failed is requeued. Milliseconds, 0 to 600 000. @defaultValue 1000 */
  readonly retryDelayMs?: number;
  /** Time before a message is handled again that a policy refused without saying when. Milliseconds, 10 to 600 000. @defaultValue 1000 */
  readonly holdMs?: number;
  /**
   * Time for which a message is kept here while policies refuse it; then it is requeued. Less than the consumer timeout of the
   * broker, which is half an hour. Milliseconds, 0 to 1 500 000; 0 requeues it at once. @defaultValue 60_000
   */
  readonly maxHoldMs?: number;
  /** What becomes of a message whose deadline has passed: dead-lettered, or acked and gone. @defaultValue 'dead-letter' */
  readonly whenExpired?: 'dead-letter' | 'drop';
  /** Says what becomes of a message that has failed; undefined leaves it to the default. It must answer at once. */
  readonly onFailure?: (failure: MessageFailure) => Disposition | undefined;
  /** Remembers what was handled, so that a message that is delivered again is not handled again. By default nothing does. */
  readonly once?: Once;
  /** Keeps messages away that have brought down their process. By default nothing does. */
  readonly quarantine?: MessageQuarantine;
  /**
   * The key by which `once` and `quarantine` know a message: order and step, never a time. A message without one is dead-lettered.
   * By default its `messageId`.
   */
  readonly keyOf?: (message: AmqpMessage) => string | undefined;
  /** Called when the broker has cancelled the consumer: makes the queue anew, after which it is consumed again. By default the consumer ends. */
  readonly resubscribe?: (context: Context) => unknown;
  /** What RabbitMQ is told besides: `exclusive`, `priority`, `arguments`, `consumerTag`. */
  readonly consume?: Readonly<Record<string, unknown>>;
  /** Time that a start or a drain without a context may take. Milliseconds, 0 or more. @defaultValue 10_000 */
  readonly drainTimeoutMs?: number;
  /** Whether close closes the channel, too; by default it stays yours. @defaultValue false */
  readonly closesChannel?: boolean;
  /** Components that its messages use. By default all that start before it. */
  readonly dependsOn?: readonly string[];
  /** Source of time and waits. */
  readonly clock?: Clock;
  /** Where events go; by default nowhere. */
  readonly events?: Events;
}

/** Every default of {@link createConsumer}, in one place. */
export const consumerDefaults: {
  readonly name: string;
  readonly prefetchCount: number;
  readonly defaultTimeoutMs: number;
  readonly maxTimeoutMs: number;
  readonly graceMs: number;
  readonly maxAttempts: number;
  readonly retryDelayMs: number;
  readonly holdMs: number;
  readonly maxHoldMs: number;
  readonly whenExpired: 'dead-letter' | 'drop';
  readonly drainTimeoutMs: number;
  readonly closesChannel: boolean;
  readonly clock: Clock;
} = Object.freeze({
  name: 'rabbitmq',
  prefetchCount: 16,
  defaultTimeoutMs: 60_000,
  maxTimeoutMs: 300_000,
  graceMs: 5000,
  maxAttempts: 2,
  retryDelayMs: 1000,
  holdMs: 1000,
  maxHoldMs: 60_000,
  whenExpired: 'dead-letter',
  drainTimeoutMs: 10_000,
  closesChannel: false,
  clock: systemClock,
});

type Optional = 'policy' | 'onFailure' | 'once' | 'quarantine' | 'resubscribe' | 'dependsOn' | 'events';

/** Options that are complete and valid. */
export type ConsumerSettings = Required<Omit<ConsumerOptions, Optional>> & Pick<ConsumerOptions, Optional>;

/** Checks and completes options. */
export function resolveConsumerOptions(options: ConsumerOptions): ConsumerSettings {
  const clock = options?.clock ?? systemClock;
  const own = { codec: createQueueCodec(), context: Context.withClock(clock), keyOf: idOf, consume: {} };
  const resolved = withKnown(PLACE, { ...consumerDefaults, ...own }, options, [...optional, 'queue', 'handle']);
  isName(`${PLACE}.name`, resolved.name);
  isName(`${PLACE}.queue`, resolved.queue);
  integerInRange(`${PLACE}.prefetchCount`, resolved.prefetchCount, [1, 65_535]);
  integerInRange(`${PLACE}.maxAttempts`, resolved.maxAttempts, [1, 1000]);
  for (const [option, range] of Object.entries(ranges))
    inRange(`${PLACE}.${option}`, resolved[option as keyof typeof ranges], range);
  oneOf(`${PLACE}.whenExpired`, resolved.whenExpired, ['dead-letter', 'drop']);
  oneOf(`${PLACE}.closesChannel`, resolved.closesChannel, [true, false]);
  checkPorts(resolved);
  const defaultTimeoutMs = defaultTimeoutOf(PLACE, options, resolved);
  return { ...resolved, defaultTimeoutMs, consume: consumeOf(resolved.consume) };
}

// --- internal ---

const PLACE = 'consumer';

const optional: readonly Optional[] = [
  'policy',
  'onFailure',
  'once',
  'quarantine',
  'resubscribe',
  'dependsOn',
  'events',
];

const ranges = {
  defaultTimeoutMs: [1, 86_400_000],
  maxTimeoutMs: [1, 86_400_000],
  graceMs: [0, Infinity],
  retryDelayMs: [0, 600_000],
  holdMs: [10, 600_000],
  maxHoldMs: [0, 1_500_000],
  drainTimeoutMs: [0, Infinity],
} as const;

function checkPorts(resolved: ConsumerSettings): void {
  isFunction(`${PLACE}.handle`, resolved.handle);
  isFunction(`${PLACE}.keyOf`, resolved.keyOf);
  requireQueueCodec(`${PLACE}.codec`, resolved.codec);
  requireContext(`${PLACE}.context`, resolved.context);
  requireOnce(`${PLACE}.once`, resolved.once);
  if (resolved.onFailure !== undefined) isFunction(`${PLACE}.onFailure`, resolved.onFailure);
  if (resolved.resubscribe !== undefined) isFunction(`${PLACE}.resubscribe`, resolved.resubscribe);
  for (const [option, method] of [
    ['quarantine', 'run'],
    ['policy', 'execute'],
  ] as const) {
    const port = resolved[option] as Readonly<Record<string, unknown>> | undefined | null;
    if (port !== undefined) isFunction(`${PLACE}.${option}.${method}`, port?.[method]);
  }
}

/** A consumer that acks by itself would lose what is under way. */
function consumeOf(consume: unknown): Readonly<Record<string, unknown>> {
  if (typeof consume !== 'object' || consume === null) throw new ConfigError(`${PLACE}.consume`, 'an object', consume);
  const { noAck } = consume as { readonly noAck?: unknown };
  if (noAck !== undefined && noAck !== false)
    throw new ConfigError(`${PLACE}.consume.noAck`, 'false: a message is acked when it was handled', noAck);
  return { ...consume };
}
