import { expect, it } from 'vitest';

import { FakeChannel } from '../../../../test/rabbitmq/fake-channel.ts';
import { lifeOf } from './channel-life.ts';

it('channel-life (1): tells each listener once what closed the channel, also one that comes later', async () => {
  const channel = new FakeChannel();
  const life = lifeOf(channel);
  const told: unknown[] = [];
  life.onClose((end) => told.push(end));
  life.onClose((end) => told.push(end))();
  const broken = new Error('PRECONDITION_FAILED');

  channel.break(broken);
  channel.emit('close');
  life.onClose((end) => told.push(end));

  expect(told).toEqual([life.end, life.end]);
  expect(life.end).toMatchObject({ code: 'CHANNEL_CLOSED', cause: broken });
  expect(life.end?.message).toBe('the channel is closed: PRECONDITION_FAILED'); // logs show the message, not the cause
});

it('channel-life (1): takes the error of the connection for the channel’s', () => {
  const channel = new FakeChannel();
  const life = lifeOf(channel);
  const reset = new Error('ECONNRESET');

  channel.connection.emit('error', reset);
  channel.emit('close');

  expect(life.end?.cause).toBe(reset);
});

it('channel-life (2): settles nothing after the end, nor while the channel is closing, and throws nothing', () => {
  const channel = new FakeChannel();
  const life = lifeOf(channel);
  const message = { fields: { deliveryTag: 1 } } as never;

  expect(life.settle(() => channel.ack(message))).toBe(true);
  channel.isClosed = true;
  expect(life.settle(() => channel.ack(message))).toBe(false);
  channel.emit('close');
  expect(life.settle(() => expect.unreachable())).toBe(false);
  expect(channel.settled).toEqual(['ack 1']);
});

it('knows whether the broker blocks the connection, from its beginning', () => {
  const first = new FakeChannel();
  first.connection.blocked = true;
  const life = lifeOf(first);
  let rooms = 0;
  life.onRoom(() => rooms++);
  life.onRoom(() => rooms++)();

  expect(life.isBlocked).toBe(true);
  first.connection.emit('unblocked');
  expect([life.isBlocked, rooms]).toEqual([false, 1]);
  first.connection.emit('blocked', 'low on memory');
  first.emit('drain');
  expect([life.isBlocked, rooms]).toEqual([true, 2]);
});

it('adds one set of listeners to a connection, however many channels it has', () => {
  const first = new FakeChannel();
  lifeOf(first);
  lifeOf(first);
  for (let n = 0; n < 30; n++) {
    const other = new FakeChannel();
    Object.assign(other, { connection: first.connection });
    lifeOf(other);
  }

  expect(first.connection.listenerCount('error')).toBe(1);
  expect(first.listenerCount('close')).toBe(1);
});
