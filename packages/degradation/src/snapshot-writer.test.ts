import { describe, expect, it } from 'vitest';

import { settle, virtualClock } from '@holdfast/core/testing';

import { SnapshotWriter } from './snapshot-writer.ts';

function setUp(delayMs: number) {
  const clock = virtualClock();
  const saved: string[] = [];
  const failures: unknown[] = [];
  let finish: () => void = () => {};
  const save = (text: string) => {
    saved.push(text);
    if (text === 'bad') return Promise.reject(new Error('disk'));
    return new Promise<void>((resolve) => (finish = resolve));
  };
  const writer = new SnapshotWriter({ port: { save }, clock, delayMs, onFailure: (error) => failures.push(error) });
  const write = (...texts: string[]) => texts.forEach((text) => writer.write(() => text));
  return { clock, saved, failures, writer, write, finish: () => finish() };
}

describe('SnapshotWriter', () => {
  it('(1) writes the newest, the delay after the first of them, on both sides of the moment', async () => {
    const { clock, saved, write } = setUp(100);
    write('a');
    await clock.advance(60);
    write('b');
    await clock.advance(39);
    expect(saved).toEqual([]);

    await clock.advance(1);

    expect(saved).toEqual(['b']);
  });

  it('(2) writes one after the other, the newest last', async () => {
    const { clock, saved, write, finish } = setUp(100);
    write('a');
    await clock.advance(100);
    write('b', 'c');
    await clock.advance(1000);
    expect(saved).toEqual(['a']);

    finish();
    await clock.advance(100);

    expect(saved).toEqual(['a', 'c']);
  });

  it('(3) tells of failures, and writes the next one all the same', async () => {
    const { saved, failures, write } = setUp(0);
    write('bad', 'next');
    await settle();

    expect(saved).toEqual(['bad', 'next']);
    expect(failures).toHaveLength(1);
  });

  it('(3) tells of a text that cannot be made', async () => {
    const { failures, writer } = setUp(0);
    writer.write(() => {
      throw new Error('no text');
    });
    await settle();

    expect(failures).toHaveLength(1);
  });

  it('(4) leaves no timer after close, and writes at once what waits and what comes later', async () => {
    const { clock, saved, writer, write, finish } = setUp(100);
    write('a');

    writer.close();
    expect([saved, clock.pendingCount]).toEqual([['a'], 0]);
    write('b');
    finish();
    await settle();

    expect([saved, clock.pendingCount]).toEqual([['a', 'b'], 0]);
    writer.close();
  });
});
