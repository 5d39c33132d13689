import { criticality, traceContext } from '@holdfast/context';
import { bulkhead, circuitBreaker, Context } from '@holdfast/core';
import { createQueueCodec, memoryOnce } from '@holdfast/queue';
import { type ConsumerOptions, createConsumer, createPublisher } from '@holdfast/queue/rabbitmq';
import { createLifecycle } from '@holdfast/service';
import { describe, expect, it, onTestFinished } from 'vitest';

import { sleep } from '../redis-lab/eventually.ts';
import { makeQueue, type QueueLab, sharedServer, until } from './queue-lab.ts';
import { skipWithoutRabbitmq } from '../rabbitmq-lab/skip-without-rabbitmq.ts';

const root = Context.background;
const codec = createQueueCodec({ criticality: 'trusted' });

describe('a consumer of RabbitMQ', () => {
  skipWithoutRabbitmq();
  /** A queue, something that publishes to it, and a way to consume it. */
  async function make(options?: Parameters<typeof makeQueue>[1]) {
    const lab = await makeQueue(sharedServer, options);
    onTestFinished(() => lab.connection.close());
    const publisher = createPublisher(lab.sending, { codec });
    const send = (content: string, context: Context = root, extra = {}) =>
      publisher.publish(context, { routingKey: lab.queue, content, ...extra });
    return { ...lab, publisher, send, consume: (extra: Extra) => consumeFrom(lab, extra) };
  }

  it('handles at most as many at once as prefetch says, and acks each', async () => {
    const { queue, send, consume, count } = await make();
    let [running, most, handled] = [0, 0, 0];
    await Promise.all(Array.from({ length: 40 }, (_, n) => send(`${n}`)));

    const { consumer } = await consume({
      prefetchCount: 5,
      handle: async () => {
        most = Math.max(most, ++running);
        await sleep(5);
        running--;
        handled++;
      },
    });
    await until(() => handled === 40, 'all handled');
    await consumer.close();

    expect(most).toBe(5);
    expect(consumer.snapshot()).toMatchObject({
      received: 40,
      handled: 40,
      acked: 40,
      requeued: 0,
      void: 0,
      running: 0,
    });
    expect(await count(queue)).toBe(0);
  });

  it('carries the deadline, the criticality and the trace from end to end, and never later', async () => {
    const { send, consume } = await make();
    const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), isSampled: true };
    const context = root.withValue(criticality, 'sheddable').withValue(traceContext, trace).withTimeout(20_000);
    const seen: unknown[] = [];
    let deadline = Infinity;

    await send('1', context);
    await sleep(100);
    await consume({
      handle: (received) => {
        deadline = received.deadline;
        seen.push(received.value(criticality), received.value(traceContext)?.traceId);
      },
    });
    await until(() => seen.length > 0, 'it');

    expect(seen).toEqual(['sheddable', trace.traceId]);
    expect(deadline).toBeLessThanOrEqual(context.deadline);
    expect(deadline).toBeGreaterThan(context.deadline - 5000);
  });

  it('does not handle what has expired in the queue, and dead-letters it', async () => {
    const { dead, consume, publisher, queue, sending, count, take } = await make();
    const late = createPublisher(sending, { codec, setsExpiration: false });
    await late.publish(root.withTimeout(1500), { routingKey: queue, content: 'late' });
    await publisher.publish(root.withTimeout(1500), { routingKey: queue, content: 'expired by the broker' });
    await sleep(1700);

    let handled = 0;
    const { consumer } = await consume({ handle: () => handled++ });
    const texts = [(await take(dead)).text, (await take(dead)).text];

    expect(texts.toSorted()).toEqual(['expired by the broker', 'late']);
    expect([handled, await count(queue)]).toEqual([0, 0]);
    await consumer.close();
    expect(consumer.snapshot()).toMatchObject({ expired: consumer.snapshot().received, deadLettered: 1 });
  });

  it('drops what has expired, where it is told to', async () => {
    const { dead, queue, consume, sending, count } = await make();
    const late = createPublisher(sending, { codec, setsExpiration: false });
    await late.publish(root.withTimeout(1500), { routingKey: queue, content: 'late' });
    await sleep(1600);

    const { consumer } = await consume({ whenExpired: 'drop', handle: () => {} });
    await until(() => consumer.snapshot().acked === 1, 'it to be dropped');
    await consumer.close();

    expect([await count(queue), await count(dead)]).toEqual([0, 0]);
  });

  it.each([
    ['classic', {}],
    ['quorum', { arguments: { 'x-queue-type': 'quorum' } }],
  ])('gives a poison message of a %s queue up after maxAttempts, and handles the rest', async (_type, options) => {
    const { dead, queue, send, consume, take, count } = await make(options);
    const attempts: number[] = [];
    const handled: string[] = [];
    await send('poison', root, { messageId: 'p' });
    await send('fine', root, { messageId: 'f' });

    const { consumer } = await consume({
      maxAttempts: 4,
      retryDelayMs: 5,
      handle: (_context, { content, attempt }) => {
        const text = Buffer.from(content).toString();
        if (text === 'fine') return void handled.push(text);
        attempts.push(attempt);
        throw new Error('poison');
      },
    });
    const buried = await take(dead);
    await consumer.close();

    expect([buried.text, attempts, handled]).toEqual(['poison', [1, 2, 3, 4], ['fine']]);
    expect(consumer.snapshot()).toMatchObject({ failed: 4, requeued: 3, deadLettered: 1, handled: 1 });
    expect(await count(queue)).toBe(0);
  });

  it('tries what it cannot count twice, not for ever', async () => {
    const { dead, queue, sending, consume, take } = await make();
    let tries = 0;
    sending.sendToQueue(queue, Buffer.from('without an id'));

    await consume({
      maxAttempts: 50,
      retryDelayMs: 0,
      handle: () => {
        tries++;
        throw new Error('poison');
      },
    });

    expect((await take(dead)).text).toBe('without an id');
    expect(tries).toBe(2);
  });

  it('keeps a message that a circuit refuses, and loses no try', async () => {
    const { send, consume, queue, count } = await make();
    const breaker = circuitBreaker({ name: 'db' });
    const hold = breaker.hold('open', { owner: 'test', forMs: Infinity });
    let handled = 0;
    await send('1');
    await send('2');

    const { consumer } = await consume({
      prefetchCount: 1,
      policy: breaker,
      holdMs: 30,
      onFailure: () => ({ action: 'again', afterMs: 20 }),
      handle: () => handled++,
    });
    await until(() => consumer.snapshot().refused >= 3, 'refusals');
    expect([handled, await count(queue), consumer.snapshot().received]).toEqual([0, 1, 1]);
    hold.release();
    await until(() => handled === 2, 'both handled');
    await consumer.close();

    expect(consumer.snapshot()).toMatchObject({ handled: 2, requeued: 0, deadLettered: 0, failed: 0 });
  });

  it('settles what comes to its end after the channel was closed as nothing, and throws nothing', async () => {
    const { send, consume, queue, countIs } = await make();
    let finish = (): void => {};
    let cause: unknown;
    await send('1');

    const { consumer, channel } = await consume({
      handle: (context) => {
        context.onCancel((ended) => (cause = ended));
        return new Promise<void>((resolve) => (finish = resolve));
      },
    });
    await until(() => consumer.snapshot().running === 1, 'it');
    await channel.close();
    finish();

    expect(await consumer.ended).toMatchObject({ code: 'CHANNEL_CLOSED' });
    expect(cause).toBe(await consumer.ended);
    await until(() => consumer.snapshot().void === 1, 'it to be void');
    await countIs(queue, 1); // the broker has it again
    await consumer.close();
  });

  it('drains under load: loses nothing, handles nothing twice that was acked', async () => {
    const { send, consume, queue, count } = await make();
    const done: string[] = [];
    const handle = async (_context: Context, { content }: { content: Uint8Array }) => {
      await sleep(2);
      done.push(Buffer.from(content).toString());
    };
    const sent = Promise.all(Array.from({ length: 400 }, (_, n) => send(`${n}`)));

    for (let round = 0; round < 4; round++) {
      const { consumer } = await consume({ prefetchCount: 20, handle });
      await until(() => consumer.snapshot().handled > 40, 'some');
      const report = await consumer.drain();
      expect(report.isComplete).toBe(true);
      const { received, acked, requeued } = consumer.snapshot();
      expect(acked + requeued).toBe(received);
    }
    await sent;
    const left = await count(queue);
    await consume({ prefetchCount: 50, handle });
    await until(() => done.length >= 400, 'the rest');

    expect(left).toBeGreaterThan(0);
    expect(done.toSorted()).toEqual(Array.from({ length: 400 }, (_, n) => `${n}`).toSorted());
  });

  it('cancels and requeues what does not end in time, when it is drained', async () => {
    const { send, consume, queue, countIs } = await make();
    let cause: unknown;
    await send('1');

    const { consumer } = await consume({
      graceMs: 100,
      handle: (context) => {
        context.onCancel((ended) => (cause = ended));
        return new Promise(() => {});
      },
    });
    await until(() => consumer.snapshot().running === 1, 'it');
    const report = await consumer.drain(root.withTimeout(400));

    expect(report).toMatchObject({ isComplete: false, abandoned: [{ name: queue }] });
    expect(cause).toMatchObject({ message: 'rabbitmq is being drained' });
    expect(consumer.snapshot()).toMatchObject({ requeued: 1, acked: 0 });
    await countIs(queue, 1);
    await consumer.close();
    expect(await consumer.ended).toBeUndefined();
  });

  it('ends when its queue is deleted, or makes it anew and goes on', async () => {
    const ending = await make();
    const { consumer } = await ending.consume({ handle: () => {} });
    await ending.sending.deleteQueue(ending.queue);
    expect(await consumer.ended).toMatchObject({ code: 'CONSUMER_CANCELLED', queue: ending.queue });

    const lasting = await make();
    let handled = 0;
    const second = await lasting.consume({
      handle: () => handled++,
      resubscribe: () => lasting.sending.assertQueue(lasting.queue),
    });
    await lasting.sending.deleteQueue(lasting.queue);
    await until(() => second.consumer.snapshot().cancelled === 1, 'the cancel');
    await lasting.sending.assertQueue(lasting.queue);
    await lasting.send('1');
    await until(() => handled === 1, 'it');
    await second.consumer.close();
  });

  it('does not handle again what once knows, and what has no id is dead-lettered', async () => {
    const { send, consume, dead, take, sending, queue } = await make();
    const handled: unknown[] = [];
    await send('1', root, { messageId: 'order-1/refund' });
    await send('1', root, { messageId: 'order-1/refund' });
    sending.sendToQueue(queue, Buffer.from('anonymous'));

    const { consumer } = await consume({ once: memoryOnce(), handle: (_c, { grant }) => void handled.push(grant) });
    expect((await take(dead)).text).toBe('anonymous');
    await until(() => consumer.snapshot().handled === 2, 'both');
    await consumer.close();

    expect(handled).toEqual([{ fencingToken: 1, attempt: 1 }]);
    expect(consumer.snapshot()).toMatchObject({ handled: 2, known: 1, acked: 2, deadLettered: 1 });
  });

  it('refuses to start where the queue is missing, and says so', async () => {
    const { channel } = await make();
    const consumer = createConsumer(await channel(), { queue: 'no-such-queue', handle: () => {} });

    await expect(consumer.start()).rejects.toThrow(/no queue 'no-such-queue'/);
    expect(await consumer.ended).toMatchObject({ code: 'CHANNEL_CLOSED' });
    await expect(consumer.start()).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
    await consumer.close();
  });

  it('is a part of a service, which starts it, drains it and lets its publisher finish', async () => {
    const { queue, publisher, channel } = await make();
    const lifecycle = createLifecycle({ stopTimeoutMs: 5000, notReadyForMs: 0 });
    let handled = 0;
    const consumer = createConsumer(await channel(), {
      queue,
      codec,
      dependsOn: [publisher.name],
      handle: async (context, { content }) => {
        handled++;
        if (Buffer.from(content).toString() === 'first')
          await publisher.publish(context, { routingKey: queue, content: 'second' });
      },
    });
    await lifecycle.add(publisher).add(consumer).start();
    await publisher.publish(root, { routingKey: queue, content: 'first' });
    await until(() => handled === 2, 'both');

    const report = await lifecycle.stop();

    expect(report).toMatchObject({ isComplete: true, exitCode: 0 });
    expect(report.steps.map(({ component, kind }) => `${kind} ${component}`)).toEqual(
      expect.arrayContaining(['drain rabbitmq', 'close rabbitmq', 'drain rabbitmq-publisher']),
    );
  });

  it('runs messages through a pipeline: a bulkhead of two lets two of five at once', async () => {
    const { send, consume } = await make();
    let [running, most, handled] = [0, 0, 0];
    await Promise.all(Array.from({ length: 5 }, () => send('x')));

    await consume({
      policy: bulkhead(2),
      holdMs: 10,
      handle: async () => {
        most = Math.max(most, ++running);
        await sleep(10);
        running--;
        handled++;
      },
    });
    await until(() => handled === 5, 'all');

    expect(most).toBe(2);
  });
});

type Extra = Partial<ConsumerOptions> & Pick<ConsumerOptions, 'handle'>;

async function consumeFrom(lab: QueueLab, extra: Extra) {
  const channel = await lab.channel();
  const consumer = createConsumer(channel, { queue: lab.queue, codec, ...extra });
  await consumer.start();
  return { consumer, channel };
}
