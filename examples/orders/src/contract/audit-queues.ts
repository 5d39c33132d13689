/**
 * Audit queues: the queue of records and that of those which cannot be handled, made by whoever comes first.
 *
 * @module
 */

import type { Channel } from 'amqplib';

import { auditQueue } from './order.ts';

/** Makes both, durable. */
export async function assertAuditQueues(channel: Pick<Channel, 'assertQueue'>): Promise<void> {
  await channel.assertQueue(auditQueue.deadLetters, { durable: true });
  await channel.assertQueue(auditQueue.name, {
    durable: true,
    deadLetterExchange: '',
    deadLetterRoutingKey: auditQueue.deadLetters,
  });
}
