import { Context, onHookError } from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it, onTestFinished } from 'vitest';

import { FakeChannel } from '../../../../test/rabbitmq/fake-channel.ts';
import { createQueueCodec } from '../codec.ts';
import { createPublisher, type PublisherOptions } from './publisher.ts';

function make(options: PublisherOptions = {}) {
  const clock = virtualClock();
  const codec = createQueueCodec({ wallClock: () => 1_700_000_000_000 + clock.now() });
  const channel = new FakeChannel();
  const publisher = createPublisher(channel, { clock, codec, ...options });
  const root = Context.withClock(clock);
  const publish = (context: Context = root, extra: object = {}) =>
    publisher.publish(context, { routingKey: 'work', content: 'x', ...extra });
  const optionsSent = () => channel.sent.at(-1)?.options;
  return { clock, channel, publisher, root, publish, optionsSent };
}
const errorOf = (pending: Promise<unknown>) => pending.catch((error: unknown) => error);

describe('createPublisher', () => {
  it('resolves when the broker has the message, not before', async () => {
    const { channel, publish, publisher } = make();
    let isDone = false;

    const published = publish().finally(() => (isDone = true));
    await settle();
    expect([isDone, publisher.snapshot().pending]).toEqual([false, 1]);
    channel.sent[0]?.answer(null);

    expect(await published).toEqual({ messageId: channel.sent[0]?.options.messageId, isConfirmed: true });
    expect(publisher.snapshot()).toMatchObject({ sent: 1, confirmed: 1, pending: 0, waiting: 0 });
  });

  it('promises only that it was sent, on a channel without confirms', async () => {
    const channel = new FakeChannel();
    Object.assign(channel, { waitForConfirms: undefined });
    const returned: unknown[] = [];
    const publisher = createPublisher(channel, { onReturned: (message) => returned.push(message) });

    expect(await publisher.publish(Context.background, { routingKey: 'work', content: 'x' })).toMatchObject({
      isConfirmed: false,
    });
    channel.emit('return', { fields: { exchange: '', routingKey: 'work' }, properties: {} });
    expect(returned).toHaveLength(1);
  });

  it('says that it has ended, and why, also to whoever asks later', async () => {
    const { channel, publish, publisher } = make();
    let isOver = false;
    void publisher.ended.then(() => (isOver = true));
    await settle();
    expect([isOver, publisher.check()]).toEqual([false, true]);
    channel.connection.emit('blocked', 'low on memory');
    expect(publisher.check()).toEqual({ warning: 'the broker blocks rabbitmq-publisher' });
    const failure = new Error('404, no exchange');
    channel.break(failure);

    const end = await publisher.ended;
    expect(end).toMatchObject({ code: 'CHANNEL_CLOSED', cause: failure });
    expect(await errorOf(publish())).toBe(end);
    expect(() => publisher.check()).toThrow(end);
    expect(await createPublisher(channel).ended).toBe(end);
  });

  it('publisher (1), publish-run (1): sends nothing under a context that has ended, also while it waited', async () => {
    const { channel, publish, root, clock } = make();

    expect(await errorOf(publish(root.withTimeout(0, 'over')))).toBe('over');
    channel.connection.emit('blocked', 'low on memory');
    const waiting = errorOf(publish(root.withTimeout(100, 'late')));
    await clock.advance(100);
    channel.connection.emit('unblocked');

    expect(await waiting).toBe('late');
    expect(channel.sent).toEqual([]);
  });

  it('publisher (1), publish-properties (1): lets a message live no longer than its context', () => {
    const { publish, root, optionsSent } = make();
    const expirationOf = (context: Context, extra: object = {}) => {
      void errorOf(publish(context, extra));
      return optionsSent()?.['expiration'];
    };

    expect(expirationOf(root)).toBeUndefined();
    expect(expirationOf(root.withTimeout(812.9))).toBe('812');
    expect(expirationOf(root.withTimeout(800), { expirationMs: 300 })).toBe('300');
    expect(expirationOf(root.withTimeout(800), { expirationMs: 9000 })).toBe('800');
    expect(expirationOf(root.withTimeout(1e10))).toBeUndefined(); // longer than RabbitMQ takes
    expect(expirationOf(root, { expirationMs: 0 })).toBe('0');
  });

  it('publisher (1), publish-properties (1): tells no deadline with a message that must outlive it, and still waits no longer', async () => {
    const { publish, root, optionsSent, clock, publisher } = make();
    const context = root.withTimeout(800);
    expect(publisher.isIdle()).toBe(true);

    const publishing = errorOf(publish(context, { deadline: 'none' }));
    expect(optionsSent()).not.toHaveProperty('expiration');
    expect(optionsSent()).not.toHaveProperty('deadline');
    expect(Object.keys(optionsSent()?.['headers'] as object).filter((name) => /deadline|timeout/.test(name))).toEqual(
      [],
    );
    expect(publisher.isIdle()).toBe(false);
    await clock.advance(800);
    expect(await publishing).toMatchObject({ code: 'PUBLISH_UNCONFIRMED' });
    expect(publisher.isIdle()).toBe(true);

    void errorOf(publish(root.withTimeout(800), { deadline: 'none', expirationMs: 9000 }));
    expect(optionsSent()).toMatchObject({ expiration: '9000' });
    void errorOf(publish(root.withTimeout(800), { deadline: 'context' }));
    expect(optionsSent()).toMatchObject({ expiration: '800', headers: { 'x-request-timeout': '800ms' } });
  });

  it('tells the time that is left when it is sent, not when it was asked for', async () => {
    const { publish, root, optionsSent, channel, clock } = make();
    channel.connection.emit('blocked', 'low on memory');
    void errorOf(publish(root.withTimeout(800)));

    await clock.advance(500);
    channel.connection.emit('unblocked');

    expect(optionsSent()).toMatchObject({ expiration: '300', headers: { 'x-request-timeout': '300ms' } });
  });

  it('publish-properties (2): changes nothing of what it was given', () => {
    const { publish, root, optionsSent } = make({ mandatory: false });
    const headers = Object.freeze({ own: 1, 'x-context-deadline': 'forged' });
    const message = Object.freeze({ headers, type: 'order', persistent: false, messageId: 'm' });

    void errorOf(publish(root.withTimeout(800), message));

    expect(optionsSent()).toMatchObject({ type: 'order', persistent: false, mandatory: false, messageId: 'm' });
    expect(optionsSent()?.['headers']).toMatchObject({ own: 1, 'x-context-deadline': '1700000000800000000' });
    expect(optionsSent()).not.toHaveProperty('routingKey');
  });

  it('publisher (2): says what the broker refused, and what it returned', async () => {
    const { channel, publish, publisher } = make();
    const refused = errorOf(publish(undefined, { messageId: 'a' }));
    const returned = errorOf(publish(undefined, { messageId: 'b', exchange: 'events' }));

    channel.sent[0]?.answer(new Error('message nacked'));
    channel.emit('return', { fields: { exchange: 'events', routingKey: 'work' }, properties: { messageId: 'b' } });
    channel.sent[1]?.answer(null);

    expect(await refused).toMatchObject({ code: 'PUBLISH_REFUSED', messageId: 'a' });
    expect(await returned).toMatchObject({
      code: 'MESSAGE_RETURNED',
      messageId: 'b',
      exchange: 'events',
      routingKey: 'work',
    });
    expect(publisher.snapshot()).toMatchObject({ refused: 1, returned: 1, confirmed: 0 });
  });

  it('publisher (2): knows two messages of one id apart', async () => {
    const { channel, publish } = make();
    const [first, second] = [1, 2].map(() => errorOf(publish(undefined, { messageId: 'a' })));

    channel.emit('return', { fields: { exchange: '', routingKey: 'work' }, properties: { messageId: 'a' } });
    for (const { answer } of channel.sent) answer(null);

    expect(await first).toMatchObject({ code: 'MESSAGE_RETURNED' });
    expect(await second).toMatchObject({ isConfirmed: true });
  });

  it('publisher (2): says that nobody knows, when the context or the channel ends before the answer', async () => {
    const { channel, publish, publisher, root, clock } = make();
    const late = errorOf(publish(root.withTimeout(100, 'late')));
    const lost = errorOf(publish());

    await clock.advance(100);
    channel.sent[0]?.answer(null);
    channel.break(new Error('reset'));

    expect(await late).toMatchObject({ code: 'PUBLISH_UNCONFIRMED', cause: 'late' });
    expect(await lost).toMatchObject({ code: 'PUBLISH_UNCONFIRMED', cause: { code: 'CHANNEL_CLOSED' } });
    expect(await errorOf(publish())).toMatchObject({ code: 'CHANNEL_CLOSED' });
    expect(publisher.snapshot()).toMatchObject({ unconfirmed: 2, late: 1, pending: 0 });
  });

  it('publisher (3): holds messages back while they cannot be sent, and refuses too many', async () => {
    const { channel, publish, publisher } = make({ maxWaiting: 1 });
    channel.hasRoom = false;

    const pending = [publish(), publish()];
    expect(await errorOf(publish())).toMatchObject({ code: 'PUBLISHER_FULL', maxWaiting: 1 });
    expect(publisher.snapshot()).toMatchObject({ sent: 1, waiting: 1, pending: 1, isBlocked: false });
    channel.emit('drain');
    for (const { answer } of channel.sent) answer(null);

    expect(await Promise.all(pending)).toHaveLength(2);
  });

  it('publish-run (2): settles once, and leaves no listener', async () => {
    const { channel, publish, root, clock } = make();
    const context = root.withTimeout(1000);
    const published = publish(context);

    channel.sent[0]?.answer(null);
    channel.sent[0]?.answer(new Error('message nacked'));
    await published;
    await clock.advance(2000);
    channel.break(new Error('reset'));

    expect(clock.pendingCount).toBe(0);
  });

  it('gives back what amqplib throws, and a closing channel as closed', async () => {
    const { channel, publish } = make();
    const tooLong = new RangeError('headers exceed 64 KiB');
    channel.publish = () => {
      throw tooLong;
    };
    expect(await errorOf(publish())).toBe(tooLong);
    channel.connection.emit('blocked', 'low on memory');
    const waiting = errorOf(publish());
    channel.break(new Error('reset'));

    expect(await waiting).toMatchObject({ code: 'CHANNEL_CLOSED' });
  });

  it('is drained when nothing is pending, or gives up with its context', async () => {
    const { channel, publish, publisher, root, clock } = make();
    await publisher.drain();
    const published = publish();

    const inVain = errorOf(publisher.drain(root.withTimeout(100, 'late')));
    await clock.advance(100);
    expect(await inVain).toBe('late');
    const drained = publisher.drain();
    channel.sent[0]?.answer(null);
    await Promise.all([published, drained]);
  });

  it('reports a hook that fails', async () => {
    const reported: unknown[] = [];
    const before = onHookError((error) => reported.push(error));
    onTestFinished(() => void onHookError(before));
    const { channel } = make({
      onReturned: () => {
        throw new Error('hook');
      },
    });

    channel.emit('return', { fields: { exchange: '', routingKey: 'work' }, properties: { messageId: 'x' } });

    expect(reported).toMatchObject([{ hook: 'onReturned' }]);
  });

  it.each([
    [{ content: { a: 1 } }, 'publish.content must be a Buffer or a string: JSON.stringify what is neither'],
    [{ content: undefined }, 'publish.content'],
    [{ routingKey: undefined }, 'publish.routingKey must be a string'],
    [{ exchange: 7 }, 'publish.exchange must be a string'],
    [{ headers: [] }, 'publish.headers must be an object'],
    [{ messageId: '' }, 'publish.messageId must be a string of 1 to 255 characters'],
    [{ expirationMs: -1 }, 'publish.expirationMs must be whole milliseconds'],
    [{ expirationMs: 1.5 }, 'publish.expirationMs must be whole milliseconds'],
    [{ expirationMs: 4_294_967_296 }, 'publish.expirationMs must be whole milliseconds'],
    [{ expiration: '100' }, 'publish.expiration must be left out: expirationMs'],
    [{ deadline: 'never' }, 'publish.deadline must be "context" or "none"'],
    [{ mandatory: 'no' }, 'publish.mandatory must be true or false'],
  ])('refuses %j', async (extra, message) => {
    const { publish, channel } = make();

    await expect(publish(undefined, extra)).rejects.toThrow(message);
    expect(channel.sent).toEqual([]);
  });

  it('says what is wrong', async () => {
    const channel = new FakeChannel();
    const { publisher } = make();

    expect(() => createPublisher(channel, { maxWaiting: -1 })).toThrow(
      'publisher.maxWaiting must be an integer from 0',
    );
    expect(() => createPublisher(channel, { drainTimeoutMs: NaN })).toThrow(
      'publisher.drainTimeoutMs must be 0 or more',
    );
    expect(() => createPublisher(channel, { mandatory: 1 as never })).toThrow('publisher.mandatory must be one of');
    expect(() => createPublisher(channel, { codec: {} as never })).toThrow('publisher.codec must be a codec of');
    await expect(publisher.publish(undefined as never, {} as never)).rejects.toThrow('publish needs a Context');
    await expect(publisher.publish(Context.background, null as never)).rejects.toThrow(
      'publish.message must be an object',
    );
  });
});
