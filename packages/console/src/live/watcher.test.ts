import { describe, expect, it } from 'vitest';

import { virtualClock } from '@holdfast/core/testing';

import { FakeResponse } from '../testing/fake-response.ts';
import { Watcher } from './watcher.ts';

function start() {
  const clock = virtualClock();
  const response = new FakeResponse();
  const watcher = new Watcher(response.asResponse, clock);
  const send = (...keys: readonly string[]) => {
    const frames = keys.map((key) => ({ key: key.replace(/\d+$/, ''), text: `${key};` }));
    watcher.send(frames, frames.map(({ text }) => text).join(''));
  };
  return { clock, response, watcher, send };
}

describe('watcher', () => {
  it('writes at once what the connection takes', () => {
    const { response, send } = start();

    send('a1', 'b1');
    send('a2');

    expect(response.written).toEqual(['a1;b1;', 'a2;']);
  });

  it('(1) (3) keeps the last frame of each key for a client that reads slowly, in the order of their coming', () => {
    const { response, send, watcher } = start();
    response.isFull = true;
    send('a1');

    send('a2', 'b1', 'c1');
    send('b2', 'a3');
    expect([response.written, watcher.waitingCount]).toEqual([['a1;'], 3]);
    response.drain();

    expect([response.written, watcher.waitingCount]).toEqual([['a1;', 'c1;b2;a3;'], 0]);
  });

  it('(1) cuts off a client that is behind with too many keys', () => {
    const { response, watcher } = start();
    response.isFull = true;
    watcher.send([], 'first');
    const frames = Array.from({ length: 10_000 }, (_, index) => ({ key: `k${index}`, text: '' }));

    watcher.send(frames, '');
    expect(response.destroyed).toBe(false);
    watcher.send([{ key: 'one more', text: '' }], '');

    expect([response.destroyed, watcher.waitingCount]).toEqual([true, 0]);
  });

  it('(2) cuts off a client that takes nothing for too long, and none that takes something in between', async () => {
    const { response, watcher, send, clock } = start();
    response.isFull = true;
    send('a1');
    await clock.advance(9000);
    response.drain();
    response.isFull = true;
    send('a2');
    await clock.advance(9999);
    watcher.check(10_000);
    expect(response.destroyed).toBe(false);

    await clock.advance(1);
    watcher.check(10_000);

    expect(response.destroyed).toBe(true);
  });

  it('shows a client that has nothing to read that the connection is alive', () => {
    const { response, watcher } = start();

    watcher.check(10_000);

    expect(response.written).toEqual([':\n\n']);
  });

  it('ends in order where the client reads, and at once where it does not', () => {
    const reading = start();
    reading.watcher.end();
    const stalled = start();
    stalled.response.isFull = true;
    stalled.send('a1');
    stalled.watcher.end();

    expect([reading.response.writableEnded, reading.response.destroyed]).toEqual([true, false]);
    expect([stalled.response.writableEnded, stalled.response.destroyed]).toEqual([false, true]);
    reading.send('a2');
    expect(reading.response.written).toEqual([]);
  });
});
