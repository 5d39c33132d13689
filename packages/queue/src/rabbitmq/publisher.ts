/**
 * Publisher: sends messages with the context of whoever sends them, and says of each whether the broker has it.
 *
 * Invariants
 *  (1) Nothing is sent under a context that has ended, and no message lives longer than its context's deadline, unless it says so.
 *  (2) What is promised is that the broker has the message, in at least one queue unless `mandatory` is off; on a channel without
 *      confirms only that it was sent.
 *  (3) While the broker blocks the connection, or its buffer is full, messages wait here, at most `maxWaiting`, each as long as its
 *      context lasts.
 *
 * @module
 */

import { randomUUID } from 'node:crypto';

import {
  callHook,
  type Clock,
  ConfigError,
  type Context,
  integerInRange,
  isFunction,
  isName,
  oneOf,
  requireContext,
  systemClock,
  withKnown,
} from '@holdfast/core';

import { createQueueCodec, type QueueCodec, requireQueueCodec } from '../codec.ts';
import { endedBefore } from '../in-flight/ended-before.ts';
import { limitOf } from '../in-flight/limit-of.ts';
import { type AmqpChannel, type AmqpReturned, requireChannel } from './amqp-channel.ts';
import { lifeOf } from './channel-life.ts';
import type { PublisherCounts } from './publisher-counts.ts';
import { checkPublishMessage, type PublishMessage } from './publish-properties.ts';
import { type Letter, type Published, type PublishParts, PublishRun } from './publish-run.ts';
import { type ChannelClosedError, PublisherFullError } from './rabbitmq-error.ts';
import { watchReturns } from './return-watch.ts';
import { SendGate } from './send-gate.ts';

/** Options of {@link createPublisher}. Omitted ones take {@link publisherDefaults}. */
export interface PublisherOptions {
  /** Name of the component, and of the publisher in errors. @defaultValue 'rabbitmq-publisher' */
  readonly name?: string;
  /** What of the context is told. By default the deadline, the criticality, the trace and the id, and no value. */
  readonly codec?: QueueCodec;
  /** Messages that wait to be sent; more are refused. Integer, 0 to 1 000 000; 0 refuses while they cannot be sent. @defaultValue 1000 */
  readonly maxWaiting?: number;
  /** Whether publishing fails where no queue takes the message. @defaultValue true */
  readonly mandatory?: boolean;
  /** Whether messages survive a restart of the broker, in queues that do. @defaultValue true */
  readonly persistent?: boolean;
  /** Whether the broker drops, or dead-letters, a message when its deadline passes in the queue. @defaultValue true */
  readonly setsExpiration?: boolean;
  /** Told of a returned message that nobody waits for: on a channel without confirms, or when its context has ended. */
  readonly onReturned?: (returned: AmqpReturned) => unknown;
  /** Time that a drain without a context may take. Milliseconds, 0 or more. @defaultValue 10_000 */
  readonly drainTimeoutMs?: number;
  /** Components that it uses. By default all that start before it. */
  readonly dependsOn?: readonly string[];
  /** Source of waits. */
  readonly clock?: Clock;
}

/** Every default of {@link createPublisher}, in one place. */
export const publisherDefaults: {
  readonly name: string;
  readonly maxWaiting: number;
  readonly mandatory: boolean;
  readonly persistent: boolean;
  readonly setsExpiration: boolean;
  readonly drainTimeoutMs: number;
  readonly clock: Clock;
} = Object.freeze({
  name: 'rabbitmq-publisher',
  maxWaiting: 1000,
  mandatory: true,
  persistent: true,
  setsExpiration: true,
  drainTimeoutMs: 10_000,
  clock: systemClock,
});

/** Sends messages: a component of a lifecycle. */
export interface Publisher {
  readonly name: string;
  readonly dependsOn: readonly string[] | undefined;
  /**
   * Settles, and never rejects, when the channel is closed, whoever closed it: with what every `publish` rejects with from then on. A
   * publisher does not reconnect: make another, on a new channel.
   */
  readonly ended: Promise<ChannelClosedError>;
  /** Sends a message, and waits until the broker has it, for as long as `context` lasts. */
  publish(context: Context, message: PublishMessage): Promise<Published>;
  /** Waits until every message is settled. */
  drain(context?: Context): Promise<void>;
  /** Whether no message is under way: none waits, here or for the broker. */
  isIdle(): boolean;
  /**
   * For a health check: true where messages can be sent, and a warning while the broker blocks the connection.
   *
   * @throws ChannelClosedError when the channel is closed.
   */
  check(): true | { readonly warning: string };
  /** What became of messages, how many wait to be sent and to be confirmed, and whether the broker blocks the connection. */
  snapshot(): Readonly<PublisherCounts> & {
    readonly waiting: number;
    readonly pending: number;
    readonly isBlocked: boolean;
  };
}

/**
 * Creates a publisher on a channel, which stays yours. Take a confirm channel: on another nobody says that a message arrived.
 *
 * @throws ConfigError at creation, and from publish, when an option is not valid.
 * @throws `context.cause` from publish, when the context ended before the message was sent; from drain, when it ended first.
 * @throws PublishUnconfirmedError from publish, when the context or the channel ended after that: nobody knows whether it arrived.
 * @throws PublishRefusedError from publish, when the broker refused it.
 * @throws MessageReturnedError from publish, when no queue took it.
 * @throws PublisherFullError from publish, when too many wait.
 * @throws ChannelClosedError from publish, when the channel is closed; the message was not sent.
 * @throws what amqplib throws from publish, as a RangeError for headers that are too long; the message was not sent.
 *
 * @example
 * ```ts
 * const publisher = createPublisher(await connection.createConfirmChannel());
 * await publisher.publish(context, {
 *   exchange: 'orders',
 *   routingKey: 'placed',
 *   content: JSON.stringify(order),
 *   messageId: order.id,
 * });
 * ```
 */
