import { Context } from '@holdfast/core';
import { CompressionTypes, Kafka, type KafkaMessage, type RecordMetadata } from 'kafkajs';
import { describe, expectTypeOf, it } from 'vitest';

import type { KafkaConsumer } from './kafka-component.ts';
import { kafkaConsumer } from './kafka-consumer.ts';
import type { KafkaMessageLike } from './kafka-like.ts';
import { kafkaProducer } from './kafka-producer.ts';

const kafka = new Kafka({ brokers: [] });

describe('kafkajs', () => {
  it('has consumers that ours is made of', () => {
    const consumer = kafkaConsumer({
      make: () => kafka.consumer({ groupId: 'billing' }),
      topics: ['orders', /^orders-/],
      handle: (context, { message, partition }) => {
        expectTypeOf(context).toEqualTypeOf<Context>();
        expectTypeOf(partition).toEqualTypeOf<number>();
        expectTypeOf(message).toEqualTypeOf<KafkaMessageLike>();
      },
    });
    expectTypeOf(consumer).toEqualTypeOf<KafkaConsumer>();
    expectTypeOf<KafkaMessage>().toExtend<KafkaMessageLike>();
    // @ts-expect-error -- a consumer reads topics
    kafkaConsumer({ make: () => kafka.consumer({ groupId: 'billing' }), handle: () => 1 });
  });

  it('has producers that ours takes', () => {
    const producer = kafkaProducer(kafka.producer());
    const sent = producer.send(Context.background, { topic: 'orders', messages: [{ value: 'x' }] });
    expectTypeOf(sent).resolves.toEqualTypeOf<RecordMetadata[]>();
    void producer.send(Context.background, { topic: 'orders', messages: [], compression: CompressionTypes.GZIP });
  });
});
