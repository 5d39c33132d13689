/**
 * Consumer event: what a consumer tells whoever listens.
 *
 * @module
 */

import type { MessageFailure, Disposition } from './disposition.ts';

interface EventOf<T extends string> {
  readonly type: `rabbitmq-consumer.${T}`;
  readonly policy: 'rabbitmq-consumer';
  /** Name of the consumer. */
  readonly name: string;
  readonly queue: string;
}

/** A try of a message has failed; `disposition` is what is done with it. */
export interface MessageFailedEvent extends EventOf<'failed'> {
  readonly failure: MessageFailure;
  readonly disposition: Disposition;
}

/** A message was not handled, since its deadline had passed. */
export interface MessageExpiredEvent extends EventOf<'expired'> {
  readonly messageId: string | undefined;
}

/** A handler did not end with its context; its message was settled without it. */
export interface HandlerAbandonedEvent extends EventOf<'abandoned'> {
  readonly messageId: string | undefined;
}

/** The broker has cancelled the consumer. */
export type ConsumerCancelledEvent = EventOf<'cancelled'>;

/** The broker had cancelled the consumer, and it consumes again. */
export type ConsumerResubscribedEvent = EventOf<'resubscribed'>;

/** The consumer takes no messages any more; `cause` says why. */
export interface ConsumerEndedEvent extends EventOf<'ended'> {
  readonly cause: unknown;
}

/** What a consumer tells. */
export type ConsumerEvent =
  | MessageFailedEvent
  | MessageExpiredEvent
  | HandlerAbandonedEvent
  | ConsumerCancelledEvent
  | ConsumerResubscribedEvent
  | ConsumerEndedEvent;

/** What every event of a consumer says. */
export function eventOf<T extends string>(
  type: T,
  consumer: { readonly name: string; readonly queue: string },
): EventOf<T> {
  const { name, queue } = consumer;
  return { type: `rabbitmq-consumer.${type}`, policy: 'rabbitmq-consumer', name, queue };
}
