/**
 * Consumer: handles the messages of a queue of RabbitMQ, each under a context of its own, and settles each exactly once.
 *
 *   new ── start ─► consuming ─┬─ drain ────────────────────► drained ── close ─► closed
 *                              ├─ the channel closes ───────► ended: every context ends, the broker delivers again
 *                              └─ the broker cancels it ──┬─► ended: what runs is finished
 *                                                         └─ resubscribe ─► consuming
 *
 * Invariants
 *  (1) At most `prefetchCount` messages are here at once, those that wait for another try included.
 *  (2) No message is begun once a drain has begun; one that comes nevertheless is requeued.
 *  (3) When a drain is over every message is settled: acked, dead-lettered or back in its queue.
 *  (4) `ended` settles once, with what ended the consumer; undefined where that was its close.
 *
 * @module
 */

import {
  type CancellableContext,
  ConfigError,
  type Context,
  type DrainReport,
  createInFlight,
  reportHookError,
  tellEvent,
} from '@holdfast/core';

import { endedBefore } from '../in-flight/ended-before.ts';
import { limitOf } from '../in-flight/limit-of.ts';
import { type AmqpChannel, type AmqpMessage, requireChannel } from './amqp-channel.ts';
import { type ChannelLife, lifeOf } from './channel-life.ts';
import { type ConsumerCounts, noCounts } from './consumer-counts.ts';
import { type ConsumerEvent, eventOf } from './consumer-event.ts';
import { type ConsumerOptions, type ConsumerSettings, resolveConsumerOptions } from './consumer-options.ts';
import { type ConsumerParts, DeliveryRun } from './delivery-run.ts';
import { MessageAttempts } from './message-attempts.ts';
import { channelErrorOf, ConsumerCancelledError } from './rabbitmq-error.ts';

/** A consumer as a part of the service: a component of a lifecycle. */
export interface Consumer {
  readonly name: string;
  readonly dependsOn: readonly string[] | undefined;
  /** Settles, and never rejects, with why it takes no messages any more; undefined after its close. */
  readonly ended: Promise<unknown>;
  /** Begins to consume. */
  start(context?: Context): Promise<void>;
  /** Takes no new message, waits for those that are handled until `context` ends, and requeues the rest. Never rejects. */
  drain(context?: Context): Promise<DrainReport>;
  /** Drains, if that was not done; then closes the channel, where it was told to. */
  close(context?: Context): Promise<void>;
  /** Whether no message is handled, or waits here to be handled again. */
  isIdle(): boolean;
  /** What messages have come to, and how many are handled. */
  snapshot(): Readonly<ConsumerCounts> & { readonly running: number };
}

/**
 * Creates a consumer on a channel of its own.
 *
 * @throws ConfigError at creation, when an option is not valid; from start, when it was started or drained before.
 * @throws ChannelClosedError from start, when the channel is closed.
 * @throws what the broker answers from start, as a queue that does not exist, for which it closes the channel.
 * @throws `context.cause` from start, when the broker does not answer in time; the consumer is over then.
 *
 * @example
 * ```ts
 * const orders = createConsumer(channel, {
 *   queue: 'orders',
 *   prefetchCount: 20,
 *   handle: (context, { content }) => place(JSON.parse(content.toString()), context),
 * });
 * await orders.start();
 * ```
 */
export function createConsumer(channel: AmqpChannel, options: ConsumerOptions): Consumer {
  requireChannel('createConsumer', channel);
  return new ChannelConsumer(channel, resolveConsumerOptions(options));
}

// --- internal ---

/** Messages whose failures are remembered. */
const MAX_REMEMBERED = 10_000;

class ChannelConsumer implements Consumer {
  readonly name: string;
  readonly dependsOn: readonly string[] | undefined;
  readonly ended: Promise<unknown>;
  readonly #channel: AmqpChannel;
  readonly #settings: ConsumerSettings;
  readonly #life: ChannelLife;
  readonly #root: CancellableContext;
  readonly #counts: ConsumerCounts = noCounts();
  readonly #runs = new Set<DeliveryRun>();
  readonly #parts: ConsumerParts;
  readonly #forgetLife: () => void;
  #end: ((cause: unknown) => void) | undefined = undefined;
  #tag: string | undefined = undefined;
  #hasStarted = false;
  #drained: Promise<DrainReport> | undefined = undefined;
  #closing: Promise<unknown> | undefined = undefined;

