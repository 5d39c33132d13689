import { Context, bulkhead } from '@holdfast/core';
import { defineContextSchema } from '@holdfast/context';
import { createQueueCodec } from '@holdfast/queue';
import { PartitionEndedError, kafkaMessage, kafkaProducer } from '@holdfast/queue/kafka';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';

import { eventually, sleep } from '../redis-lab/eventually.ts';
import { consumerLab, latch, textOf, untilEnd } from './consumer-lab.ts';

const eachOf = (values: readonly string[]) => values.toSorted();
const ascending = (values: readonly number[]) => values.toSorted((one, other) => one - other);

describe('kafkaConsumer: messages', () => {
  it('are handled in the order of their partition, and committed', async () => {
    const lab = await consumerLab(2);
    await lab.fill(0, ['a0', 'a1', 'a2']);
    await lab.fill(1, ['b0', 'b1']);
    const seen: string[] = [];
    const consumer = await lab.member('one', async (_context, received) => {
      await sleep(received.partition * 10);
      seen.push(textOf(received));
    });
    await eventually(() => seen.length === 5, { what: 'all messages' });
    await consumer.drain();

    expect(seen.filter((text) => text.startsWith('a'))).toEqual(['a0', 'a1', 'a2']);
    expect(seen.filter((text) => text.startsWith('b'))).toEqual(['b0', 'b1']);
    expect([0, 1].map((partition) => lab.broker.group('g').committed('orders', partition))).toEqual([3, 2]);
    expect(consumer.snapshot()).toMatchObject({ handled: 5, failed: 0, running: 0 });
  });

  it('have the deadline of whoever sent them, and the values that are believed', async () => {
    const lab = await consumerLab(1);
    const schema = defineContextSchema({ version: '1.0', fields: { region: { type: 'text' } } });
    const codec = createQueueCodec({ schema, send: 'all', accept: 'all' });
    const raw = lab.kafka('sender').producer();
    await raw.connect();
    onTestFinished(() => raw.disconnect());
    const context = Context.background.withTimeout(20_000).withValue(schema.keys.region, 'eu');
    const headers = { own: 'mine', 'x-context-region': 'forged' };
    const record = { topic: 'orders', messages: [{ value: 'x', headers }] };
    await kafkaProducer(raw, { codec }).send(context, record);
    await lab.fill(0, ['plain']);
    const seen: { leftMs: number; region: unknown; info: unknown; own: unknown }[] = [];
    await lab.member(
      'one',
      (own, { message }) => {
        const region = own.value(schema.keys.region);
        const info = own.value(kafkaMessage);
        seen.push({ leftMs: own.remainingMs(), region, info, own: message.headers?.['own']?.toString() });
      },
      { ours: { codec, defaultTimeoutMs: 4000 } },
    );
    await eventually(() => seen.length === 2, { what: 'both messages' });

    expect(seen[0]?.leftMs).toBeGreaterThan(4000);
    expect(seen[0]?.leftMs).toBeLessThan(20_000);
    expect(seen[0]).toMatchObject({ region: 'eu', own: 'mine', info: { topic: 'orders', partition: 0, offset: '0' } });
    expect(seen[1]?.leftMs).toBeLessThanOrEqual(4000);
    expect(record.messages[0]?.headers).toBe(headers);
    expect(headers).toEqual({ own: 'mine', 'x-context-region': 'forged' });
  });

  it('are not handled where their deadline has passed, and the next ones are', async () => {
    const lab = await consumerLab(1);
    await lab.producer.send(Context.background.withTimeout(1000), { topic: 'orders', messages: [{ value: 'late' }] });
    await sleep(1100);
    await lab.fill(0, ['next']);
    const seen: string[] = [];
    const expired: string[] = [];
    const onExpired = (received: Parameters<typeof textOf>[0]) => expired.push(textOf(received));
    const consumer = await lab.member('one', (_context, received) => seen.push(textOf(received)), {
      ours: { onExpired },
    });
    await eventually(() => seen.length === 1, { what: 'the next message' });
    await consumer.drain();

    expect({ seen, expired }).toEqual({ seen: ['next'], expired: ['late'] });
    expect(lab.broker.group('g').committed('orders', 0)).toBe(2);
    await expect(
      lab.producer.send(Context.background.withTimeout(0), { topic: 'orders', messages: [{ value: 'x' }] }),
    ).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('come again, in order, while they fail, and go to onPoison once they have failed too often', async () => {
    const lab = await consumerLab(1);
    await lab.fill(0, ['bad', 'good']);
    const seen: string[] = [];
    const poison: unknown[] = [];
    let isAsideBroken = true;
    const consumer = await lab.member(
      'one',
      (_context, received) => {
        seen.push(`${textOf(received)} ${received.attempt}`);
        if (textOf(received) === 'bad') throw new Error('cannot read it');
      },
      {
        ours: {
          maxAttempts: 3,
          onPoison: (_context, received, error) => {
            poison.push([textOf(received), (error as Error).message]);
            if (isAsideBroken) {
              isAsideBroken = false;
              throw new Error('the dead letters are away');
            }
          },
        },
      },
    );
    await eventually(() => seen.includes('good 1'), { what: 'the next message' });

    expect(seen).toEqual(['bad 1', 'bad 2', 'bad 3', 'bad 4', 'good 1']);
    expect(poison).toEqual(Array.from({ length: 2 }, () => ['bad', 'cannot read it']));
    expect(consumer.snapshot()).toMatchObject({ failed: 4, poison: 1, handled: 1 });
  });

  it('wait in a paused partition while a policy refuses them; others go on', async () => {
    const lab = await consumerLab(2);
    const full = bulkhead({ name: 'full', maxConcurrent: 1 });
    const freed = latch();
    void full.execute(() => freed.opened);
    await lab.fill(0, ['needs it', 'after it']);
    await lab.fill(1, ['free']);
    const seen: string[] = [];
    const consumer = await lab.member('one', (context, received) => {
      if (received.partition === 1) return seen.push(textOf(received));
      return full.execute(() => seen.push(textOf(received)), context);
    });
    await eventually(() => consumer.snapshot().refused >= 2 && seen.length === 1, { what: 'two refusals' });
    freed.open();
    await eventually(() => seen.length === 3, { what: 'all messages' });

    expect(seen).toEqual(['free', 'needs it', 'after it']);
    expect(consumer.snapshot()).toMatchObject({ failed: 0, handled: 3 });
  });

  it('cannot harm with hostile headers', async () => {
    const lab = await consumerLab(1);
    const bytes = fc.uint8Array({ maxLength: 40 }).map((raw) => Buffer.from(raw));
    const text = fc.oneof(bytes, fc.constantFrom('1s', '-1s', '9'.repeat(30), '\u0000', '{"a":1}'));
    const names = fc.oneof(
      fc.constantFrom('x-request-timeout', 'grpc-timeout', 'x-context-deadline', 'traceparent', 'baggage', '__proto__'),
      fc.string({ minLength: 1, maxLength: 12 }),
    );
    const headers = fc.dictionary(names, fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 20 })), {
      maxKeys: 6,
    });
    const samples = fc.sample(headers, { numRuns: 150, seed: 7 });
    const raw = lab.kafka('hostile').producer();
    await raw.connect();
    onTestFinished(() => raw.disconnect());
    await raw.send({ topic: 'orders', messages: samples.map((each) => ({ value: 'x', headers: each as never })) });
    const consumer = await lab.member('one', (context) => expect(context.remainingMs()).toBeLessThanOrEqual(60_000));
    await eventually(() => consumer.snapshot().handled + consumer.snapshot().expired === 150 || undefined, {
      what: 'all messages',
    });

    expect(consumer.snapshot()).toMatchObject({ failed: 0 });
    expect(consumer.snapshot().handled).toBeGreaterThan(0);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe('kafkaConsumer: heartbeats', () => {
  it('keep a handler in the group that takes longer than a session; without them kafkajs is thrown out', async () => {
    const lab = await consumerLab(1);
    await lab.fill(0, ['long', 'next']);
    const seen: string[] = [];
    const client = { sessionTimeout: 1500 };
    await lab.member(
      'ours',
      async (context, received) => {
        if (textOf(received) === 'long') await sleep(4000);
        seen.push(`${textOf(received)} ${context.cancelled}`);
      },
      { client, ours: { sessionTimeoutMs: 1500 } },
    );
    const bare = lab
      .kafka('bare')
      .consumer({ groupId: 'bare', heartbeatInterval: 100, maxWaitTimeInMs: 50, ...client });
    onTestFinished(() => bare.disconnect());
    let bareRuns = 0;
    await bare.connect();
    await bare.subscribe({ topics: ['orders'], fromBeginning: true });
    await bare.run({
      eachMessage: async () => {
        if (bareRuns++ === 0) await sleep(3500);
      },
    });
    await eventually(() => seen.length === 2, { what: 'both messages' });

    expect(seen).toEqual(['long false', 'next false']);
    expect(lab.broker.group('g').evicted).toEqual([]);
    expect(lab.broker.group('bare').evicted).toEqual(['bare']);
  });

  it('end all contexts when the group gives no sign for a session', async () => {
    const lab = await consumerLab(1);
    await lab.fill(0, ['x']);
    const causes: unknown[] = [];
    await lab.member('one', (context) => untilEnd(context).catch((cause: unknown) => causes.push(cause)));
    await eventually(() => lab.broker.group('g').state === 'stable', { what: 'the group' });
    await sleep(300);
    lab.broker.faults.silent.add('Heartbeat');
    const begunAt = performance.now();
    await eventually(() => causes.length === 1, { what: 'the end' });

    expect(causes[0]).toBeInstanceOf(PartitionEndedError);
    expect(causes[0]).toMatchObject({ reason: 'lost', topic: 'orders', partition: 0 });
    expect(performance.now() - begunAt).toBeLessThan(6000);
    lab.broker.faults.silent.clear();
  });
});

describe('kafkaConsumer: rebalance', () => {
  it('ends the contexts of partitions that go, within the time of a heartbeat or two, and disturbs no other', async () => {
    const lab = await consumerLab(4);
    for (const partition of [0, 1, 2, 3]) await lab.fill(partition, [`p${partition}`]);
    const goOn = latch();
    const ended: { partition: number; cause: unknown; at: number }[] = [];
    const done: string[] = [];
    const starts: number[] = [];
    const first = await lab.member('first', async (context, received) => {
      const { partition } = received;
      starts.push(partition);
      context.onCancel((cause) => {
        if (!done.includes(textOf(received))) ended.push({ partition, cause, at: performance.now() });
      });
      await Promise.race([goOn.opened, untilEnd(context)]);
      done.push(textOf(received));
    });
    await eventually(() => first.snapshot().running === 4, { what: 'four handlers' });
    const second: string[] = [];
    const begunAt = performance.now();
    await lab.member('second', (_context, received) => second.push(textOf(received)));
    await eventually(() => second.length === 2, { what: 'the messages of the other' });
    const handed = eachOf(second).map((text) => Number(text.slice(1)));
    const kept = [0, 1, 2, 3].filter((partition) => !handed.includes(partition));

    expect(ascending(ended.map(({ partition }) => partition))).toEqual(handed);
    expect(ended.every(({ cause }) => cause instanceof PartitionEndedError && cause.reason === 'revoked')).toBe(true);
    expect(Math.max(...ended.map(({ at }) => at)) - begunAt).toBeLessThan(6000);
    expect(first.snapshot()).toMatchObject({ running: 2, endedPartitions: 2 });
    await sleep(500); // delivered again meanwhile
    expect(starts).toHaveLength(4);
    goOn.open();
    await eventually(() => first.snapshot().handled === 2, { what: 'the handlers that were kept' });
    await eventually(() => kept.every((partition) => lab.broker.group('g').committed('orders', partition) === 1), {
      what: 'their commits',
    });

    expect(eachOf(done)).toEqual(kept.map((partition) => `p${partition}`));
    const { commits } = lab.broker.group('g');
    const accepted = commits.filter(({ errorCode }) => errorCode === 0);
    const ofFirst = accepted.filter(({ clientId }) => clientId === 'first').map(({ partition }) => partition);
    expect(ascending(ofFirst)).toEqual(kept);
    expect(lab.broker.group('g').evicted).toEqual([]);
  });

  it('commits nothing of a partition that went, though its handler ends well in the end', async () => {
    const lab = await consumerLab(2);
    for (const partition of [0, 1]) await lab.fill(partition, [`p${partition}`, `q${partition}`]);
    const goOn = latch();
    const first = await lab.member('first', async () => {
      await goOn.opened; // heeds nothing
    });
    await eventually(() => first.snapshot().running === 2, { what: 'two handlers' });
    const second: string[] = [];
    await lab.member('second', (_context, received) => second.push(textOf(received)));
    await eventually(() => second.length === 2, { what: 'the messages of the other' });
    goOn.open();
    await eventually(() => first.snapshot().running === 0, { what: 'the end of the handlers' });
    await sleep(300);
    const gone = Number(second[0]?.slice(1));
    const { commits } = lab.broker.group('g');

    expect(commits.filter(({ clientId, partition }) => clientId === 'first' && partition === gone)).toEqual([]);
    expect(lab.broker.group('g').committed('orders', gone)).toBe(2);
    expect(lab.broker.group('g').committed('orders', 1 - gone)).toBe(2);
  });

  it('ends all contexts of a member that was thrown out, which then begins again', async () => {
    const lab = await consumerLab(1);
    await lab.fill(0, ['a']);
    const causes: unknown[] = [];
    const seen: string[] = [];
    let isFirst = true;
    await lab.member('one', async (context, received) => {
      if (isFirst) {
        isFirst = false;
        await untilEnd(context).catch((cause: unknown) => causes.push(cause));
        return; // well, in the end
      }
      seen.push(`${textOf(received)} ${lab.broker.group('g').committed('orders', 0)}`);
    });
    await eventually(() => !isFirst, { what: 'the handler' });
    lab.broker.group('g').expel('one');
    await eventually(() => lab.broker.group('g').committed('orders', 0) === 1, { what: 'the commit' });

    expect(causes).toMatchObject([{ code: 'PARTITION_ENDED', reason: 'lost' }]);
    expect(seen).toEqual(['a -1']);
  });

  it('handles each message once over twenty rebalances, where all partitions are kept', async () => {
    const lab = await consumerLab(2);
    const values = Array.from({ length: 60 }, (_, at) => `m${at}`);
    await lab.fill(0, values);
    await lab.fill(1, values);
    const seen: string[] = [];
    await lab.member('only', async (_context, received) => {
      seen.push(`${received.partition} ${textOf(received)}`);
      await sleep(20);
    });
    for (let round = 0; round < 20; round++) {
      await sleep(60);
      lab.broker.group('g').rebalance();
    }
    await eventually(() => seen.length >= 120, { what: 'all messages', limitMs: 30_000 });
    await eventually(() => lab.broker.group('g').committed('orders', 0) === 60, { what: 'the commit' });

    expect(seen).toHaveLength(120);
    expect(seen.filter((text) => text.startsWith('0'))).toEqual(values.map((value) => `0 ${value}`));
  });

  it('goes on when the coordinator is lost for a while, or all connections break', async () => {
    const lab = await consumerLab(1);
    const seen: string[] = [];
    await lab.fill(0, ['a']);
    await lab.member('one', (_context, received) => seen.push(textOf(received)));
    await eventually(() => seen.length === 1, { what: 'the first message' });
    lab.broker.faults.isCoordinatorLost = true;
    await sleep(300);
    lab.broker.faults.isCoordinatorLost = false;
    lab.broker.dropConnections();
    await eventually(async () => (await lab.fill(0, ['b']).then(() => true)) || undefined, { what: 'the producer' });
    await eventually(() => seen.includes('b'), { what: 'the second message', limitMs: 20_000 });
    await eventually(() => lab.broker.group('g').committed('orders', 0) >= 2, { what: 'the commit', limitMs: 20_000 });
    expect(seen.indexOf('a')).toBeLessThan(seen.indexOf('b'));
  });
});

describe('kafkaConsumer: drain', () => {
  it('waits for what is handled, begins nothing, commits and leaves the group at once', async () => {
    const lab = await consumerLab(1);
    await lab.fill(0, ['a', 'b', 'c']);
    const seen: string[] = [];
    const consumer = await lab.member('one', async (_context, received) => {
      seen.push(textOf(received));
      await sleep(300);
    });
    await eventually(() => seen.length === 1, { what: 'the first message' });
    const report = await consumer.drain(Context.background.withTimeout(10_000));

    expect(report).toMatchObject({ isComplete: true, finished: [{ name: 'orders', count: 1, failedCount: 0 }] });
    expect(seen).toEqual(['a']);
    expect(lab.broker.group('g').committed('orders', 0)).toBe(1);
    expect(lab.broker.group('g').memberCount).toBe(0);
    await consumer.close();
  });

  it('cancels what runs before its end, and leaves it to others', async () => {
    const lab = await consumerLab(1);
    await lab.fill(0, ['a']);
    const consumer = await lab.member('one', untilEnd, { ours: { graceMs: 2000 } });
    await eventually(() => consumer.snapshot().running === 1, { what: 'the handler' });
    expect(await consumer.drain(Context.background.withTimeout(4000))).toMatchObject({ isComplete: true });
    expect(lab.broker.group('g').committed('orders', 0)).toBe(-1);
    const seen: string[] = [];
    await lab.member('two', (_context, received) => seen.push(textOf(received)));
    await eventually(() => seen.length === 1, { what: 'the message' });
  });

  it('ends in time with a handler that heeds nothing, and commits nothing of it', async () => {
    const lab = await consumerLab(1);
    await lab.fill(0, ['a']);
    const consumer = await lab.member('one', () => new Promise(() => {}));
    await eventually(() => consumer.snapshot().running === 1, { what: 'the handler' });
    const begunAt = performance.now();
    const report = await consumer.drain(Context.background.withTimeout(500));
    await consumer.close(Context.background.withTimeout(60_000));

    expect(report).toMatchObject({
      isComplete: false,
      abandoned: [{ name: 'orders' }],
      error: { code: 'DRAIN_INCOMPLETE' },
    });
    expect(performance.now() - begunAt).toBeLessThan(30_000);
    expect(lab.broker.group('g').committed('orders', 0)).toBe(-1);
    await eventually(() => lab.broker.group('g').memberCount === 0, { what: 'the leave' });
  });
});
