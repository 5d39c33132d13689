import { Context } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { FakeChannel } from '../../../../test/rabbitmq/fake-channel.ts';
import { createPublisher } from './publisher.ts';

describe('publish-run', () => {
  it.each([false, true])(
    '(2) leaves nothing where its context ends at whatever moment; blocked: %s',
    async (isBlocked) => {
      for (let liveReads = 0; liveReads < 12; liveReads++) {
        const channel = new FakeChannel();
        const clock = virtualClock();
        const publisher = createPublisher(channel, { clock });
        if (isBlocked) channel.connection.emit('blocked', 'low on memory');
        let reads = 0;
        const context = Context.withClock({
          now: () => (reads++ > liveReads ? 100 : 0),
          setTimer: (callback, delayMs) => clock.setTimer(callback, delayMs),
        }).withDeadline(50);

        const published = publisher
          .publish(context, { routingKey: 'work', content: 'x' })
          .catch((error: unknown) => error);
        for (const { answer } of channel.sent) answer(null);
        await clock.advance(1000);
        await published;

        expect(publisher.snapshot()).toMatchObject({ pending: 0, waiting: 0 });
        expect(clock.pendingCount).toBe(0);
      }
    },
  );

  it('tells what closed the channel of a message that was sent, and not what amqplib says first', async () => {
    const channel = new FakeChannel();
    const broken = new Error('no exchange here');
    const publishing = createPublisher(channel).publish(Context.background, { routingKey: 'work', content: 'x' });

    channel.emit('error', broken); // in the order of amqplib
    channel.sent[0]?.answer(new Error('channel closed'));
    channel.emit('close');

    await expect(publishing).rejects.toMatchObject({
      code: 'PUBLISH_UNCONFIRMED',
      cause: { code: 'CHANNEL_CLOSED', cause: broken },
    });
  });

  it('tells a channel that was closed before anybody listened as closed', async () => {
    const channel = new FakeChannel();
    channel.isClosed = true;

    const publishing = createPublisher(channel).publish(Context.background, { routingKey: 'work', content: 'x' });

    await expect(publishing).rejects.toMatchObject({ code: 'CHANNEL_CLOSED', cause: { message: 'Channel closed' } });
  });
});