  constructor(channel: AmqpChannel, settings: ConsumerSettings) {
    const { name, clock, graceMs } = settings;
    this.name = name;
    this.dependsOn = settings.dependsOn;
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.#channel = channel;
    this.#settings = settings;
    this.#life = lifeOf(channel);
    this.#root = settings.context.withCancel();
    this.#parts = {
      channel,
      life: this.#life,
      settings,
      context: this.#root,
      inFlight: createInFlight({ name, clock, graceMs }),
      attempts: new MessageAttempts(MAX_REMEMBERED),
      counts: this.#counts,
      tell: (event) => this.#tell(event),
      onSettled: (run) => void this.#runs.delete(run),
    };
    this.#root.onCancel((cause) => this.#stopConsuming(cause));
    this.#forgetLife = this.#life.onClose((end) => this.#root.cancel(end));
  }

  async start(context?: Context): Promise<void> {
    const limit = this.#limited('start', context);
    if (this.#hasStarted) throw new ConfigError(`${this.name}.start`, 'called once', 'a second call');
    if (!this.#parts.inFlight.isOpen)
      throw new ConfigError(`${this.name}.start`, 'called before its drain', 'a later call');
    limit.throwIfCancelled();
    this.#root.throwIfCancelled();
    this.#hasStarted = true;
    try {
      await endedBefore(this.#subscribe(), limit, this.#settings.clock);
    } catch (failure) {
      const error = channelErrorOf(failure);
      this.#root.cancel(error); // it is over: what the broker answers later begins nothing
      throw error;
    }
  }

  drain(context?: Context): Promise<DrainReport> {
    const limit = this.#limited('drain', context);
    const isOver = this.#drained;
    if (isOver === undefined) this.#unsubscribe();
    const report = this.#parts.inFlight.drain(limit); // (2): from here on
    for (const run of this.#runs) if (run.isHeld) run.requeue();
    this.#drained = isOver ?? this.#finish(report);
    return this.#drained;
  }

  async close(context?: Context): Promise<void> {
    const limit = this.#limited('close', context);
    await this.drain(limit);
    this.#forgetLife();
    this.#endBy(undefined);
    this.#root.cancel();
    if (!this.#settings.closesChannel || this.#life.end !== undefined) return;
    this.#closing ??= this.#channel.close().catch((error: unknown) => reportHookError('close', error, this.name));
    await endedBefore(this.#closing, limit, this.#settings.clock);
  }

  isIdle(): boolean {
    return this.#parts.inFlight.size === 0;
  }

  snapshot(): Readonly<ConsumerCounts> & { readonly running: number } {
    return { ...this.#counts, running: this.#parts.inFlight.size };
  }

  // --- internal ---

  /** The broker takes both in this order, with nothing of this channel between them: the count is that of this consumer. */
  async #subscribe(): Promise<void> {
    const { queue, prefetchCount, consume } = this.#settings;
    const counted = this.#channel.prefetch(prefetchCount); // (1)
    const consumed = this.#channel.consume(queue, (message: AmqpMessage | null) => this.#receive(message), {
      ...consume,
      noAck: false,
    });
    const [, { consumerTag }] = await Promise.all([counted, consumed]);
    this.#tag = consumerTag;
    if (this.#isOver) this.#unsubscribe(); // meanwhile
  }

  /** Whether it takes no message any more. */
  get #isOver(): boolean {
    return !this.#parts.inFlight.isOpen || this.#root.cancelled;
  }

  #unsubscribe(): void {
    const tag = this.#tag;
    this.#tag = undefined;
    if (tag === undefined || this.#life.end !== undefined) return;
    this.#life.settle(() => void this.#channel.cancel(tag).catch(() => {})); // a channel that closes has no consumers
  }

  #receive(message: AmqpMessage | null): void {
    if (message === null) return void this.#loseSubscription();
    this.#counts.received++;
    const run = new DeliveryRun(this.#parts, message);
    this.#runs.add(run);
    void run.handle();
  }

  /** Waits for what runs, then gives back what is left. */
  async #finish(report: Promise<DrainReport>): Promise<DrainReport> {
    const outcome = await report;
    for (const run of this.#runs) run.requeue(); // (3)
    return outcome;
  }

  /** The channel is closed, or what all contexts hang on has ended. */
  #stopConsuming(cause: unknown): void {
    this.#unsubscribe();
    for (const run of this.#runs) if (run.isHeld) run.requeue();
    this.#endBy(cause);
  }

  async #loseSubscription(): Promise<void> {
    const { resubscribe, queue } = this.#settings;
    this.#tag = undefined;
    this.#counts.cancelled++;
    this.#tell(eventOf('cancelled', this.#settings));
    if (this.#isOver) return;
    if (resubscribe === undefined) return this.#endBy(new ConsumerCancelledError(this.name, queue));
    try {
      await resubscribe(this.#root);
      if (this.#isOver) return;
      await this.#subscribe();
      if (this.#isOver) return;
      this.#tell(eventOf('resubscribed', this.#settings));
    } catch (error) {
      this.#endBy(new ConsumerCancelledError(this.name, queue, error));
    }
  }

  #endBy(cause: unknown): void {
    const end = this.#end;
    if (end === undefined) return;
    this.#end = undefined; // (4)
    this.#tell({ ...eventOf('ended', this.#settings), cause });
    end(cause);
  }

  #limited(method: string, context: Context | undefined): Context {
    return limitOf(`${this.name}.${method}`, context, this.#settings);
  }

  #tell(event: ConsumerEvent): void {
    tellEvent(this.#settings.events, this.name, () => event);
  }
}
