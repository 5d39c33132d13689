/**
 * Values never bleed: messages that are handled side by side, each with values of its own, which every step of its handler finds
 * again. 5,000 in the check; `HOLDFAST_DELIVERIES` says how many else.
 *
 * @module
 */

import { ambient, defineContextSchema, requestId } from '@holdfast/context';
import { Context } from '@holdfast/core';
import { createQueueCodec } from '@holdfast/queue';
import { createConsumer, createPublisher, deliveryInfo } from '@holdfast/queue/rabbitmq';
import { expect, it } from 'vitest';

import { makeQueue, until } from './queue-lab.ts';
import { skipWithoutRabbitmq } from '../rabbitmq-lab/skip-without-rabbitmq.ts';

const count = Number(process.env['HOLDFAST_DELIVERIES'] ?? 5000);
const schema = defineContextSchema({ version: '1.0', fields: { 'user-id': { type: 'integer' } } });
const codec = createQueueCodec({ schema, accept: 'all', send: 'all' });
const userId = schema.keys['user-id'];

skipWithoutRabbitmq();

it(`keeps the values of ${count} interleaved deliveries apart`, async () => {
  const { queue, sending, channel, connection } = await makeQueue();
  const publisher = createPublisher(sending, { codec, maxWaiting: count, persistent: false });
  const seen = new Set<number>();
  const mixed: string[] = [];
  const check = (context: Context | undefined, n: number, where: string): void => {
    const found = [context?.value(userId), context?.value(requestId), context?.value(deliveryInfo)?.messageId];
    if (found.join() !== [n, `r-${n}`, `m-${n}`].join()) mixed.push(`${where}: ${found.join()} is not of ${n}`);
  };
  const consumers = await Promise.all(
    [1, 2, 3, 4].map(async () =>
      createConsumer(await channel(), {
        queue,
        codec,
        prefetchCount: 100,
        handle: (context, { content }) =>
          ambient.run(context, async () => {
            const n = Number(Buffer.from(content).toString());
            for (let step = 0; step < 3; step++) {
              check(context, n, 'argument');
              check(ambient.current(), n, 'ambient');
              await (n % 2 === step % 2 ? Promise.resolve() : new Promise((resolve) => setImmediate(resolve)));
            }
            seen.add(n);
          }),
      }),
    ),
  );
  await Promise.all(consumers.map((consumer) => consumer.start()));

  for (let from = 0; from < count; from += 1000) {
    const batch = Array.from({ length: Math.min(1000, count - from) }, (_, index) => from + index);
    await Promise.all(
      batch.map((n) => {
        const context = Context.background.withValue(userId, n).withValue(requestId, `r-${n}`).withTimeout(600_000);
        return publisher.publish(context, { routingKey: queue, content: `${n}`, messageId: `m-${n}` });
      }),
    );
  }
  await until(() => seen.size === count, 'all of them');
  await Promise.all(consumers.map((consumer) => consumer.close()));
  await connection.close();

  expect(mixed).toEqual([]);
  const acked = consumers.reduce((sum, consumer) => sum + consumer.snapshot().acked, 0);
  expect(acked).toBe(count);
}, 600_000);
