import { expect, it } from 'vitest';

import { FakeChannel } from '../../../../test/rabbitmq/fake-channel.ts';
import { lifeOf } from './channel-life.ts';
import { SendGate } from './send-gate.ts';

function make(maxWaiting = 10) {
  const channel = new FakeChannel();
  const gate = new SendGate(lifeOf(channel), maxWaiting);
  const sent: string[] = [];
  const message = (name: string, hasRoom = true) => ({
    send: () => {
      sent.push(name);
      return hasRoom;
    },
  });
  return { channel, gate, sent, message };
}

it('send-gate (1): lets nothing through after one that filled the buffer, until it has drained', () => {
  const { channel, gate, sent, message } = make();

  for (const each of [message('a'), message('b', false), message('c', false), message('d')]) gate.enter(each);
  expect([sent, gate.waitingCount]).toEqual([['a', 'b'], 2]);
  channel.emit('drain');
  expect(sent).toEqual(['a', 'b', 'c']);
  channel.emit('drain');
  expect([sent, gate.waitingCount]).toEqual([['a', 'b', 'c', 'd'], 0]);
});

it('send-gate (1): lets nothing through while the connection is blocked, drained or not', () => {
  const { channel, gate, sent, message } = make();

  channel.connection.emit('blocked', 'low on memory');
  gate.enter(message('a'));
  channel.emit('drain');
  expect(sent).toEqual([]);
  channel.connection.emit('unblocked');

  expect(sent).toEqual(['a']);
});

it('send-gate (2): keeps the order, without those that were withdrawn', () => {
  const { channel, gate, sent, message } = make();
  const withdrawn = message('b');

  channel.connection.emit('blocked', 'low on memory');
  for (const each of [message('a'), withdrawn, message('c')]) gate.enter(each);
  gate.leave(withdrawn);
  channel.connection.emit('unblocked');
  gate.enter(message('d'));

  expect(sent).toEqual(['a', 'c', 'd']);
});

it.each([0, 2])('send-gate (3): lets %i wait', (maxWaiting) => {
  const { channel, gate, message } = make(maxWaiting);
  channel.connection.emit('blocked', 'low on memory');

  const entered = [1, 2, 3].map((n) => gate.enter(message(`${n}`)));

  expect(entered).toEqual([1, 2, 3].map((n) => n <= maxWaiting));
  expect(gate.waitingCount).toBe(maxWaiting);
});
