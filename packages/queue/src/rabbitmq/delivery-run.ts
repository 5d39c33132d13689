/**
 * Delivery run: one message from when it comes until it is settled.
 *
 *   delivered ─┬─ its deadline has passed ─► expired ─► settled
 *              └─ handled ─┬─ success ─────► acked
 *                          └─ failure ─► disposition ─┬─ ack, dead-letter, requeue ─► settled
 *                               ▲                 └─ again, or requeue later ─► held ─┬─ time passes ─► handled, or settled
 *                               └────────────────────────────────────────────────────┘└─ drain ───────► requeued
 *
 * Invariants
 *  (1) A message is settled at most once, whatever comes when; on a channel that is closed not at all, which is counted.
 *  (2) Its context ends with the first of: its deadline, the consumer's limits, the channel, a drain, and the end of its handler.
 *  (3) A message whose deadline has passed is not handled.
 *  (4) A message that is held leaves no timer behind, whatever ends it.
 *
 * @module
 */

import { type CancellableContext, type Context, type InFlight, type Timer, isRejection } from '@holdfast/core';

import { settledWithin } from '../in-flight/settled-within.ts';
import { type MessageContext, messageContext } from '../message-context.ts';
import type { Once, OnceTry } from '../once/once-port.ts';
import type { AmqpChannel, AmqpMessage } from './amqp-channel.ts';
import type { ChannelLife } from './channel-life.ts';
import type { ConsumerCounts } from './consumer-counts.ts';
import type { ConsumerSettings } from './consumer-options.ts';
import { type ConsumerEvent, eventOf } from './consumer-event.ts';
import { deliveryInfo } from './delivery.ts';
import { idOf, type MessageAttempts } from './message-attempts.ts';
import { MessageKeyMissingError } from './rabbitmq-error.ts';
import { expired, type MessageFailure, type Disposition, dispositionOf } from './disposition.ts';

/** What all deliveries of a consumer share. */
export interface ConsumerParts {
  readonly channel: AmqpChannel;
  readonly life: ChannelLife;
  readonly settings: ConsumerSettings;
  /** Ends with the channel. */
  readonly context: Context;
  readonly inFlight: InFlight;
  readonly attempts: MessageAttempts;
  readonly counts: ConsumerCounts;
  readonly tell: (event: ConsumerEvent) => void;
  /** Told when it is settled, or void. */
  readonly onSettled: (run: DeliveryRun) => void;
}

/** One message. */
export class DeliveryRun {
  readonly #parts: ConsumerParts;
  readonly #message: AmqpMessage;
  #timer: Timer | undefined = undefined;
  #isSettled = false;
  #heldMs = 0;
  #attempt = 0;

  constructor(parts: ConsumerParts, message: AmqpMessage) {
    this.#parts = parts;
    this.#message = message;
  }

  /** Whether it waits for another try. */
  get isHeld(): boolean {
    return this.#timer !== undefined;
  }

