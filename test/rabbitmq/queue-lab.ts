/**
 * Queue lab: queues on a real server for tests, each with its own names, and what is seen of them from outside.
 *
 * @module
 */

import { randomUUID } from 'node:crypto';

import { type ChannelModel, type ConfirmChannel, connect, type Options } from 'amqplib';
import { inject } from 'vitest';

import { eventually } from '../redis-lab/eventually.ts';

/** A queue with a dead-letter queue, and a channel each for those who send and those who consume. */
export interface QueueLab {
  readonly queue: string;
  readonly dead: string;
  readonly connection: ChannelModel;
  readonly sending: ConfirmChannel;
  /** For one consumer. */
  readonly channel: () => Promise<ConfirmChannel>;
  /** Messages that wait in a queue; those that a consumer has are not among them. */
  readonly count: (queue: string) => Promise<number>;
  /** Waits until a queue has that many. */
  readonly countIs: (queue: string, count: number) => Promise<void>;
  /** Takes the next message out of a queue. */
  readonly take: (queue: string) => Promise<{ text: string; headers: Readonly<Record<string, unknown>> }>;
}

/** What can be connected to. */
export interface Broker {
  connect(): Promise<ChannelModel>;
}

/** The server that all tests share which break none. */
export const sharedServer: Broker = { connect: () => connect(inject('rabbitmqUrl')) };

/** Makes a queue of its own, on a connection of its own. */
export async function makeQueue(server: Broker = sharedServer, options: Options.AssertQueue = {}): Promise<QueueLab> {
  const connection = await server.connect();
  const sending = await connection.createConfirmChannel();
  const queue = `work-${randomUUID()}`;
  const dead = `dead-${queue}`;
  await sending.assertQueue(dead, { durable: true });
  await sending.assertQueue(queue, {
    durable: true,
    deadLetterExchange: '',
    deadLetterRoutingKey: dead,
    ...options,
  });
  const looking = await connection.createChannel();
  const count = async (name: string): Promise<number> => (await looking.checkQueue(name)).messageCount;
  return {
    queue,
    dead,
    connection,
    sending,
    channel: () => connection.createConfirmChannel(),
    count,
    async countIs(name, wanted) {
      await eventually(async () => (await count(name)) === wanted, {
        what: `${wanted} messages in ${name}`,
        limitMs: 30_000,
      });
    },
    async take(name) {
      const message = await eventually(() => looking.get(name, { noAck: true }), { what: `a message in ${name}` });
      return { text: message.content.toString(), headers: message.properties.headers ?? {} };
    },
  };
}

/** Resolves when `look` is true. */
export async function until(look: () => boolean, what: string): Promise<void> {
  await eventually(look, { what, limitMs: 30_000, everyMs: 5 });
}
