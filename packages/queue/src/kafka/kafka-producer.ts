/**
 * Kafka producer: sends messages that carry the context of whoever sends them, in their headers.
 *
 * Invariants
 *  (1) Nothing is sent under a context that has ended.
 *  (2) A message's own headers stay, but for those that carry a context; what the caller handed in is not changed.
 *
 * @module
 */

import { ConfigError, type Context, requireContext, withKnown } from '@holdfast/core';

import { type QueueCodec, createQueueCodec, requireQueueCodec } from '../codec.ts';
import type { KafkaHeaders, KafkaProducerLike } from './kafka-like.ts';

/** Options of {@link kafkaProducer}. */
export interface KafkaProducerOptions {
  /** What of a context travels. By default the deadline, the criticality, the trace and the id of the request. */
  readonly codec?: QueueCodec;
}

/** A message to be sent, as the client takes it. */
export interface NewMessage {
  readonly key?: Buffer | string | null;
  readonly value: Buffer | string | null;
  readonly partition?: number;
  readonly timestamp?: string;
  readonly headers?: KafkaHeaders;
}

/** Messages to be sent to a topic, as the client takes them. */
export interface NewRecord {
  readonly topic: string;
  readonly messages: readonly NewMessage[];
  readonly acks?: number;
  readonly timeout?: number;
  /** As the client numbers it: `CompressionTypes.GZIP` of kafkajs. */
  readonly compression?: number;
}

/** Sends messages with their context. */
export interface KafkaProducer<R> {
  /** Sends messages as the client's own `send` does. What is sent cannot be taken back: it is waited for, whatever the context does. */
  send(context: Context, record: NewRecord): Promise<R>;
  /** Returns `message` with the context in its headers, for what sends messages in another way: a batch, a transaction. */
  withContext<M extends { readonly headers?: KafkaHeaders }>(
    context: Context,
    message: M,
  ): M & { headers: KafkaHeaders };
}

/**
 * Makes a producer of one of kafkajs or @confluentinc/kafka-javascript, which must be connected. It holds no state.
 *
 * @throws ConfigError at creation, when `producer` is none or an option is not valid; from send, when there is no list of messages.
 * @throws `context.cause` from its methods, when the context has ended; nothing was sent.
 * @throws the client's own error from send, unchanged.
 *
 * @example
 * ```ts
 * const orders = kafkaProducer(kafka.producer());
 * await orders.send(context, { topic: 'orders', messages: [{ key: order.id, value: JSON.stringify(order) }] });
 * ```
 */
export function kafkaProducer<R>(producer: KafkaProducerLike<R>, options: KafkaProducerOptions = {}): KafkaProducer<R> {
  if (typeof producer?.send !== 'function') throw new ConfigError('kafkaProducer producer', 'a producer', producer);
  const { codec } = withKnown('kafkaProducer', { codec: createQueueCodec() }, options);
  requireQueueCodec('kafkaProducer.codec', codec);
  const withContext = <M extends { readonly headers?: KafkaHeaders }>(
    context: Context,
    message: M,
  ): M & { headers: KafkaHeaders } => {
    requireContext('kafkaProducer', context);
    context.throwIfCancelled(); // (1)
    return { ...message, headers: codec.inject(context, { ...message.headers }) }; // (2)
  };
  return Object.freeze({
    withContext,
    send: async (context: Context, record: NewRecord): Promise<R> => {
      if (!Array.isArray(record?.messages))
        throw new ConfigError('kafkaProducer.send record.messages', 'a list of messages', record?.messages);
      const messages = record.messages.map((message) => withContext(context, message));
      return producer.send({ ...record, messages } as never);
    },
  });
}