  /** Handles it. Never rejects. */
  async handle(): Promise<void> {
    const { settings, counts, attempts } = this.#parts;
    if (this.#parts.context.cancelled || !this.#parts.inFlight.isOpen) return this.requeue();
    if (this.#attempt === 0) this.#attempt = attempts.numberOf(this.#message, settings.queue);
    const { context, own } = this.#contextOf();
    if (context.cancelled) return this.#expire(context); // (3)
    const run = this.#parts.inFlight.begin(settings.queue, context);
    let hasFailed = true;
    try {
      await settledWithin(() => this.#throughPolicy(context), {
        ...settings,
        context,
        onAbandoned: () => this.#abandon(),
      });
      hasFailed = false;
      counts.handled++;
      this.#settle({ action: 'ack' });
    } catch (error) {
      this.#fail(error, { context, own });
    } finally {
      this.#parts.inFlight.end(run, hasFailed); // (2)
    }
  }

  /** Gives it back to the queue at once, wherever it is. */
  requeue(): void {
    this.#settle({ action: 'requeue' });
  }

  // --- internal ---

  #contextOf(): MessageContext {
    const { settings, context } = this.#parts;
    const { codec, queue } = settings;
    const info = { queue, messageId: idOf(this.#message), attempt: this.#attempt };
    const parent = context.withValue(deliveryInfo, info);
    return messageContext(parent, settings, (below) => codec.extract(this.#message.properties.headers, below));
  }

  #expire(context: CancellableContext): void {
    const { settings, counts, tell } = this.#parts;
    context.cancel();
    counts.expired++;
    tell({ ...eventOf('expired', this.#parts.settings), messageId: idOf(this.#message) });
    this.#settle(expired(settings));
  }

  #throughPolicy(context: Context): unknown {
    const { policy } = this.#parts.settings;
    return policy === undefined ? this.#work(context) : policy.execute((inner) => this.#work(inner), context);
  }

  async #work(context: Context): Promise<void> {
    const { settings, counts } = this.#parts;
    const { once, quarantine } = settings;
    if (once === undefined && quarantine === undefined) return void (await this.#call(context, undefined));
    const key = settings.keyOf(this.#message);
    if (typeof key !== 'string' || key === '') throw new MessageKeyMissingError(settings.name);
    const guarded = (inner: Context, grant: OnceTry | undefined): unknown =>
      quarantine === undefined ? this.#call(inner, grant) : quarantine.run(key, () => this.#call(inner, grant));
    if (once === undefined) return void (await guarded(context, undefined));
    const { isKnown } = await doneOnce({ once, key, context, work: guarded });
    if (isKnown) counts.known++;
  }

  #call(context: Context, grant: OnceTry | undefined): unknown {
    const { handle, queue } = this.#parts.settings;
    const message = this.#message;
    const { content, fields } = message;
    const attempt = this.#attempt;
    return handle(context, { queue, message, content, attempt, isRedelivered: fields.redelivered, grant });
  }

  #fail(error: unknown, { context, own }: MessageContext): void {
    const { counts, settings, inFlight, attempts, tell } = this.#parts;
    if (this.#isSettled) return;
    if (inFlight.isDrainCause(context.cause) || this.#parts.context.cancelled) return this.requeue(); // cut off; void without a channel
    const isRefused = isRejection(error);
    if (isRefused) counts.refused++;
    else {
      counts.failed++;
      attempts.fail(this.#message);
    }
    const failure: MessageFailure = {
      error,
      message: this.#message,
      attempt: this.#attempt,
      isRejection: isRefused,
      isExpired: own.remainingMs() <= 0, // by its own deadline, not only by a limit of the consumer
      heldMs: this.#heldMs,
    };
    if (!isRefused) this.#attempt++; // the next try, should it be made here
    const disposition = dispositionOf(failure, settings);
    tell({ ...eventOf('failed', this.#parts.settings), failure, disposition });
    this.#carryOut(disposition);
  }

  #carryOut(disposition: Disposition): void {
    const isLast = disposition.action === 'ack' || disposition.action === 'dead-letter'; // whatever time a hook may have added
    const afterMs = isLast ? 0 : (disposition.afterMs ?? 0);
    const isWaiting = disposition.action === 'again' || afterMs > 0;
    if (isWaiting && !this.#parts.inFlight.isOpen) this.requeue();
    else if (disposition.action === 'again') this.#hold(afterMs, () => void this.handle());
    else if (afterMs > 0) this.#hold(afterMs, () => this.#settle(disposition));
    else this.#settle(disposition);
  }

  #hold(afterMs: number, then: () => void): void {
    const { counts, settings } = this.#parts;
    counts.held++;
    this.#timer = settings.clock.setTimer(() => {
      this.#timer = undefined;
      counts.held--;
      this.#heldMs += afterMs;
      then();
    }, afterMs);
  }

  #settle(disposition: Disposition): void {
    if (this.#isSettled) return; // (1)
    this.#end();
    const { channel, life, counts, attempts } = this.#parts;
    const message = this.#message as never;
    const isDone = life.settle(() => {
      if (disposition.action === 'ack') channel.ack(message);
      else channel.nack(message, false, disposition.action !== 'dead-letter');
    });
    if (!isDone) counts.void++;
    else if (disposition.action === 'ack') counts.acked++;
    else if (disposition.action === 'dead-letter') counts.deadLettered++;
    else counts.requeued++;
    if (disposition.action === 'ack' || disposition.action === 'dead-letter') attempts.forget(this.#message);
  }

  #end(): void {
    this.#isSettled = true;
    if (this.#timer !== undefined) {
      this.#timer.cancel(); // (4)
      this.#timer = undefined;
      this.#parts.counts.held--;
    }
    this.#parts.onSettled(this);
  }

  #abandon(): void {
    this.#parts.counts.abandoned++;
    this.#parts.tell({ ...eventOf('abandoned', this.#parts.settings), messageId: idOf(this.#message) });
  }
}

// --- internal ---

interface OnceWork {
  readonly once: Once;
  readonly key: string;
  readonly context: Context;
  readonly work: (context: Context, grant: OnceTry) => unknown;
}

/**
 * Does `work` once. What remembers it leaves at once when the context ends; the work then has its grace all the same, and what it
 * comes to counts.
 */
async function doneOnce({ once, key, context, work }: OnceWork): Promise<{ readonly isKnown: boolean }> {
  const runs: Promise<true>[] = [];
  const job = (inner: Context, grant: OnceTry): Promise<true> => {
    const run = Promise.resolve(work(inner, grant)).then((): true => true);
    runs.push(run);
    return run;
  };
  try {
    await once.run(key, job, context);
  } catch (error) {
    const hasLeft = context.cancelled && error === context.cause;
    if (runs.length === 0 || !hasLeft) throw error;
    await Promise.all(runs);
  }
  return { isKnown: runs.length === 0 };
}
