import type { Outbox } from '@holdfast/degradation';
import { type OutboxSubject, outboxConformance } from '@holdfast/degradation/testing';
import { redisOutbox } from '@holdfast/redis';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type RedisServer, startRedisServer } from '../../redis-lab/redis-server.ts';

let server: RedisServer;
let client: Redis;
let count = 0;
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  server = await startRedisServer();
  client = server.connect({ lazyConnect: true });
});
afterAll(async () => {
  for (const outbox of opened) await outbox.close();
  await server.stop();
});

const subject: OutboxSubject = {
  handles: async ({ maxItems }) => {
    const options = { namespace: 'conformance', name: `outbox ${++count}`, maxItems, commandTimeoutMs: 5000 };
    const [one, other] = [redisOutbox<unknown>(client, options), redisOutbox<unknown>(client, options)];
    opened.push(one, other);
    return [one, other] satisfies readonly [Outbox<unknown>, Outbox<unknown>];
  },
  pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

describe('redisOutbox', () => {
  it.each(outboxConformance)('$name', async (each) => {
    await expect(each.run(subject)).resolves.toBeUndefined();
  });

  it('tells what comes under a key from what was there before, however soon it comes', async () => {
    const [one] = await subject.handles({ maxItems: 3 });
    for (let round = 0; round < 200; round += 1) {
      await one.add('a', 'first');
      const first = (await one.take({ leaseMs: 60_000, gapMs: 0 })).entry!;
      await one.bury(first, 'broken');
      await one.discard('a'); // nothing is left, and the stream begins anew: perhaps within the same millisecond
      await one.add('a', 'second');
      await one.settle(first);
      expect(await one.count()).toMatchObject({ waiting: 1 });
      await one.bury((await one.take({ leaseMs: 60_000, gapMs: 0 })).entry!, 'broken');
      await one.discard('a');
    }
  });

  it('charter M9: leaves no key without an end behind when nothing is kept', async () => {
    await server.admin.flushall();
    const [one] = await subject.handles({ maxItems: 5 });
    for (const key of ['a', 'b', 'c']) await one.add(key, key);
    expect((await server.keysWithoutTtl()).length).toBeGreaterThan(0); // work is not forgotten
    const take = async () => (await one.take({ leaseMs: 60_000, gapMs: 1 })).entry!;
    await one.settle(await take());
    await new Promise((resolve) => setTimeout(resolve, 5));
    await one.bury(await take(), 'no');
    await new Promise((resolve) => setTimeout(resolve, 5));
    await one.postpone(await take(), 1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await one.settle(await take());
    await one.discard('b');

    expect(await one.count()).toEqual({ waiting: 0, taken: 0, dead: 0 });
    expect(await server.keysWithoutTtl()).toEqual([]);
    expect((await server.keys()).map((key) => key.slice(-2)).toSorted()).toEqual([':m', ':r']);
  });
});
