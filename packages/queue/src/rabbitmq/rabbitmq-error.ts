/**
 * RabbitMQ error: what handlers, and those who publish, are told.
 *
 * @module
 */

import { RejectionError, ResilienceError, messageOf, nameErrorClass } from '@holdfast/core';

/** The channel, or its connection, is closed. Contexts of messages end with it: the broker delivers them again. */
export class ChannelClosedError extends ResilienceError {
  readonly code = 'CHANNEL_CLOSED';

  constructor(cause: unknown) {
    super(cause instanceof Error ? `the channel is closed: ${messageOf(cause)}` : 'the channel is closed', { cause });
  }
}

/** The broker has cancelled the consumer, as it does when the queue is deleted. */
export class ConsumerCancelledError extends ResilienceError {
  readonly code = 'CONSUMER_CANCELLED';
  readonly queue: string;

  constructor(policy: string, queue: string, cause?: unknown) {
    super(`the broker has cancelled the consumer of ${queue}`, { policy, cause });
    this.queue = queue;
  }
}

/** The message has no id, so that nobody can tell whether it was handled before. */
export class MessageKeyMissingError extends RejectionError {
  readonly code = 'MESSAGE_KEY_MISSING';

  constructor(policy: string) {
    super('the message has no id by which it could be handled once', { policy });
  }
}

/**
 * Nobody knows whether the broker has the message: the context, or the channel, ended before it was confirmed. Sent again it may
 * arrive twice, with the same `messageId` if you give it that.
 */
export class PublishUnconfirmedError extends ResilienceError {
  readonly code = 'PUBLISH_UNCONFIRMED';
  readonly messageId: string;

  constructor(policy: string, messageId: string, cause: unknown) {
    super('the message was sent, and the broker has not confirmed it', { policy, cause });
    this.messageId = messageId;
  }
}

/** The broker has the message not: it refused it, as a queue does that is full. */
export class PublishRefusedError extends ResilienceError {
  readonly code = 'PUBLISH_REFUSED';
  readonly messageId: string;

  constructor(policy: string, messageId: string, cause: unknown) {
    super('the broker refused the message', { policy, cause });
    this.messageId = messageId;
  }
}

/** The message was returned: no queue is bound for its exchange and key. It is nowhere. */
export class MessageReturnedError extends ResilienceError {
  readonly code = 'MESSAGE_RETURNED';
  readonly messageId: string;
  readonly exchange: string;
  readonly routingKey: string;

  constructor(policy: string, returned: { messageId: string; exchange: string; routingKey: string }) {
    const { messageId, exchange, routingKey } = returned;
    super(`no queue takes messages of exchange "${exchange}" with key "${routingKey}"`, { policy });
    this.messageId = messageId;
    this.exchange = exchange;
    this.routingKey = routingKey;
  }
}

/** Too many messages wait until they can be sent, as they do while the broker blocks the connection. This one was not sent. */
export class PublisherFullError extends RejectionError {
  readonly code = 'PUBLISHER_FULL';
  readonly maxWaiting: number;

  constructor(policy: string, maxWaiting: number) {
    super(`${maxWaiting} messages wait to be sent`, { policy });
    this.maxWaiting = maxWaiting;
  }
}

/** What amqplib throws for a channel that is closed is told as the end of the channel; anything else as it is. */
export function channelErrorOf(error: unknown): unknown {
  const { name } = (error ?? {}) as { readonly name?: unknown };
  return name === 'IllegalOperationError' ? new ChannelClosedError(error) : error;
}

// --- internal ---

nameErrorClass(ChannelClosedError, 'ChannelClosedError');
nameErrorClass(ConsumerCancelledError, 'ConsumerCancelledError');
nameErrorClass(MessageKeyMissingError, 'MessageKeyMissingError');
nameErrorClass(PublishUnconfirmedError, 'PublishUnconfirmedError');
nameErrorClass(PublishRefusedError, 'PublishRefusedError');
nameErrorClass(MessageReturnedError, 'MessageReturnedError');
nameErrorClass(PublisherFullError, 'PublisherFullError');
