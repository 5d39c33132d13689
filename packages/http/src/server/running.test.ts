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

    expect(await drained).toEqual({ isComplete: true, durationMs: 30, leftCount: 0 });
    expect(isServerClosing(context.cause)).toBe(false);
    expect(clock.pendingCount).toBe(0);
  });

  it('(2) end a drain at once where there are none, or where its context has ended', async () => {
    begin();
    expect(await requests.drain(within(0))).toMatchObject({ isComplete: false, leftCount: 1 });
    expect(await createRequestContexts().drain(Context.background)).toMatchObject({ isComplete: true, leftCount: 0 });
  });

  it('(2), (3) that are not over are cancelled before its end, and then left behind', async () => {
    const { context } = begin();
    const drained = requests.drain(within(10_000));
    await clock.advance(8999);
    expect(context.cancelled).toBe(false);
    await clock.advance(1);
    expect(isServerClosing(context.cause)).toBe(true);
    await clock.advance(1000);

    expect(await drained).toEqual({ isComplete: false, durationMs: 10_000, leftCount: 1 });
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

    expect(await drained).toMatchObject({ isComplete: false, leftCount: 1 });
    expect(isServerClosing(context.cause)).toBe(true);
  });

  it('may be drained twice, and the first end counts for its own caller', async () => {
    const { response } = begin();
    const drains = [requests.drain(within(10_000)), requests.drain(within(20_000))];
    answer(response);

    expect(await Promise.all(drains)).toMatchObject([{ isComplete: true }, { isComplete: true }]);
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
