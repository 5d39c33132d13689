import { Context, createEvents, type PolicyEvent, RejectionError, timeout } from '@holdfast/core';
import { settle, type VirtualClock, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { FakeChannel } from '../../../../test/rabbitmq/fake-channel.ts';
import { createQueueCodec } from '../codec.ts';
import { memoryOnce } from '../once/memory-once.ts';
import { createConsumer } from './consumer.ts';
import type { ConsumerOptions } from './consumer-options.ts';
import { deliveryInfo } from './delivery.ts';

/** A consumer on virtual time whose handlers end when they are told to. */
async function make({ clock = virtualClock(), ...options }: Partial<ConsumerOptions> & { clock?: VirtualClock } = {}) {
  const wallClock = () => 1_700_000_000_000 + clock.now();
  const codec = createQueueCodec({ wallClock });
  const root = Context.withClock(clock);
  const channel = new FakeChannel();
  const events = createEvents();
  const told: PolicyEvent[] = [];
  events.listen((event) => told.push(event));
  const runs: { context: Context; text: string; succeed: () => void; fail: (error: unknown) => void }[] = [];
  const consumer = createConsumer(channel, {
    queue: 'work',
    clock,
    codec,
    events,
    handle: (context, { content }) =>
      new Promise<void>((succeed, fail) => {
        runs.push({ context, text: Buffer.from(content).toString(), succeed, fail });
      }),
    ...options,
  });
  await consumer.start();
  const types = () => told.map(({ type }) => type.replace('rabbitmq-consumer.', ''));
  return { clock, codec, root, channel, consumer, runs, told, types };
}

class Refusal extends RejectionError {
  readonly code = 'REFUSED';
}

describe('createConsumer', () => {
  it('consumer (1): asks for no more than prefetch, right before it consumes', async () => {
    const { channel } = await make({ prefetchCount: 3, consume: { exclusive: true } });

    expect(channel.log).toEqual(['prefetch 3', 'consume work {"exclusive":true,"noAck":false}']);
  });

  it.each([0, -1, 1.5, Infinity, NaN, 65_536, '16'])('consumer (1): refuses %s as prefetch', (prefetch) => {
    const options = { queue: 'work', handle: () => {}, prefetchCount: prefetch as number };

    expect(() => createConsumer(new FakeChannel(), options)).toThrow(
      'consumer.prefetchCount must be an integer from 1 to 65535',
    );
  });

  it('acks what has succeeded, and nothing twice', async () => {
    const { channel, runs, consumer, clock } = await make();

    channel.deliver({ content: 'a' });
    channel.deliver({ content: 'b' });
    runs[1]?.succeed();
    await settle();
    expect(channel.settled).toEqual(['ack 2']);
    expect(consumer.isIdle()).toBe(false);
    runs[0]?.succeed();
    await settle();

    expect(channel.settled).toEqual(['ack 2', 'ack 1']);
    expect(consumer.isIdle()).toBe(true);
    expect(consumer.snapshot()).toMatchObject({ received: 2, handled: 2, acked: 2, running: 0 });
    expect(clock.pendingCount).toBe(0);
  });

  it('requeues what fails after a while, and dead-letters it the second time', async () => {
    const { channel, runs, clock, types, consumer } = await make({ retryDelayMs: 500 });

    channel.deliver({ messageId: 'm' });
    runs[0]?.fail(new Error('broken'));
    await clock.advance(499);
    expect([channel.settled, consumer.snapshot().held]).toEqual([[], 1]);
    await clock.advance(1);
    channel.deliver({ messageId: 'm', redelivered: true });
    runs[1]?.fail(new Error('broken'));
    await settle();

    expect(channel.settled).toEqual(['requeue 1', 'reject 2']);
    expect(types()).toEqual(['failed', 'failed']);
    expect(consumer.snapshot()).toMatchObject({ failed: 2, requeued: 1, deadLettered: 1, held: 0 });
  });

  it('tells a handler which delivery it has', async () => {
    const { channel, runs } = await make();

    channel.deliver({ messageId: 'm', headers: { 'x-delivery-count': 2 } });

    expect(runs[0]?.context.value(deliveryInfo)).toEqual({ queue: 'work', messageId: 'm', attempt: 3 });
  });

  it('consumer (2): begins nothing once a drain has begun, and requeues it', async () => {
    const { channel, runs, consumer } = await make();

    channel.deliver();
    const drained = consumer.drain();
    channel.deliver();
    runs[0]?.succeed();
    await drained;

    expect(channel.log.slice(2)).toEqual(['cancel t1', 'requeue 2', 'ack 1']);
    expect(runs).toHaveLength(1);
  });

  it('consumer (3): settles everything when it is drained', async () => {
    const { channel, runs, consumer, clock, root } = await make({ graceMs: 100, prefetchCount: 4 });
    for (const content of ['done', 'refused', 'heeds', 'hangs']) channel.deliver({ content, messageId: content });
    runs[1]?.fail(new Refusal('full'));
    await settle();
    runs[2]?.context.onCancel((cause) => runs[2]?.fail(cause));

    const drained = consumer.drain(root.withTimeout(1000));
    runs[0]?.succeed();
    await clock.advance(1000);
    const report = await drained;

    expect(channel.settled).toEqual(['requeue 2', 'ack 1', 'requeue 3', 'requeue 4']);
    expect(report).toMatchObject({ isComplete: false, abandoned: [{ name: 'work' }], finished: [{ count: 2 }] });
    runs[3]?.succeed();
    await settle();
    expect(channel.settled).toHaveLength(4);
    expect(clock.pendingCount).toBe(0);
  });

  it('consumer (3): gives a failure in a drain back at once, and dead-letters the last', async () => {
    const { channel, runs, consumer } = await make();
    channel.deliver({ messageId: 'a' });
    channel.deliver({ messageId: 'b', headers: { 'x-delivery-count': 5 } });

    const drained = consumer.drain();
    for (const run of runs) run.fail(new Error('broken'));
    await drained;

    expect(channel.settled).toEqual(['requeue 1', 'reject 2']);
  });

  it('consumer (3): is drained when a start comes late', async () => {
    const channel = new FakeChannel();
    const consumer = createConsumer(channel, { queue: 'work', handle: () => {} });

    const started = consumer.start();
    await consumer.drain();
    await started;
    await consumer.drain();

    expect(channel.log.at(-1)).toBe('cancel t1');
  });

  it('consumer (4): is over when its start was too late, whatever the broker answers then', async () => {
    const channel = new FakeChannel();
    const answers: (() => void)[] = [];
    const consume = channel.consume.bind(channel);
    channel.consume = (...given) => new Promise((resolve) => answers.push(() => resolve(consume(...given))));
    const clock = virtualClock();
    const consumer = createConsumer(channel, { queue: 'work', clock, handle: () => expect.unreachable() });

    const started = consumer.start(Context.withClock(clock).withTimeout(100, 'late')).catch((error: unknown) => error);
    await clock.advance(100);
    expect(await started).toBe('late');
    answers[0]?.();
    channel.deliver();
    await settle();

    expect(channel.log.slice(1)).toEqual(['consume work {"noAck":false}', 'requeue 1', 'cancel t1']);
    expect(await consumer.ended).toBe('late');
  });

  it('consumer (4): ends once, with what closed the channel', async () => {
    const { channel, runs, consumer, types } = await make();
    const broken = new Error('406');
    channel.deliver();
    channel.deliver();

    channel.break(broken);
    const cause = await consumer.ended;
    expect(cause).toMatchObject({ code: 'CHANNEL_CLOSED', cause: broken });
    expect(runs.map(({ context }) => context.cause)).toEqual([cause, cause]);
    runs[0]?.succeed();
    runs[1]?.fail(cause);
    await settle();
    await consumer.close();

    expect(channel.settled).toEqual([]);
    expect(consumer.snapshot()).toMatchObject({ void: 2, acked: 0, requeued: 0 });
    expect(types()).toEqual(['ended']);
  });

  it('consumer (4): ends with nothing when it is closed, and leaves the channel to its owner', async () => {
    const { channel, consumer } = await make();
    await consumer.close();
    await consumer.close();

    expect(await consumer.ended).toBeUndefined();
    expect(channel.isClosed).toBe(false);
    const owning = await make({ closesChannel: true });
    await owning.consumer.close();
    expect(owning.channel.log.slice(2)).toEqual(['cancel t1', 'close']);
  });

  it('consumer (4): ends when the broker cancels it, and lets what runs end', async () => {
    const { channel, runs, consumer, types } = await make();
    channel.deliver();

    channel.cancelConsumer();
    expect(await consumer.ended).toMatchObject({ code: 'CONSUMER_CANCELLED', queue: 'work' });
    runs[0]?.succeed();
    await settle();

    expect(channel.settled).toEqual(['ack 1']);
    expect(types()).toEqual(['cancelled', 'ended']);
  });

  it('subscribes again where it is told how, and ends where that fails', async () => {
    let calls = 0;
    const { channel, runs, consumer, types } = await make({
      resubscribe: () => {
        if (++calls === 2) throw new Error('not allowed');
      },
    });

    channel.cancelConsumer();
    await settle();
    channel.deliver();
    expect(runs).toHaveLength(1);
    channel.cancelConsumer();

    expect(await consumer.ended).toMatchObject({ code: 'CONSUMER_CANCELLED', cause: { message: 'not allowed' } });
    expect(types()).toEqual(['cancelled', 'resubscribed', 'cancelled', 'ended']);
  });

  it('takes no more, and gives back what it holds, when its own context ends', async () => {
    const parent = Context.background.withCancel();
    const { channel, runs, consumer } = await make({ context: parent });
    channel.deliver({ content: 'held', messageId: '1' });
    channel.deliver({ content: 'running', messageId: '2' });
    runs[0]?.fail(new Error('broken'));
    await settle();

    parent.cancel('left');
    runs[1]?.fail(runs[1].context.cause);
    await settle();

    expect(channel.log.slice(2)).toEqual(['cancel t1', 'requeue 1', 'requeue 2']);
    expect(await consumer.ended).toBe('left');
  });

  it('says what is wrong', async () => {
    const channel = new FakeChannel();
    const valid = { queue: 'work', handle: () => {} };
    const refused = (options: object) => () => createConsumer(channel, { ...valid, ...options });

    expect(refused({ queue: '' })).toThrow('consumer.queue must be a non-empty string');
    expect(refused({ handle: 1 })).toThrow('consumer.handle must be a function');
    expect(refused({ handler: () => {} })).toThrow('consumer has no option "handler"');
    expect(refused({ policy: {} })).toThrow('consumer.policy.execute must be a function');
    expect(refused({ quarantine: null })).toThrow('consumer.quarantine.run must be a function');
    expect(refused({ consume: { noAck: true } })).toThrow('consumer.consume.noAck must be false');
    expect(refused({ consume: 7 })).toThrow('consumer.consume must be an object');
    expect(refused({ maxHoldMs: Infinity })).toThrow('consumer.maxHoldMs must be a number from 0 to 1500000');
    expect(refused({ whenExpired: 'ack' })).toThrow('consumer.whenExpired must be one of');
    expect(() => createConsumer({ createChannel: () => {} } as never, valid)).toThrow(
      'createConsumer channel must be a channel: await',
    );
    expect(() => createConsumer(undefined as never, valid)).toThrow(
      'createConsumer channel must be a channel of amqplib',
    );
    const consumer = createConsumer(channel, valid);
    await expect(consumer.start({} as never)).rejects.toThrow('rabbitmq.start needs a Context');
    await expect(consumer.start(Context.background.withTimeout(0, 'over'))).rejects.toBe('over');
    await consumer.start();
    await expect(consumer.start()).rejects.toThrow('called once');
  });
});

describe('a delivery', () => {
  it('delivery-run (1): is settled once, whatever comes when', async () => {
    const { channel, runs, consumer, clock, root } = await make({ graceMs: 10 });
    channel.deliver();

    const drained = consumer.drain(root.withTimeout(100));
    await clock.advance(100);
    await drained;
    runs[0]?.succeed();
    await settle();

    expect(channel.settled).toEqual(['requeue 1']);
  });

  it.each([
    ['the message', 800, 750],
    ['the default', undefined, 60_000],
    ['the limit', 900_000, 300_000],
  ])('delivery-run (2): ends with the deadline of %s', async (_name, ms, atMs) => {
    const { channel, runs, codec, root, clock } = await make();
    const headers = ms === undefined ? {} : codec.inject(root.withTimeout(ms), {});

    channel.deliver({ headers });
    const context = runs[0]?.context as Context;
    expect(context.deadline).toBe(atMs);
    await clock.advance(context.deadline);

    expect(context.endedBy).toBe('deadline');
  });

  it('delivery-run (2): ends when its handler has ended', async () => {
    const { channel, runs } = await make();
    channel.deliver();
    runs[0]?.succeed();
    await settle();

    expect(runs[0]?.context.cancelled).toBe(true);
  });

  it('delivery-run (2): is abandoned when it does not heed its end, and settled without it', async () => {
    const { channel, clock, consumer, types } = await make({ defaultTimeoutMs: 100, graceMs: 50, maxAttempts: 1 });
    channel.deliver();

    await clock.advance(149);
    expect(channel.settled).toEqual([]);
    await clock.advance(1);

    expect(channel.settled).toEqual(['reject 1']);
    expect(types()).toEqual(['abandoned', 'failed']);
    expect(consumer.snapshot()).toMatchObject({ abandoned: 1, running: 0 });
  });

  it('delivery-run (3): is not handled after its deadline, also where it expired while it was held', async () => {
    const { channel, runs, codec, root, clock, types } = await make({ holdMs: 500 });
    const late = codec.inject(root.withTimeout(20), {}); // less than clocks may differ by
    const headers = codec.inject(root.withTimeout(400), {});

    channel.deliver({ headers: late });
    channel.deliver({ headers });
    runs[0]?.fail(new Refusal('full'));
    await clock.advance(500);

    expect(channel.settled).toEqual(['reject 1', 'reject 2']);
    expect(runs).toHaveLength(1);
    expect(types()).toEqual(['expired', 'failed', 'expired']);
  });

  it('delivery-run (3): that fails after its deadline has expired, and is not tried again', async () => {
    const { channel, runs, codec, root, clock } = await make();
    channel.deliver({ headers: codec.inject(root.withTimeout(400), {}) });

    await clock.advance(400);
    runs[0]?.fail(runs[0].context.cause);
    await settle();

    expect(channel.settled).toEqual(['reject 1']);
  });

  it('delivery-run (4): that is held leaves no timer, whatever ends it', async () => {
    const { channel, runs, clock, consumer } = await make();
    channel.deliver();
    runs[0]?.fail(new Refusal('full'));
    await settle();
    expect([clock.pendingCount, consumer.snapshot().held]).toEqual([1, 1]);

    channel.break(new Error('reset'));

    expect([clock.pendingCount, consumer.snapshot().held, consumer.snapshot().void]).toEqual([0, 0, 1]);
  });

  it('is handled again, and loses no try, when a policy refused it', async () => {
    const { channel, runs, clock, consumer } = await make({ maxAttempts: 1, holdMs: 100, maxHoldMs: 250 });
    channel.deliver({ messageId: 'm' });

    for (let n = 0; n < 3; n++) {
      runs[n]?.fail(new Refusal('full'));
      await clock.advance(n === 2 ? 50 : 100);
    }

    expect(runs).toHaveLength(3);
    expect(channel.settled).toEqual(['requeue 1']);
    expect(consumer.snapshot()).toMatchObject({ refused: 3, failed: 0 });
  });

  it('runs through a policy, whose error is a failure like any other', async () => {
    const clock = virtualClock();
    const { channel, told, runs } = await make({ clock, policy: timeout({ timeoutMs: 100, clock }), maxAttempts: 1 });
    channel.deliver();
    await clock.advance(100);

    expect(runs[0]?.context.cancelled).toBe(true);
    expect(channel.settled).toEqual(['reject 1']);
    expect(told).toMatchObject([{ failure: { error: { name: 'TimeoutError' }, isRejection: false } }]);
  });

  it('is handled by a handler that throws at once, returns nothing, or is no promise', async () => {
    const { channel, consumer } = await make({
      maxAttempts: 1,
      handle: (_context, { content }) => {
        if (Buffer.from(content).toString() === 'throws') throw new Error('at once');
      },
    });
    channel.deliver({ content: 'throws' });
    channel.deliver({ content: 'fine' });
    await settle();

    expect(channel.settled.toSorted()).toEqual(['ack 2', 'reject 1']);
    expect(consumer.snapshot()).toMatchObject({ handled: 1, failed: 1 });
  });

  it('goes through once, then quarantine, by its key', async () => {
    const ids: string[] = [];
    const quarantine = {
      run: async <T>(id: string, work: () => T | PromiseLike<T>) => {
        ids.push(id);
        return await work();
      },
    };
    const keyOf = () => 'order-1/refund';
    const { channel, runs, consumer } = await make({ once: memoryOnce(), quarantine, keyOf });

    channel.deliver();
    channel.deliver();
    await settle();
    expect(runs).toHaveLength(1);
    runs[0]?.succeed();
    await settle();

    expect(ids).toEqual(['order-1/refund']);
    expect(consumer.snapshot()).toMatchObject({ handled: 2, known: 1 });
  });

  it('is dead-lettered where it has no key, by once or by quarantine alone', async () => {
    const quarantine = { run: async <T>(_id: string, work: () => T | PromiseLike<T>) => await work() };
    for (const guard of [{ once: memoryOnce() }, { quarantine }]) {
      const { channel, told } = await make(guard);
      channel.deliver();
      await settle();

      expect(channel.settled).toEqual(['reject 1']);
      expect(told).toMatchObject([{ failure: { error: { code: 'MESSAGE_KEY_MISSING' }, isRejection: true } }]);
    }
  });
});
