import { Context } from '@holdfast/core';
import { describe, expect, it } from 'vitest';

import { FakeChannel } from '../../../../test/rabbitmq/fake-channel.ts';
import { createPublisher } from './publisher.ts';

/** What the broker says of a message that no queue wanted. */
const returned = (routingKey: string) => ({ fields: { exchange: '', routingKey }, properties: { messageId: 'm' } });

describe('return-watch', () => {
  it('tells the publisher that waits for a message, and no other one of its channel', async () => {
    const channel = new FakeChannel();
    const heard: unknown[] = [];
    const onReturned = (message: unknown): unknown => heard.push(message);
    const [first, second] = [createPublisher(channel, { onReturned }), createPublisher(channel, { onReturned })];
    const message = { routingKey: 'work', content: 'x', messageId: 'm' };
    const published = second.publish(Context.background, message).catch((error: unknown) => error);

    channel.emit('return', returned('work'));
    channel.sent[0]?.answer(null);

    expect(await published).toMatchObject({ code: 'MESSAGE_RETURNED' });
    expect([first.snapshot().returned, second.snapshot().returned, heard]).toEqual([0, 1, []]);
    expect(channel.listenerCount('return')).toBe(1);
  });

  it('knows two messages with one id by where they were sent', async () => {
    const channel = new FakeChannel();
    const publisher = createPublisher(channel);
    const [work, nowhere] = ['work', 'nowhere'].map((routingKey) =>
      publisher
        .publish(Context.background, { routingKey, content: 'x', messageId: 'm' })
        .catch((error: unknown) => error),
    );

    channel.emit('return', returned('nowhere'));
    for (const { answer } of channel.sent) answer(null);

    expect(await work).toMatchObject({ isConfirmed: true });
    expect(await nowhere).toMatchObject({ code: 'MESSAGE_RETURNED', routingKey: 'nowhere' });
  });
});