export function createPublisher(channel: AmqpChannel, options: PublisherOptions = {}): Publisher {
  requireChannel('createPublisher', channel);
  const resolved = withKnown(PLACE, { ...publisherDefaults, codec: createQueueCodec() }, options, [
    'onReturned',
    'dependsOn',
  ]);
  isName(`${PLACE}.name`, resolved.name);
  requireQueueCodec(`${PLACE}.codec`, resolved.codec);
  integerInRange(`${PLACE}.maxWaiting`, resolved.maxWaiting, [0, 1_000_000]);
  for (const flag of ['mandatory', 'persistent', 'setsExpiration'] as const)
    oneOf(`${PLACE}.${flag}`, resolved[flag], [true, false]);
  if (resolved.onReturned !== undefined) isFunction(`${PLACE}.onReturned`, resolved.onReturned);
  if (!(resolved.drainTimeoutMs >= 0))
    throw new ConfigError(`${PLACE}.drainTimeoutMs`, '0 or more', resolved.drainTimeoutMs);
  return new ChannelPublisher(channel, resolved);
}

// --- internal ---

const PLACE = 'publisher';

type Settings = typeof publisherDefaults &
  Pick<PublisherOptions, 'onReturned' | 'dependsOn'> & { readonly codec: QueueCodec };

class ChannelPublisher implements Publisher {
  readonly name: string;
  readonly dependsOn: readonly string[] | undefined;
  readonly ended: Promise<ChannelClosedError>;
  readonly #settings: Settings;
  readonly #parts: PublishParts;
  readonly #gate: SendGate;
  readonly #pending = new Map<string, Set<PublishRun>>();
  readonly #idle = new Set<() => void>();
  readonly #counts: PublisherCounts = { sent: 0, confirmed: 0, refused: 0, returned: 0, unconfirmed: 0, late: 0 };

  constructor(channel: AmqpChannel, settings: Settings) {
    const life = lifeOf(channel);
    this.name = settings.name;
    this.dependsOn = settings.dependsOn;
    this.ended = new Promise((resolve) => void life.onClose(resolve));
    this.#settings = settings;
    this.#gate = new SendGate(life, settings.maxWaiting);
    const confirms = typeof (channel as { readonly waitForConfirms?: unknown }).waitForConfirms === 'function';
    this.#parts = { ...settings, channel, life, confirms, counts: this.#counts };
    watchReturns(channel, {
      take: (returned) => this.#take(returned),
      orphaned: (returned) => this.#hearOrphan(returned),
    });
  }

  async publish(context: Context, message: PublishMessage): Promise<Published> {
    requireContext('publish', context);
    const letter = letterOf(context, message);
    context.throwIfCancelled(); // (1)
    const { life } = this.#parts;
    if (life.end !== undefined) throw life.end;
    const run = new PublishRun(this.#parts, letter, (ended) => this.#forget(ended));
    this.#remember(run);
    run.watch();
    const { maxWaiting } = this.#settings;
    if (!run.isOver && !this.#gate.enter(run)) run.refuse(new PublisherFullError(this.name, maxWaiting)); // (3)
    return run.outcome;
  }

  async drain(context?: Context): Promise<void> {
    const { clock } = this.#settings;
    const limit = limitOf(`${this.name}.drain`, context, this.#settings);
    if (this.#pending.size === 0) return;
    const idle = new Promise<void>((resolve) => void this.#idle.add(resolve));
    await endedBefore(idle, limit, clock);
  }

  isIdle(): boolean {
    return this.#pending.size === 0;
  }

  check(): true | { readonly warning: string } {
    const { end, isBlocked } = this.#parts.life;
    if (end !== undefined) throw end;
    return isBlocked ? { warning: `the broker blocks ${this.name}` } : true;
  }

  snapshot(): ReturnType<Publisher['snapshot']> {
    const waiting = this.#gate.waitingCount;
    const all = [...this.#pending.values()].reduce((count, runs) => count + runs.size, 0);
    return { ...this.#counts, waiting, pending: all - waiting, isBlocked: this.#parts.life.isBlocked };
  }

  // --- internal ---

  #remember(run: PublishRun): void {
    const runs = this.#pending.get(run.messageId) ?? new Set();
    this.#pending.set(run.messageId, runs.add(run));
  }

  #forget(run: PublishRun): void {
    this.#gate.leave(run);
    const runs = this.#pending.get(run.messageId);
    runs?.delete(run);
    if (runs?.size === 0) this.#pending.delete(run.messageId);
    if (this.#pending.size > 0) return;
    for (const done of this.#idle) done();
    this.#idle.clear();
  }

  /** Several may be under way with one id, for several queues. */
  #take(returned: AmqpReturned): boolean {
    const runs = this.#pending.get(String(returned.properties.messageId)) ?? [];
    for (const run of runs) {
      if (!run.returned(returned)) continue;
      this.#counts.returned++;
      return true;
    }
    return false;
  }

  #hearOrphan(returned: AmqpReturned): void {
    const { onReturned } = this.#settings;
    this.#counts.returned++;
    if (onReturned !== undefined) callHook('onReturned', this.name, () => onReturned(returned));
  }
}

function letterOf(context: Context, message: PublishMessage): Letter {
  checkPublishMessage(message);
  const { exchange = '', routingKey, content, messageId = randomUUID(), ...options } = message;
  const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : asBuffer(content);
  return { context, exchange, routingKey, content: bytes, options: { ...options, messageId } };
}

/** The same bytes, which amqplib takes as a Buffer only. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
