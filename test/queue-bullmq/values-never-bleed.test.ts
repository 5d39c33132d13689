import { Context, contextKey } from '@holdfast/core';
import { defineContextSchema } from '@holdfast/context';
import { createQueueCodec } from '@holdfast/queue';
import { jobInfo, jobProducer } from '@holdfast/queue/bullmq';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { eventually } from '../redis-lab/eventually.ts';
import { type RedisServer, startRedisServer } from '../redis-lab/redis-server.ts';
import { bullLab } from './bull-lab.ts';

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());

const tenant = contextKey<string>('tenant');

/** Jobs; 100,000 in `npm run test:long`. */
const jobCount = Number(process.env['HOLDFAST_JOBS'] ?? 3000);

describe('jobWorker: values', () => {
  it(`never show up in another job: ${jobCount} through one worker, 50 at a time`, async () => {
    const schema = defineContextSchema({ version: '1.0', fields: { user: { type: 'text' } } });
    const codec = createQueueCodec({ schema, send: 'all', accept: 'all' });
    const wrong: unknown[] = [];
    let seen = 0;
    const { queue, jobs } = await bullLab(
      redis,
      async (context, job) => {
        const expected = job.data as string;
        for (let turn = 0; turn < 3; turn++) {
          await new Promise((resolve) => {
            setImmediate(resolve);
          });
          const inner = context.withValue(tenant, expected);
          if (context.value(schema.keys.user) !== expected || inner.value(tenant) !== expected) wrong.push(job.id);
          if (context.value(jobInfo)?.id !== job.id || context.cancelled) wrong.push(job.id);
        }
        seen++;
      },
      { worker: { concurrency: 50 }, ours: { codec } },
    );
    const producer = jobProducer(queue, { codec });
    const root = Context.background.withTimeout(1_200_000);
    for (let batch = 0; batch < jobCount / 100; batch++) {
      const users = Array.from({ length: 100 }, (_, at) => `user-${batch * 100 + at}`);
      await Promise.all(
        users.map((user) => producer.add(root.withValue(schema.keys.user, user), { name: 'mail', data: user })),
      );
    }
    await eventually(() => seen === jobCount, { what: 'all jobs', limitMs: 600_000 });

    expect(wrong).toEqual([]);
    expect(jobs.snapshot()).toMatchObject({ failed: 0, expired: 0 });
  }, 900_000);
});
