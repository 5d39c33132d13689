import { createLifecycle } from '@holdfast/service';
import { jobWorker } from '@holdfast/queue/bullmq';
import { kafkaConsumer } from '@holdfast/queue/kafka';
import { Queue, Worker } from 'bullmq';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startKafkaBroker } from '../kafka-lab/kafka-broker.ts';
import { eventually } from '../redis-lab/eventually.ts';
import { type RedisServer, startRedisServer } from '../redis-lab/redis-server.ts';

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());

describe('a worker and a consumer as parts of a service', () => {
  it('are started and drained by its lifecycle, which tells what was left behind', async () => {
    const broker = await startKafkaBroker({ orders: 1 });
    const connection = { host: redis.host, port: redis.port, maxRetriesPerRequest: null };
    const kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING });
    const jobs = jobWorker({
      name: 'mails',
      make: (process) => new Worker('mails', process, { connection }),
      handle: () => new Promise(() => {}), // heeds nothing
    });
    const billing = kafkaConsumer({
      name: 'billing',
      make: () => kafka.consumer({ groupId: 'billing', maxWaitTimeInMs: 100 }),
      topics: ['orders'],
      handle: () => 1,
    });
    const life = createLifecycle({ stopTimeoutMs: 8000 });
    life.add(jobs);
    life.add(billing);
    await life.start();
    const queue = new Queue('mails', { connection });
    await queue.add('welcome', {});
    await eventually(() => jobs.snapshot().running === 1, { what: 'the job' });
    const report = await life.stop();
    await queue.close();
    const hasLeft = broker.requests.includes('LeaveGroup');
    await broker.stop();

    expect(report.isComplete).toBe(false);
    expect(JSON.stringify(report)).toContain('welcome');
    expect(hasLeft).toBe(true);
  });
});
