import { type CancellableContext, CancelledError, Context, type HookError, onHookError } from '@holdfast/core';
import { settle, type VirtualClock, virtualClock } from '@holdfast/core/testing';
import { Readable } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';

import { FakeResponse } from '../../../../test/http/fake-exchange.ts';
import { eventsResponse } from './events-response.ts';
import { ClientGoneError, ServerClosingError } from './request-error.ts';
import { formatEvent, sendEvents, sendStream } from './send-stream.ts';
import type { StreamOptions, StreamSource } from './stream-flow.ts';

describe('stream flow', () => {
  let clock: VirtualClock;
  let context: CancellableContext;
  let response: FakeResponse;
  let log: string[];
  beforeEach(() => {
    clock = virtualClock();
    context = Context.withClock(clock).withCancel();
    response = new FakeResponse();
    log = [];
  });

  const pause = (ms: number, on: Context): Promise<void> =>
    new Promise((resolve, reject) => {
      on.onCancel(reject);
      clock.setTimer(resolve, ms);
    });

  /** Counts, one number every 100 ms, for ever or up to `last`. */
  const counting = (last = Infinity): StreamSource<string> =>
    async function* count(own) {
      try {
        for (let number = 1; number <= last; number++) {
          yield String(number);
          await pause(100, own);
        }
      } finally {
        log.push('finally');
      }
    };
  const send = (source: StreamSource<string>, options: StreamOptions = {}) =>
    sendStream(context, response, source, { clock, ...options });

  it('gives all that there is, and ends the answer', async () => {
    const sent = send(counting(3));
    await clock.advance(300);

    expect(await sent).toEqual({ reason: 'finished', count: 3 });
    expect([response.body, response.writableEnded, ...log]).toEqual(['123', true, 'finally']);
  });

  it.each([
    ['client-gone', () => new ClientGoneError('http')],
    ['server-closing', () => new ServerClosingError('http')],
    ['cancelled', () => new Error('any')],
  ])('(1) stops the source when the context ends: %s', async (reason, cause) => {
    const sent = send(counting());
    await clock.advance(250);
    context.cancel(cause());

    expect(await sent).toEqual({ reason, count: 3 });
    expect(log).toEqual(['finally']);
  });

  it('(1), (3) stops the source when it has lasted long enough, and leaves no timer', async () => {
    const sent = send(counting(), { totalMs: 250 });
    await clock.advance(250);

    expect(await sent).toEqual({ reason: 'total', count: 3 });
    await clock.advance(100); // the pause of the source itself
    expect([log, clock.pendingCount, response.writableEnded]).toEqual([['finally'], 0, true]);
  });

  it('(1), (3) stops the source when it has given nothing for too long', async () => {
    const hanging: StreamSource<string> = async function* hang(own) {
      try {
        yield* counting(3)(own);
        await new Promise((_resolve, reject) => own.onCancel(reject));
      } finally {
        log.push('end');
      }
    };
    const sent = send(hanging, { idleMs: 150 });
    await clock.advance(1000);

    expect(await sent).toEqual({ reason: 'idle', count: 3 });
    expect([log, clock.pendingCount]).toEqual([['finally', 'end'], 0]);
  });

  it('ends by the deadline of the context', async () => {
    const sent = sendStream(context.withTimeout(250), response, counting(), { clock });
    await clock.advance(250);
    expect(await sent).toMatchObject({ reason: 'deadline' });
  });

  it('ends although the source does not hear: what it is in the middle of is not waited for', async () => {
    const deaf: StreamSource<string> = async function* deafen() {
      yield 'x';
      await new Promise(() => {});
    };
    const sent = send(deaf, { idleMs: 100 });
    await clock.advance(200);

    expect(await sent).toEqual({ reason: 'idle', count: 1 });
  });

  it('(1) destroys a stream that is its source', async () => {
    const source = new Readable({ read() {} });
    source.push('x');
    const sent = send(() => source);
    await settle();
    context.cancel(new ClientGoneError('http'));
    await sent;

    expect(source.destroyed).toBe(true);
  });

  it('(2) takes the next when the client has taken the last, and ends where it takes nothing', async () => {
    let taken = 0;
    const source: StreamSource<string> = async function* fast() {
      for (;;) {
        taken++;
        yield 'x';
      }
    };
    response.hasRoom = false;
    const sent = send(source, { idleMs: 1000 });
    await clock.advance(500);
    expect(taken).toBe(1);
    response.emit('drain');
    await clock.advance(100);
    expect(taken).toBe(2);
    expect(['drain', 'close'].map((event) => response.listenerCount(event))).toEqual([1, 1]);
    await clock.advance(1000);

    expect(await sent).toMatchObject({ reason: 'idle' });
  });

  it('ends as it has ended, also where the source fails to clean up', async () => {
    const told: HookError[] = [];
    onHookError((error) => told.push(error));
    response.hasRoom = false;
    for (const error of [new Error('no cleaning up'), new CancelledError()]) {
      const sent = send(async function* fail() {
        try {
          yield 'x';
        } finally {
          // oxlint-disable-next-line no-unsafe-finally -- it is what this is about
          throw error;
        }
      });
      await settle();
      await clock.advance(60_000); // nobody takes it
      expect(await sent).toEqual({ reason: 'idle', count: 0 });
      response = new FakeResponse();
      response.hasRoom = false;
    }
    onHookError(undefined);

    expect(told).toMatchObject([{ hook: 'source', cause: { message: 'no cleaning up' } }]);
  });

  it('throws what the source throws, when it has been stopped', async () => {
    const bug = new Error('bug');
    const failing: StreamSource<string> = async function* fail() {
      try {
        yield 'x';
        throw bug;
      } finally {
        log.push('finally');
      }
    };

    await expect(send(failing)).rejects.toBe(bug);
    expect([log, response.writableEnded]).toEqual([['finally'], false]);
    await expect(send(() => [] as never)).rejects.toThrow('async iterable');
    await expect(sendStream(undefined as never, response, counting())).rejects.toThrow(TypeError);
  });

  it.each([
    [{ idleMs: 0 }, 'stream.idleMs'],
    [{ totalMs: Number.NaN }, 'stream.totalMs'],
    [{ heartbeatMs: 0 }, 'stream.heartbeatMs'],
    [{ every: 1 }, 'every'],
  ])('says what is wrong with %j', async (options, message) => {
    await expect(sendEvents(context, response, counting(), options as never)).rejects.toThrow(message);
  });

  it('writes events as they go over the wire, and lets nothing in one begin another', () => {
    expect(formatEvent('hello')).toBe('data: hello\n\n');
    expect(formatEvent('two\r\nlines\rmore\nend')).toBe('data: two\ndata: lines\ndata: more\ndata: end\n\n');
    expect(formatEvent({ data: { a: 1 }, event: 'price', id: '7', retryMs: 1500 })).toBe(
      'id: 7\nevent: price\nretry: 1500\ndata: {"a":1}\n\n',
    );
    expect(formatEvent({ data: undefined, event: 'x\ndata: forged' })).toBe('event: x data: forged\ndata: \n\n');
  });

  it('sends heartbeats, which do not count as something that moves', async () => {
    const silent: StreamSource<string> = async function* keepSilent(own) {
      yield 'x';
      await new Promise((_resolve, reject) => own.onCancel(reject));
    };
    const sent = sendEvents(context, response, silent, { clock, heartbeatMs: 100, idleMs: 350 });
    await clock.advance(400);

    expect(await sent).toEqual({ reason: 'idle', count: 1 });
    expect(response.body).toBe(':\n\ndata: x\n\n:\n\n:\n\n:\n\n');
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(clock.pendingCount).toBe(0);
  });

  it('makes a Fetch response whose reader stops the source by leaving', async () => {
    const endings: unknown[] = [];
    const fetched = eventsResponse(context, counting(), { clock, onEnd: (ending) => endings.push(ending) });
    const reader = (fetched.body as ReadableStream<Uint8Array>).getReader();
    const read = async (): Promise<string> => new TextDecoder().decode((await reader.read()).value);
    expect([await read(), await read()]).toEqual([':\n\n', 'data: 1\n\n']);
    await reader.cancel('left');
    await clock.advance(200);

    expect(endings).toEqual([{ reason: 'client-gone', count: 1 }]);
    expect([log, clock.pendingCount]).toEqual([['finally'], 0]);
  });

  it('makes a Fetch response that ends with its source, and fails with it', async () => {
    const body = eventsResponse(context, counting(2), { clock }).text();
    await clock.advance(300);
    expect(await body).toBe(':\n\ndata: 1\n\ndata: 2\n\n');
    const failing = eventsResponse(context, () => Readable.from([]).map(() => 1) as never, { clock });
    expect(await failing.text()).toBe(':\n\n');
    const bug = eventsResponse(context, (): never => {
      throw new Error('bug');
    });
    await expect(bug.text()).rejects.toThrow('bug');
  });
});
