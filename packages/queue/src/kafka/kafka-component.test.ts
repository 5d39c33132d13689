import { Context, RejectionError } from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { kafkaConsumer, type KafkajsConsumerOptions } from './kafka-consumer.ts';
import { FakeClient } from './testing/fake-client.ts';

class RefusedError extends RejectionError {
  readonly code = 'REFUSED';
}

function make(options: Partial<KafkajsConsumerOptions> = {}) {
  const clock = virtualClock();
  const client = new FakeClient();
  const consumer = kafkaConsumer({ make: () => client, topics: ['orders'], handle: () => {}, clock, ...options });
  return { clock, client, consumer, root: Context.withClock(clock) };
}

describe('kafka-component: what is over', () => {
  it('says so when the client has given up, and not while that tries again', async () => {
    const { client, consumer } = make();
    await consumer.start();
    const error = new Error('the group is not authorized');
    client.emit('consumer.crash', { payload: { error: new Error('for now'), restart: true } });
    await settle();
    let isOver = false;
    void consumer.ended.then(() => (isOver = true));
    await settle();
    expect(isOver).toBe(false);
    client.emit('consumer.crash', { payload: { error, restart: false } });

    expect(await consumer.ended).toBe(error);
    await consumer.close();
    expect(await consumer.ended).toBe(error);
    const other = make();
    await other.consumer.drain();
    expect(await other.consumer.ended).toBeUndefined();
  });

  it('(1) is not started once a drain has begun', async () => {
    const { client, consumer } = make();
    await consumer.drain();

    await expect(consumer.start()).rejects.toThrow('over before its drain');
    expect(client.calls).toEqual([]);
  });

  it('(1) is not run where a drain began while it was being started', async () => {
    const { client, consumer } = make();
    let connect = (): void => {};
    client.connect = () => new Promise<void>((resolve) => (connect = resolve));
    const started = consumer.start().catch((error: unknown) => error);
    await settle();
    const drained = consumer.drain();
    connect();

    expect(await started).toBeInstanceOf(RangeError);
    await drained;
    expect(client.calls.filter((call) => /^(?:subscribe|run)/.test(call))).toEqual([]);
    expect(client.calls).toContain('disconnect');
  });

  it('is not started under a context that has ended', async () => {
    const { client, consumer } = make({ context: Context.background.withTimeout(0, 'over') });

    await expect(consumer.start()).rejects.toBe('over');
    expect(client.calls).toEqual([]);
  });

  it('asks for nothing more once its context has ended, which would come again at once, and again', async () => {
    const context = Context.background.withCancel();
    const { client, consumer } = make({ context });
    await consumer.start();
    client.join([0]);
    context.cancel();

    const delivery = client.deliver([1]);
    await delivery.batch;

    expect(delivery).toMatchObject({ pauses: 1, resumes: 0, commits: [], resolved: [] });
  });
});

describe('kafka-component: what is left of it', () => {
  it('is no timer of a partition that was paused', async () => {
    const { client, consumer, clock } = make({ handle: () => Promise.reject(new Error('broken')), pauseMs: 600_000 });
    await consumer.start();
    client.join([0]);
    const delivery = client.deliver([1]);
    await delivery.batch;
    await consumer.close();

    expect([delivery.pauses, clock.pendingCount]).toEqual([1, 0]);
  });
});

describe('message-run: what hooks and policies say', () => {
  it('(2) ends the context of onPoison when it has taken the message', async () => {
    let poison: Context | undefined;
    const { client, consumer, clock } = make({
      maxAttempts: 1,
      handle: () => Promise.reject(new Error('broken')),
      onPoison: (context) => {
        poison = context;
        context.onCancel(() => {});
      },
    });
    await consumer.start();
    client.join([0]);
    await client.deliver([1]).batch;
    await consumer.close();

    expect(poison?.cancelled).toBe(true);
    expect(clock.pendingCount).toBe(0);
  });

  it('(2) ends the context of the handler before onPoison is called', async () => {
    const heard: boolean[] = [];
    let handled: Context | undefined;
    const { client, consumer } = make({
      maxAttempts: 1,
      handle: (context) => {
        handled = context;
        return Promise.reject(new Error('broken'));
      },
      onPoison: (context) => void heard.push(handled?.cancelled === true, context.cancelled),
    });
    await consumer.start();
    client.join([0]);
    await client.deliver([1]).batch;
    await consumer.close();

    expect(heard).toEqual([true, false]);
  });

  it('(2) ends the context of onPoison with a drain, a grace before its end, and counts one message', async () => {
    let cancelledAt: number | undefined;
    const { client, consumer, clock, root } = make({
      graceMs: 100,
      maxAttempts: 1,
      handle: () => Promise.reject(new Error('broken')),
      onPoison: (context) =>
        new Promise((_resolve, reject) =>
          context.onCancel((cause) => {
            cancelledAt = clock.now();
            reject(cause);
          }),
        ),
    });
    await consumer.start();
    client.join([0]);
    void client.deliver([1]).batch;
    await settle();

    const drained = consumer.drain(root.withTimeout(1000));
    await clock.advance(1000);

    expect(cancelledAt).toBe(900);
    expect(await drained).toMatchObject({ isComplete: true, finished: [{ name: 'orders', count: 1 }] });
    expect(consumer.snapshot()).toMatchObject({ poison: 0, cutOff: 1, running: 0 });
  });

  it.each([
    [Infinity, 3_600_000],
    [1e15, 3_600_000],
    [0, 10],
    [-5, 10],
  ])('pauses neither for ever nor in a hot loop where a refusal says %s', async (retryAfterMs, pausedMs) => {
    const error = new RefusedError('not now', { retryAfterMs });
    const { client, consumer, clock } = make({ handle: () => Promise.reject(error), sessionTimeoutMs: 3_600_000 });
    await consumer.start();
    client.join([0]);
    const delivery = client.deliver([1]);
    await delivery.batch;

    await clock.advance(pausedMs - 1);
    expect(delivery.resumes).toBe(0);
    await clock.advance(1);
    expect(delivery.resumes).toBe(1);
  });
});
