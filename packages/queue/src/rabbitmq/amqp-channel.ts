/**
 * AMQP channel: what is needed of a channel of amqplib. It is described here and handed in; nothing of amqplib is imported.
 *
 * @module
 */

import { ConfigError } from '@holdfast/core';

/** A message as amqplib hands it over. */
export interface AmqpMessage {
  readonly content: Uint8Array;
  readonly fields: {
    readonly deliveryTag: number;
    readonly redelivered: boolean;
    readonly exchange: string;
    readonly routingKey: string;
  };
  readonly properties: AmqpProperties;
}

/** Properties of a message that are read here. */
export interface AmqpProperties {
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
  readonly messageId?: unknown;
}

/** A message that no queue wanted. */
export interface AmqpReturned {
  readonly fields: {
    readonly replyCode?: number;
    readonly replyText?: string;
    readonly exchange: string;
    readonly routingKey: string;
  };
  readonly properties: AmqpProperties;
}

/** What is sent with a message, as amqplib takes it. */
export interface AmqpPublishOptions {
  readonly headers?: unknown;
  readonly messageId?: string | undefined;
  readonly expiration?: string | undefined;
  readonly mandatory?: boolean | undefined;
  readonly persistent?: boolean | undefined;
}

/** The connection of a channel. */
export interface AmqpConnection {
  // oxlint-disable-next-line typescript/no-explicit-any -- as emitters have it
  on?(event: string, listener: (...details: any[]) => void): unknown;
  readonly blocked?: unknown;
}

/** What a consumer and a publisher need of a channel, be it one of amqplib with or without confirms. */
export interface AmqpChannel {
  readonly connection: object;
  // oxlint-disable-next-line typescript/no-explicit-any -- as emitters have it
  on(event: string, listener: (...details: any[]) => void): unknown;
  prefetch(count: number): Promise<unknown>;
  consume(
    queue: string,
    // oxlint-disable-next-line typescript/no-explicit-any -- its own type of messages, or null
    onMessage: (message: any) => void,
    options?: object,
  ): Promise<{ readonly consumerTag: string }>;
  cancel(consumerTag: string): Promise<unknown>;
  ack(message: never): void;
  nack(message: never, allUpTo?: boolean, requeue?: boolean): void;
  publish(exchange: string, routingKey: string, content: never, options?: object): boolean;
  close(): Promise<unknown>;
}

/**
 * Checks that `channel` is a channel.
 *
 * @throws ConfigError when it is not, and says so of a connection, from which a channel is made first.
 */
export function requireChannel(place: string, channel: unknown): void {
  const given = (channel ?? {}) as Partial<Record<keyof AmqpChannel | 'createChannel', unknown>>;
  if (typeof given.createChannel === 'function')
    throw new ConfigError(`${place} channel`, 'a channel: await connection.createConfirmChannel()', channel);
  const isChannel = methods.every((method) => typeof given[method] === 'function');
  if (!isChannel || typeof given.connection !== 'object')
    throw new ConfigError(`${place} channel`, 'a channel of amqplib, of its promise API', channel);
}

// --- internal ---

const methods = ['on', 'prefetch', 'consume', 'cancel', 'ack', 'nack', 'publish', 'close'] as const;
