import { Writable } from 'node:stream';

import { describe, expect, it, vi } from 'vitest';

import { SourcePump } from './source-pump.ts';

/** Waits as long as a slow machine may take. */
const until = (isSo: () => void): Promise<void> => vi.waitFor(isSo, { timeout: 20_000, interval: 5 });

class Sink extends Writable {
  readonly taken: unknown[] = [];
  cancels = 0;

  constructor() {
    super({ objectMode: true, highWaterMark: 2 });
  }

  override _write(chunk: unknown, _encoding: string, done: () => void): void {
    this.taken.push(chunk);
    setImmediate(done);
  }

  cancel(): void {
    this.cancels += 1;
  }
}

describe('a source pump', { timeout: 60_000 }, () => {
  it('(1): takes the source once, in its order, as fast as the call takes it', async () => {
    const sink = new Sink();
    const pump = new SourcePump(Array.from({ length: 20 }, (_, index) => index));
    pump.throwIfTaken();

    void pump.feed(sink);
    await until(() => expect(sink.writableFinished).toBe(true));

    expect(sink.taken).toEqual(Array.from({ length: 20 }, (_, index) => index));
    expect(() => pump.throwIfTaken()).toThrow('taken by another attempt');
    pump.note(new Error('first'));
    pump.note(new Error('second'));
    expect(() => pump.throwIfTaken()).toThrow('first');
  });

  it('(2): tells a source that is read no more', async () => {
    const sink = new Sink();
    let isTold = false;
    async function* endless() {
      try {
        for (let index = 0; ; index++) yield index;
      } finally {
        isTold = true;
      }
    }
    const pump = new SourcePump(endless());

    void pump.feed(sink);
    await until(() => expect(sink.taken.length).toBeGreaterThan(3));
    pump.stop();
    await until(() => expect(isTold).toBe(true));
    const { length } = sink.taken;
    await new Promise((resolve) => setImmediate(resolve));

    expect(sink.taken.length).toBeLessThanOrEqual(length + 2);
  });

  it('(1): does not end a call that was stopped, whatever its source does: a server would take it for complete', async () => {
    const sink = new Sink();
    let leave: (() => void) | undefined;
    const source: AsyncIterator<number> = {
      next: () => new Promise((resolve) => (leave = () => resolve({ done: true, value: undefined }))),
      return: () => (leave?.(), Promise.resolve({ done: true, value: undefined })),
    };
    const pump = new SourcePump({ [Symbol.asyncIterator]: () => source });

    void pump.feed(sink);
    pump.stop();
    await new Promise((resolve) => setImmediate(resolve));

    expect(sink.writableEnded).toBe(false);
  });

  it('(3): gives its error by identity, and cancels the call', async () => {
    const mine = new Error('mine');
    const sink = new Sink();
    const pump = new SourcePump((function* () { yield 1; throw mine; })()); // prettier-ignore

    await expect(pump.feed(sink)).rejects.toBe(mine);

    expect(pump.sourceError).toBe(mine);
    expect(sink.cancels).toBe(1);
  });

  it.each([undefined, null, 7, {}, () => 1])('refuses %s', (source) => {
    expect(() => new SourcePump(source as never)).toThrow(TypeError);
  });
});
