import { Context } from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { FakeChannel } from '../../../../test/rabbitmq/fake-channel.ts';
import { createQueueCodec } from '../codec.ts';
import { memoryOnce } from '../once/memory-once.ts';
import { createConsumer } from './consumer.ts';
import type { ConsumerOptions } from './consumer-options.ts';

async function make(options: Partial<ConsumerOptions>) {
  const clock = virtualClock();
  const channel = new FakeChannel();
  const codec = createQueueCodec({ wallClock: () => 1_700_000_000_000 + clock.now(), clockSkewMs: 0 });
  const consumer = createConsumer(channel, { queue: 'work', handle: () => {}, clock, codec, ...options });
  await consumer.start();
  const headersWithin = (leftMs: number) => codec.inject(Context.withClock(clock).withTimeout(leftMs), {});
  return { clock, channel, consumer, headersWithin };
}

describe('delivery-run', () => {
  it('counts the tries that are made here, also of a message without an id', async () => {
    const attempts: number[] = [];
    const { channel, clock } = await make({
      handle: (_context, { attempt }) => {
        attempts.push(attempt);
        throw new Error('broken');
      },
      onFailure: ({ attempt }) => (attempt < 3 ? { action: 'again', afterMs: 10 } : undefined),
    });

    channel.deliver();
    channel.deliver({ headers: { 'x-delivery-count': 1 } });
    await clock.advance(100);

    expect(attempts.toSorted((one, other) => one - other)).toEqual([1, 2, 2, 3, 3]);
    expect(channel.settled).toEqual(['reject 2', 'reject 1']);
  });

  it('gives a message whose deadline is far off the most that any may have, also below a context with a deadline', async () => {
    const leftMs: number[] = [];
    const handle = (context: Context): unknown => leftMs.push(context.remainingMs());
    const limits = { handle, defaultTimeoutMs: 100, maxTimeoutMs: 5000 };
    for (const parent of [Context.background, undefined]) {
      const { channel, headersWithin } = await make({
        ...limits,
        ...(parent && { context: parent.withTimeout(60_000) }),
      });
      channel.deliver({ headers: headersWithin(400_000) });
      channel.deliver();
      await settle();
    }

    expect(leftMs.map(Math.round)).toEqual([5000, 100, 5000, 100]);
  });

  it('gives a handler its grace also where `once` has left with the context, and acks what it has done', async () => {
    for (const [then, settled] of [
      ['succeeds', 'ack 1'],
      ['fails', 'requeue 1'],
    ] as const) {
      const ends: (() => void)[] = [];
      const handle = (): Promise<void> =>
        new Promise((resolve, reject) => ends.push(then === 'succeeds' ? resolve : () => reject(new Error('broken'))));
      const { channel, clock, consumer } = await make({
        handle,
        once: memoryOnce(),
        defaultTimeoutMs: 100,
        graceMs: 1000,
        retryDelayMs: 0,
      });

      channel.deliver({ messageId: 'm' });
      await clock.advance(500);
      expect(channel.settled).toEqual([]);
      ends[0]?.();
      await settle();

      expect(channel.settled).toEqual([settled]);
      expect(consumer.snapshot()).toMatchObject({ abandoned: 0, known: 0, running: 0 });
    }
  });

  it('is settled at once by a hook that adds a time to what needs none', async () => {
    const { channel } = await make({
      handle: () => Promise.reject(new Error('broken')),
      onFailure: () => ({ action: 'ack', afterMs: Infinity }) as { action: 'ack' },
    });
    channel.deliver();
    await settle();

    expect(channel.settled).toEqual(['ack 1']);
  });

  it('is over with a consumer that is closed twice, which closes its channel once', async () => {
    const { channel, consumer } = await make({ closesChannel: true });
    const close = channel.close.bind(channel);
    channel.close = async () => {
      await settle();
      await close();
    };
    await Promise.all([consumer.close(), consumer.close()]);

    expect(channel.log.filter((line) => line === 'close')).toEqual(['close']);
  });

  it('is not begun by a consumer that was drained before it was started', async () => {
    const channel = new FakeChannel();
    const consumer = createConsumer(channel, { queue: 'work', handle: () => {} });
    await consumer.drain();

    await expect(consumer.start()).rejects.toThrow('called before its drain');
    expect(channel.log).toEqual([]);
  });

  it('is told of a channel that was closed before as closed', async () => {
    const channel = new FakeChannel();
    channel.isClosed = true;
    const consumer = createConsumer(channel, { queue: 'work', handle: () => {} });

    await expect(consumer.start()).rejects.toMatchObject({ code: 'CHANNEL_CLOSED' });
    expect(await consumer.ended).toMatchObject({ code: 'CHANNEL_CLOSED' });
  });
});
