import { Context } from '@holdfast/core';
import { settle, type VirtualClock, virtualClock } from '@holdfast/core/testing';
import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it } from 'vitest';

import { fakeExchange, type FakeResponse } from '../../../../test/http/fake-exchange.ts';
import { createRequestContexts, type RequestContexts } from './request-contexts.ts';
import { isServerClosing } from './request-error.ts';
import { contextOf } from './request-store.ts';

describe('running requests', () => {
  let clock: VirtualClock;
  let requests: RequestContexts;
  beforeEach(() => {
    clock = virtualClock();
    requests = createRequestContexts({ clock, drainGraceMs: 1000 });
  });

  function begin(socket?: EventEmitter): { context: Context; response: FakeResponse } {
    const { request, response } = fakeExchange({}, socket);
    requests.begin(request, response).start(() => {});
    return { context: contextOf(request), response };
  }
  const within = (ms: number): Context => Context.withClock(clock).withTimeout(ms);
  const answer = (response: FakeResponse): void => response.end().close();

  it('(1) are counted from their head until they are over', () => {
    const begun = [begin(), begin(), begin()];
    expect(requests.counts().running).toBe(3);
    answer(begun[0]?.response as FakeResponse);
    begun[1]?.response.close();

    expect(requests.counts()).toMatchObject({ running: 1, ended: { answered: 1, 'client-gone': 1, deadline: 0 } });
  });

  it('(2) that are all over end a drain', async () => {
    const { response, context } = begin();
    const drained = requests.drain(within(10_000));
    await clock.advance(30);
    answer(response);

    expect(await drained).toEqual({
      isComplete: true,
      durationMs: 30,
      finished: [{ name: 'GET', count: 1, failedCount: 0 }],
      abandoned: [],
      error: undefined,
    });
    expect(isServerClosing(context.cause)).toBe(false);
    expect(clock.pendingCount).toBe(0);
  });

  it('(2) end a drain at once where there are none, or where its context has ended', async () => {
    begin();
    expect(await requests.drain(within(0))).toMatchObject({ isComplete: false, abandoned: [{ name: 'GET' }] });
    expect(await createRequestContexts().drain(Context.background)).toMatchObject({ isComplete: true, abandoned: [] });
  });

  it('(2), (3) that are not over are cancelled before its end, and then left behind', async () => {
    const { context } = begin();
    const drained = requests.drain(within(10_000));
    await clock.advance(8999);
    expect(context.cancelled).toBe(false);
    await clock.advance(1);
    expect(isServerClosing(context.cause)).toBe(true);
    await clock.advance(1000);

    const report = await drained;
    expect(report).toMatchObject({ isComplete: false, durationMs: 10_000, finished: [] });
    expect(report.abandoned).toEqual([{ name: 'GET', ageMs: 10_000, place: undefined }]);
    expect(report.error?.message).toBe('http is drained and left 1 behind: GET');
  });

  it('(3) are cancelled a fifth of a short time before its end, so that they can be answered', async () => {
    const { context, response } = begin();
    void requests.drain(within(1000));
    await clock.advance(800);
    expect(isServerClosing(context.cause)).toBe(true);
    await clock.advance(100);

    expect([response.statusCode, response.headers.get('connection')]).toEqual([503, 'close']);
  });

  it('are cancelled when a drain is broken off', async () => {
    const { context } = begin();
    const stop = Context.withClock(clock).withCancel();
    const drained = requests.drain(stop);
    await settle();
    stop.cancel();

    expect(await drained).toMatchObject({ isComplete: false, abandoned: [{ name: 'GET' }] });
    expect(isServerClosing(context.cause)).toBe(true);
  });

  it('may be drained twice, which ends with the first of the contexts', async () => {
    const { response } = begin();
    begin();
    const drains = [requests.drain(within(10_000)), requests.drain(within(2000))];
    await clock.advance(10);
    answer(response);
    await clock.advance(1990);

    const [first, second] = await Promise.all(drains);
    expect(first).toBe(second);
    expect(first).toMatchObject({ durationMs: 2000, finished: [{ count: 1 }], abandoned: [{ name: 'GET' }] });
  });

  it('(1), (2) that outlive a drain still run, and are counted when they are over', async () => {
    const { response } = begin();
    await requests.drain(within(0));
    expect(requests.counts().running).toBe(1);
    answer(response);

    expect(requests.counts()).toMatchObject({ running: 0, ended: { 'server-closing': 1 } });
  });

  it('(2) that were refused are answered before a drain ends, and are told apart', async () => {
    const { response } = begin();
    const drained = requests.drain(within(10_000));
    const late = begin();
    answer(response);
    await settle();
    expect(requests.counts().running).toBe(1);
    late.response.close();

    expect((await drained).finished).toEqual([
      { name: 'GET', count: 1, failedCount: 0 },
      { name: 'refused', count: 1, failedCount: 0 },
    ]);
  });

  it('are kept no connection for from quiesce on, and are served', () => {
    const before = begin();
    requests.quiesce();
    const after = begin();

    for (const { response, context } of [before, after]) {
      expect([response.headers.get('connection'), response.shouldKeepAlive]).toEqual(['close', false]);
      expect(context.cancelled).toBe(false);
    }
  });

  it('are not begun while draining: 503, with the time after which to come again', () => {
    begin();
    void requests.drain(within(10_000));
    const { request, response } = fakeExchange();
    let runs = 0;
    requests.begin(request, response).start(() => runs++);
    response.close();

    expect(runs).toBe(0);
    expect(response.statusCode).toBe(503);
    expect([response.headers.get('retry-after'), response.headers.get('connection')]).toEqual(['1', 'close']);
    expect(response.body).toContain('server-draining');
    expect(requests.counts().ended.refused).toBe(1);
  });

  it('(4) of one connection are all over when it is lost', () => {
    const socket = new EventEmitter();
    const begun = [begin(socket), begin(socket), begin(socket)];
    answer(begun[0]?.response as FakeResponse);
    socket.emit('close');

    expect(requests.counts()).toMatchObject({ running: 0, ended: { answered: 1, 'client-gone': 2 } });
  });
});
