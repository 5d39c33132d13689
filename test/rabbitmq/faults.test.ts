import { Context } from '@holdfast/core';
import { createQueueCodec } from '@holdfast/queue';
import { createConsumer, createPublisher } from '@holdfast/queue/rabbitmq';
import { redisOnce } from '@holdfast/redis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { type RabbitmqServer, startRabbitmqServer } from '../rabbitmq-lab/rabbitmq-server.ts';
import { startRedisServer } from '../redis-lab/redis-server.ts';
import { makeQueue, until } from './queue-lab.ts';
import { hasRabbitmq, skipWithoutRabbitmq } from '../rabbitmq-lab/skip-without-rabbitmq.ts';

const root = Context.background;
const codec = createQueueCodec();

describe('a broker that fails', () => {
  skipWithoutRabbitmq();
  let server: RabbitmqServer;
  beforeAll(async () => {
    if (hasRabbitmq()) server = await startRabbitmqServer();
  });
  afterAll(() => (hasRabbitmq() ? server.stop() : undefined));

  async function makeOnce() {
    const redis = await startRedisServer();
    onTestFinished(() => redis.stop());
    const client = redis.connect();
    const once = redisOnce(client, { namespace: 'test', commandTimeoutMs: 5000 });
    onTestFinished(() => once.close());
    return once;
  }

  it('that is killed while a message is handled: its context ends, it comes again, its effect comes once', async () => {
    const once = await makeOnce();
    const { queue, sending, channel } = await makeQueue(server);
    await server.writeDown();
    await createPublisher(sending, { codec }).publish(root, {
      routingKey: queue,
      content: '1',
      messageId: 'order-1/pay',
    });
    const [effects, causes]: [number[], unknown[]] = [[], []];
    let finish = (): void => {};
    const handle = async (context: Context, { attempt }: { attempt: number }) => {
      context.onCancel((cause) => causes.push(cause));
      effects.push(attempt);
      await new Promise<void>((resolve) => (finish = resolve)); // done, and not acked yet
    };
    const first = createConsumer(await channel(), { queue, codec, once, handle });
    await first.start();
    await until(() => effects.length === 1, 'the effect');

    await server.kill();
    const cause = await first.ended;
    finish();
    await until(() => first.snapshot().void === 1, 'its end');
    await server.restart();
    const lab = await server.connect();
    const second = createConsumer(await lab.createChannel(), { queue, codec, once, handle });
    await second.start();
    await until(() => second.snapshot().handled === 1, 'it to come again');
    await second.close();

    expect(cause).toMatchObject({ code: 'CHANNEL_CLOSED' });
    expect(causes[0]).toBe(cause);
    expect(effects).toEqual([1]);
    expect(second.snapshot()).toMatchObject({ received: 1, known: 1, acked: 1 });
    expect(await (await lab.createChannel()).checkQueue(queue)).toMatchObject({ messageCount: 0 });
  });

  it('that is killed while messages are published: what was confirmed is there, what was not says so', async () => {
    const { queue, sending } = await makeQueue(server);
    await server.writeDown();
    const publisher = createPublisher(sending, { codec });
    const confirmed: string[] = [];
    const codes = new Set<string>();
    let count = 0;
    const sendUntilRefused = async (): Promise<void> => {
      while (codes.size === 0) {
        const id = `${count++}`;
        try {
          // oxlint-disable-next-line no-await-in-loop -- each sends one after the other
          await publisher.publish(root, { routingKey: queue, content: id, messageId: id });
          confirmed.push(id);
        } catch (error) {
          codes.add((error as { code: string }).code);
        }
      }
    };
    const all = Array.from({ length: 100 }, sendUntilRefused);

    await until(() => publisher.snapshot().confirmed > 100, 'some to be confirmed');
    await server.kill();
    await Promise.all(all);
    await server.restart();
    const channel = await (await server.connect()).createChannel();
    const found = new Set<string>();
    const { messageCount } = await channel.checkQueue(queue);
    let foundCount = 0;
    await channel.consume(queue, (message) => void (foundCount++, found.add(String(message?.content))), {
      noAck: true,
    });
    await until(() => foundCount === messageCount, 'all that are there');

    expect(confirmed.length).toBeLessThan(count);
    expect(confirmed.filter((id) => !found.has(id))).toEqual([]);
    expect(
      [...codes].filter((code) => !['PUBLISH_UNCONFIRMED', 'CHANNEL_CLOSED', 'PUBLISHER_FULL'].includes(code)),
    ).toEqual([]);
    expect(publisher.snapshot()).toMatchObject({ pending: 0, waiting: 0 });
    expect(await publisher.ended).toMatchObject({ code: 'CHANNEL_CLOSED' });
    expect(() => publisher.check()).toThrow('channel');
  });

  it('that blocks the connection: messages wait as long as their context, and go when it is over', async () => {
    const { queue, sending } = await makeQueue(server);
    const publisher = createPublisher(sending, { codec });
    const send = (context: Context, content: string) => publisher.publish(context, { routingKey: queue, content });

    const unblock = await server.block();
    const first = send(root, 'sent, and read when it is over');
    await until(() => publisher.snapshot().isBlocked, 'the block');
    expect(publisher.check()).toMatchObject({ warning: expect.stringContaining('blocks') });
    const late = send(root.withTimeout(50, 'late'), 'never sent').catch((error: unknown) => error);
    const waiting = send(root, 'waits');
    expect(publisher.snapshot()).toMatchObject({ sent: 1, waiting: 2 });
    expect(await late).toBe('late');
    await unblock();

    expect(await Promise.all([first, waiting])).toHaveLength(2);
    expect(publisher.snapshot()).toMatchObject({ sent: 2, confirmed: 2, waiting: 0, isBlocked: false });
  });

  it('that does not answer: nobody knows, and a late answer is counted', async () => {
    const { queue, sending } = await makeQueue(server);
    const publisher = createPublisher(sending, { codec });

    server.pause();
    const unknown = publisher.publish(root.withTimeout(200, 'late'), { routingKey: queue, content: '1' });
    expect(await unknown.catch((error: unknown) => error)).toMatchObject({
      code: 'PUBLISH_UNCONFIRMED',
      cause: 'late',
    });
    server.resume();

    await until(() => publisher.snapshot().late === 1, 'the answer');
  });

  it('that takes bytes slowly: messages wait for room in the buffer, and all arrive in their order', async () => {
    const { queue, sending, channel, connection } = await makeQueue(server);
    const publisher = createPublisher(sending, { codec, maxWaiting: 5000 });
    const content = Buffer.alloc(100, 'x');

    const all = Array.from({ length: 3000 }, (_, n) =>
      publisher.publish(root, { routingKey: queue, content, messageId: `${n}` }),
    );
    const { waiting } = publisher.snapshot();
    await Promise.all(all);
    const ids: string[] = [];
    const consumer = createConsumer(await channel(), {
      queue,
      prefetchCount: 1,
      handle: (_context, { message }) => void ids.push(String(message.properties.messageId)),
    });
    await consumer.start();
    await until(() => ids.length === 3000, 'all of them');
    await consumer.close();
    await connection.close();

    expect(waiting).toBeGreaterThan(0);
    expect(ids).toEqual(Array.from({ length: 3000 }, (_, n) => `${n}`));
  });

  it('that has no queue for a message, or a full one, says so', async () => {
    const { queue, sending } = await makeQueue(server, {
      arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' },
    });
    const publisher = createPublisher(sending, { codec });
    const send = (message: object) =>
      publisher.publish(root, { routingKey: queue, content: '1', ...message }).catch((error: unknown) => error);

    expect(await send({})).toMatchObject({ isConfirmed: true });
    expect(await send({})).toMatchObject({ code: 'PUBLISH_REFUSED' });
    expect(await send({ routingKey: 'nowhere' })).toMatchObject({ code: 'MESSAGE_RETURNED', routingKey: 'nowhere' });
    expect(await send({ routingKey: 'nowhere', mandatory: false })).toMatchObject({ isConfirmed: true });
    expect(publisher.snapshot()).toMatchObject({ confirmed: 2, refused: 1, returned: 1 });
  });

  it('that closes all connections: every consumer ends, and one made on a new channel goes on', async () => {
    const { queue, channel, sending } = await makeQueue(server);
    const consumer = createConsumer(await channel(), { queue, handle: () => {} });
    await consumer.start();
    await createPublisher(sending).publish(root, { routingKey: queue, content: '1' });
    await until(() => consumer.snapshot().acked === 1, 'it');

    await server.closeConnections('maintenance');

    expect(await consumer.ended).toMatchObject({ code: 'CHANNEL_CLOSED' });
    expect(await consumer.drain()).toMatchObject({ isComplete: true });
    await consumer.close();
  });
});
