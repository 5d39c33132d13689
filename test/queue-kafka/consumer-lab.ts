/**
 * Consumer lab: a fake broker, a producer and consumers of kafkajs on it, all of which are gone after the test.
 *
 * @module
 */

import type { Context } from '@holdfast/core';
import {
  type KafkaConsumer,
  type KafkajsConsumerOptions,
  type KafkaProducer,
  type ReceivedMessage,
  kafkaConsumer,
  kafkaProducer,
} from '@holdfast/queue/kafka';
import { type ConsumerConfig, Kafka, logLevel, Partitioners } from 'kafkajs';
import { onTestFinished } from 'vitest';

import { type KafkaBroker, startKafkaBroker } from '../kafka-lab/kafka-broker.ts';

/** How a consumer of a test is made. */
interface MemberOptions {
  readonly ours?: Partial<KafkajsConsumerOptions>;
  readonly client?: Partial<ConsumerConfig>;
}

/** Handles messages of a test. */
type Handle = (context: Context, received: ReceivedMessage) => unknown;

/** A broker, and what is needed to use it. */
export interface ConsumerLab {
  readonly broker: KafkaBroker;
  readonly producer: KafkaProducer<unknown>;
  /** Sends texts to a partition of `orders`. */
  readonly fill: (partition: number, values: readonly string[]) => Promise<void>;
  /** Starts a consumer in the group `g`, of a client named `name`. */
  readonly member: (name: string, handle: Handle, options?: MemberOptions) => Promise<KafkaConsumer>;
  readonly kafka: (name: string) => Kafka;
}

/** Starts a broker with a topic `orders` of so many partitions. */
export async function consumerLab(partitions: number): Promise<ConsumerLab> {
  const broker = await startKafkaBroker({ orders: partitions });
  const kafka = (clientId: string): Kafka =>
    new Kafka({
      clientId,
      brokers: [broker.address],
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 30, maxRetryTime: 200, retries: 20 },
    });
  const raw = kafka('producer').producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await raw.connect();
  const consumers: KafkaConsumer[] = [];
  onTestFinished(async () => {
    await Promise.allSettled(consumers.map((consumer) => consumer.close()));
    await raw.disconnect();
    await broker.stop();
  });
  return {
    broker,
    kafka,
    producer: kafkaProducer(raw),
    fill: async (partition, values) => {
      await raw.send({ topic: 'orders', messages: values.map((value) => ({ value, partition })) });
    },
    member: async (name, handle, options) => {
      const consumer = makeMember(kafka(name), handle, options);
      consumers.push(consumer);
      await consumer.start();
      return consumer;
    },
  };
}

/** Makes a consumer of the group `g`, with times that are short enough for a test. */
function makeMember(kafka: Kafka, handle: Handle, { ours, client }: MemberOptions = {}): KafkaConsumer {
  const times = { sessionTimeout: 2000, heartbeatInterval: 100, rebalanceTimeout: 5000, maxWaitTimeInMs: 50 };
  return kafkaConsumer({
    make: () => kafka.consumer({ groupId: 'g', ...times, ...client }),
    topics: ['orders'],
    fromBeginning: true,
    handle,
    heartbeatEveryMs: 100,
    sessionTimeoutMs: 2000,
    rebalanceTimeoutMs: 5000,
    pauseMs: 50,
    drainTimeoutMs: 1000,
    graceMs: 1000,
    ...ours,
  });
}

/** The text of a message. */
export function textOf({ message }: ReceivedMessage): string {
  return String(message.value);
}

/** Runs until its context ends, and then fails with the cause. */
export function untilEnd(context: Context): Promise<never> {
  return new Promise((_resolve, reject) => {
    context.onCancel(reject);
  });
}

/** A promise that is settled from outside. */
export function latch(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = nothing;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

const nothing = (): void => {};
