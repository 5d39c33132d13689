import { Context } from '@holdfast/core';
import { createQueueCodec } from '@holdfast/queue';
import { createConsumer } from '@holdfast/queue/rabbitmq';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { makeQueue, until } from './queue-lab.ts';
import { skipWithoutRabbitmq } from '../rabbitmq-lab/skip-without-rabbitmq.ts';

const names = fc.constantFrom(
  'x-context-deadline',
  'X-Context-Deadline',
  'x-request-timeout',
  'grpc-timeout',
  'x-context-criticality',
  'traceparent',
  'tracestate',
  'baggage',
  'x-request-id',
  'x-delivery-count',
  'x-death',
  'x-context',
  '__proto__',
);
const text = fc.oneof(
  fc.string({ maxLength: 50 }),
  fc.string({ unit: 'binary', maxLength: 50 }),
  fc.constantFrom('0', '-1', '1e400', '99999999999999999999999999', 'NaN', '1ms', '-5s', '00-0-0-0', '9'.repeat(300)),
);
/** What a header table of AMQP can hold. */
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2 },
    text,
    fc.boolean(),
    fc.constant(null),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    fc.constant({ '!': 'timestamp', value: 1_700_000_000 }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.string({ maxLength: 8 }), tie('value'), { maxKeys: 3 }),
  ),
}));
const headers = fc.dictionary(fc.oneof(names, fc.string({ maxLength: 10 })), value, { maxKeys: 6 });

describe('hostile messages', () => {
  skipWithoutRabbitmq();
  it('are handled or refused, and break nothing, whatever their headers are', async () => {
    const { queue, sending, channel, connection } = await makeQueue();
    const ends = new Set<number>();
    const consumer = createConsumer(await channel(), {
      queue,
      codec: createQueueCodec(),
      maxTimeoutMs: 30_000,
      defaultTimeoutMs: 20_000,
      handle: (context, { attempt }) => {
        ends.add(context.remainingMs());
        if (!(attempt >= 1)) throw new Error(`a try of number ${attempt}`);
      },
    });
    await consumer.start();

    const samples = fc.sample(headers, { numRuns: 1500, seed: 7 });
    let sent = 0;
    for (const sample of samples) {
      try {
        sending.sendToQueue(queue, Buffer.from('x'), { headers: sample, messageId: 'same' });
        sent++;
      } catch {
        // amqplib cannot write it, so nobody can send it either
      }
    }
    await sending.waitForConfirms();
    await until(() => consumer.snapshot().received === sent, 'all of them');
    await consumer.drain(Context.background.withTimeout(10_000));
    const { handled, expired, failed, abandoned, acked, deadLettered } = consumer.snapshot();
    await consumer.close();
    await connection.close();

    expect(sent).toBeGreaterThan(1000);
    expect([handled + expired, failed, abandoned, acked + deadLettered]).toEqual([sent, 0, 0, sent]);
    expect(Math.max(...ends)).toBeLessThanOrEqual(30_000);
  });
});
