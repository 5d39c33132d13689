/**
 * Audit messages: takes records of orders from their queue, each under a context of its own, as a part of the service.
 *
 * A record that fails is tried again, and goes to a queue of its own after five times; while the database is away it waits, which is
 * no fault of the record. One that comes twice is no mistake: the broker delivers again what was under way when a process died.
 *
 * @module
 */

import { type Context, messageOf } from '@holdfast/core';
import { type Consumer, type Disposition, type MessageFailure, createConsumer } from '@holdfast/queue/rabbitmq';
import type { Component } from '@holdfast/service';
import { isDatabaseUnavailable } from '@holdfast/sql';
import { type ChannelModel, connect } from 'amqplib';

import { assertAuditQueues } from '../contract/audit-queues.ts';
import { messageCodec } from '../contract/order-context.ts';
import { type PlacedOrder, auditQueue } from '../contract/order.ts';

/** What is done with messages. */
export interface AuditMessagesPorts {
  readonly handle: (context: Context, order: PlacedOrder) => Promise<void>;
  /** Told when no message comes any more: the platform's restart is what helps. */
  readonly onLost: (why: string) => unknown;
}

/** Takes messages. */
export class AuditMessages implements Component {
  readonly name = 'messages';
  readonly #url: string;
  readonly #ports: AuditMessagesPorts;
  #connection: ChannelModel | undefined;
  #consumer: Consumer | undefined;

  constructor(url: string, ports: AuditMessagesPorts) {
    this.#url = url;
    this.#ports = ports;
  }

  /** Messages that are handled now. */
  get runningCount(): number {
    return this.snapshot().running;
  }

  /** What became of messages, for metrics; nothing before it has started. */
  snapshot(): Pick<ReturnType<Consumer['snapshot']>, 'running' | 'handled' | 'failed' | 'expired' | 'abandoned'> {
    return this.#consumer?.snapshot() ?? { running: 0, handled: 0, failed: 0, expired: 0, abandoned: 0 };
  }

  async start(context: Context): Promise<void> {
    const connection = await connect(this.#url);
    connection.on('error', () => {}); // the consumer ends with it
    this.#connection = connection;
    const channel = await connection.createChannel();
    await assertAuditQueues(channel);
    const { handle, onLost } = this.#ports;
    const consumer = createConsumer(channel, {
      queue: auditQueue.name,
      codec: messageCodec,
      prefetchCount: 8,
      maxAttempts: 5,
      onFailure: waitForTheDatabase,
      handle: (own, { content }) => handle(own, JSON.parse(Buffer.from(content).toString()) as PlacedOrder),
    });
    this.#consumer = consumer;
    void consumer.ended.then((cause) => (cause === undefined ? undefined : onLost(messageOf(cause))));
    await consumer.start(context);
  }

  drain(context: Context): unknown {
    return this.#consumer?.drain(context);
  }

  async close(context: Context): Promise<void> {
    await this.#consumer?.close(context);
    await this.#connection?.close().catch(() => {}); // one that was lost is closed
  }
}

// --- internal ---

/** A record that failed since the database is away is kept, and tried again here, however often. */
function waitForTheDatabase({ error }: MessageFailure): Disposition | undefined {
  return isDatabaseUnavailable(error) ? { action: 'again', afterMs: 500 } : undefined;
}
