/**
 * Publish run: one message until the broker has it, or has it not, or nobody waits for the answer any more.
 *
 *   waiting ── gate opens ─► sent ─┬─ confirmed ──────────► published, or returned
 *     │                            ├─ refused ────────────► refused
 *     │                            └─ context or channel ends ─► unconfirmed
 *     └── context or channel ends ─► never sent
 *
 * Invariants
 *  (1) Nothing is sent once the context has ended.
 *  (2) It settles once; what comes later is dropped, and no listener is left.
 *
 * @module
 */

import type { Context } from '@holdfast/core';

import type { AmqpChannel, AmqpReturned } from './amqp-channel.ts';
import type { ChannelLife } from './channel-life.ts';
import { type LetterOptions, type PropertyDefaults, propertiesOf } from './publish-properties.ts';
import type { PublisherCounts } from './publisher-counts.ts';
import {
  channelErrorOf,
  MessageReturnedError,
  PublishRefusedError,
  PublishUnconfirmedError,
} from './rabbitmq-error.ts';
import type { Waiting } from './send-gate.ts';

/** What became of a message. */
export interface Published {
  readonly messageId: string;
  /** Whether the broker said that it has it; without a confirm channel nobody does. */
  readonly isConfirmed: boolean;
}

/** Where a message goes, and what it is. */
export interface Letter {
  readonly context: Context;
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Uint8Array;
  readonly options: LetterOptions;
}

/** What all messages of a publisher share. */
export interface PublishParts extends PropertyDefaults {
  readonly name: string;
  readonly channel: AmqpChannel;
  readonly life: ChannelLife;
  readonly confirms: boolean;
  readonly counts: PublisherCounts;
}

/** One message. */
export class PublishRun implements Waiting {
  readonly outcome: Promise<Published>;
  readonly #parts: PublishParts;
  readonly #letter: Letter;
  readonly #undo: (() => unknown)[] = [];
  readonly #settled: (run: PublishRun) => void;
  #resolve: ((published: Published) => void) | undefined = undefined;
  #reject: ((error: unknown) => void) | undefined = undefined;
  #isSent = false;
  #isReturned = false;

  constructor(parts: PublishParts, letter: Letter, settled: (run: PublishRun) => void) {
    this.#parts = parts;
    this.#letter = letter;
    this.#settled = settled;
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Ends it with its context, or with the channel. One that is over is watched by nobody. */
  watch(): void {
    this.#undo.push(this.#letter.context.onCancel((cause) => this.#giveUp(cause)));
    if (!this.isOver) this.#undo.push(this.#parts.life.onClose((end) => this.#giveUp(end)));
  }

  /** Whether it has settled. */
  get isOver(): boolean {
    return this.#resolve === undefined;
  }

  get messageId(): string {
    return this.#letter.options.messageId;
  }

  /** Notes that the broker has returned it, where it is this one. Returns whether it is, and had not been returned before. */
  returned({ fields }: AmqpReturned): boolean {
    const { exchange, routingKey } = this.#letter;
    if (this.#isReturned || fields.exchange !== exchange || fields.routingKey !== routingKey) return false;
    this.#isReturned = true;
    return true;
  }

  /** Refuses it, before it was sent. */
  refuse(error: unknown): void {
    this.#end(error);
  }

  send(): boolean {
    const { channel, confirms, counts } = this.#parts;
    const { context, exchange, routingKey, content, options } = this.#letter;
    if (context.cancelled) this.#giveUp(context.cause); // (1): its listener was not told yet
    if (this.isOver) return true;
    let hasRoom = true;
    try {
      const properties = propertiesOf(context, options, this.#parts);
      const hear = (error: unknown): void => this.#hear(error);
      const args = [exchange, routingKey, content as never, properties, ...(confirms ? [hear] : [])] as const;
      hasRoom = (channel.publish as (...given: readonly unknown[]) => boolean).call(channel, ...args);
    } catch (error) {
      this.#end(this.#parts.life.end ?? channelErrorOf(error)); // amqplib could not send it, or the channel is closing
      return true;
    }
    this.#isSent = true;
    counts.sent++;
    if (!confirms) this.#succeed(false);
    return hasRoom;
  }

  // --- internal ---

  #hear(error: unknown): void {
    const { counts, name } = this.#parts;
    const { exchange, routingKey } = this.#letter;
    const { messageId } = this;
    if (error === null || error === undefined) {
      if (this.#resolve === undefined) counts.late++;
      else if (this.#isReturned) this.#end(new MessageReturnedError(name, { messageId, exchange, routingKey }));
      else this.#succeed(true);
    } else if (error instanceof Error && error.message === 'message nacked') {
      if (this.#resolve !== undefined) counts.refused++;
      this.#end(new PublishRefusedError(name, messageId, error));
    } else void this.#giveUpClosed(error);
  }

  /** The channel closed. amqplib tells that to its messages first, and a moment later to all, with what closed it. */
  async #giveUpClosed(told: unknown): Promise<void> {
    await Promise.resolve();
    this.#giveUp(this.#parts.life.end ?? told);
  }

  #succeed(isConfirmed: boolean): void {
    const resolve = this.#resolve;
    if (resolve === undefined) return;
    if (isConfirmed) this.#parts.counts.confirmed++;
    this.#close();
    resolve({ messageId: this.messageId, isConfirmed });
  }

  #giveUp(cause: unknown): void {
    if (!this.#isSent) return this.#end(cause);
    if (this.#resolve !== undefined) this.#parts.counts.unconfirmed++;
    this.#end(new PublishUnconfirmedError(this.#parts.name, this.messageId, cause));
  }

  #end(error: unknown): void {
    const reject = this.#reject;
    if (this.#resolve === undefined || reject === undefined) return; // (2)
    this.#close();
    reject(error);
  }

  #close(): void {
    this.#resolve = undefined;
    for (const undo of this.#undo) undo();
    this.#settled(this);
  }
}
