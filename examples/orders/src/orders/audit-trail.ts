/**
 * Audit trail: tells the audit service what was ordered, by a message that carries who ordered, over which trace.
 *
 * A record must come, however late it is: no deadline goes with it. It waits in a durable queue while nobody takes it.
 *
 * @module
 */

import type { Context } from '@holdfast/core';
import { type Publisher, createPublisher } from '@holdfast/queue/rabbitmq';
import type { Component } from '@holdfast/service';
import { type ChannelModel, connect } from 'amqplib';

import { assertAuditQueues } from '../contract/audit-queues.ts';
import { messageCodec } from '../contract/order-context.ts';
import { type PlacedOrder, auditQueue } from '../contract/order.ts';

/** Tells what was ordered. */
export class AuditTrail implements Component {
  readonly name = 'audit trail';
  readonly #url: string;
  readonly #onLost: (why: string) => unknown;
  #connection: ChannelModel | undefined;
  #publisher: Publisher | undefined;
  #isClosing = false;

  /** `onLost` is told when the connection is lost: the platform's restart is what brings a new one. */
  constructor(url: string, onLost: (why: string) => unknown) {
    this.#url = url;
    this.#onLost = onLost;
  }

  async start(): Promise<void> {
    const connection = await connect(this.#url);
    connection.on('error', () => {}); // `close` follows
    connection.on('close', () => this.#isClosing || this.#onLost('the connection to RabbitMQ is lost'));
    this.#connection = connection;
    const channel = await connection.createConfirmChannel();
    await assertAuditQueues(channel);
    this.#publisher = createPublisher(channel, { name: this.name, codec: messageCodec });
  }

  /** Tells of an order. Ends with the context; resolves when the broker has it. */
  async record(context: Context, order: PlacedOrder): Promise<void> {
    if (this.#publisher === undefined) throw new TypeError('the audit trail has not been started');
    await this.#publisher.publish(context, {
      routingKey: auditQueue.name,
      content: JSON.stringify(order),
      messageId: order.ref,
      deadline: 'none', // it waits for the audit, however long that is away
    });
  }

  isIdle(): boolean {
    return this.#publisher?.isIdle() ?? true;
  }

  async drain(context: Context): Promise<void> {
    await this.#publisher?.drain(context);
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#connection?.close();
  }
}
