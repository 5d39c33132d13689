/**
 * What the types of consumers and publishers promise: channels of amqplib fit as they are, and so does any policy.
 *
 * @module
 */

import type { Channel, ConfirmChannel, ConsumeMessage, Message } from 'amqplib';
import type { Context, Pipeline } from '@holdfast/core';
import { describe, expectTypeOf, it } from 'vitest';

import type { AmqpChannel, AmqpMessage, AmqpReturned } from './amqp-channel.ts';
import type { ConsumerOptions } from './consumer-options.ts';
import { createConsumer } from './consumer.ts';
import type { Delivery } from './delivery.ts';
import { createPublisher } from './publisher.ts';

declare const channel: Channel;
declare const confirming: ConfirmChannel;

describe('channels of amqplib', () => {
  it('are taken as they are', () => {
    expectTypeOf<Channel>().toExtend<AmqpChannel>();
    expectTypeOf<ConfirmChannel>().toExtend<AmqpChannel>();
    expectTypeOf<ConsumeMessage>().toExtend<AmqpMessage>();
    expectTypeOf<Message>().toExtend<AmqpReturned>();
  });

  it('are what a consumer and a publisher need', () => {
    createPublisher(confirming);
    const consumer = createConsumer(channel, {
      queue: 'orders',
      handle: (context, delivery) => {
        expectTypeOf(context).toEqualTypeOf<Context>();
        expectTypeOf(delivery).toEqualTypeOf<Delivery>();
      },
    });
    expectTypeOf(consumer.ended).toEqualTypeOf<Promise<unknown>>();
    // @ts-expect-error -- a queue is needed
    createConsumer(channel, { handle: () => {} });
    // @ts-expect-error -- a text, not an object
    void createPublisher(confirming).publish(null as never, { routingKey: 'a', content: { a: 1 } });
  });

  it('go with any policy', () => {
    expectTypeOf<Pipeline>().toExtend<NonNullable<ConsumerOptions['policy']>>();
  });
});
