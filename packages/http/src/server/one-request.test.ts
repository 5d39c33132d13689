import { ambient } from '@holdfast/context';
import {
  CancelledError,
  CircuitOpenError,
  Context,
  DeadlineExceededError,
  type HookError,
  isTimeout,
  onHookError,
} from '@holdfast/core';
import { settle, type VirtualClock, virtualClock } from '@holdfast/core/testing';
import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { fakeExchange, FakeResponse } from '../../../../test/http/fake-exchange.ts';
import { createRequestContexts, type RequestContexts } from './request-contexts.ts';
import type { RequestEnding } from './request-ending.ts';
import { isClientGone } from './request-error.ts';
import type { RequestLife } from './request-life.ts';
import { contextOf } from './request-store.ts';
import type { RequestContextsOptions } from './settings.ts';

interface Begun {
  readonly life: RequestLife;
  readonly response: FakeResponse;
  readonly requests: RequestContexts;
}

describe('one request', () => {
  let clock: VirtualClock;
  let endings: RequestEnding[];
  let hookErrors: HookError[];
  beforeEach(() => {
    clock = virtualClock();
    endings = [];
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  function begin(options: RequestContextsOptions = {}, headers: Record<string, string> = {}): Begun {
    const onEnded = (ending: RequestEnding): unknown => endings.push(ending);
    const requests = createRequestContexts({ clock, onEnded, defaultTimeoutMs: 1000, ...options });
    const { request, response } = fakeExchange(headers);
    const life = requests.begin(request, response);
    life.start(() => {});
    return { life, response, requests };
  }

  it('tells how much time it had when it began', async () => {
    const ended = ['100ms', '0ms', undefined].map((told) => {
      const { response } = begin({}, told === undefined ? {} : { 'x-request-timeout': told });
      return response;
    });
    const { response: endless } = begin({ defaultTimeoutMs: Infinity, maxTimeoutMs: Infinity });
    await clock.advance(30);
    for (const response of [...ended, endless]) response.end('ok');
    for (const response of [...ended, endless]) response.close();

    expect(endings.map(({ leftAtStartMs }) => leftAtStartMs)).toEqual([100, 0, 1000, Infinity]);
  });

  it('(1) is over once, when it has been answered', async () => {
    const { life, response, requests } = begin();
    await clock.advance(5);
    response.end('ok');
    for (let time = 0; time < 3; time++) response.close();
    life.settle();

    expect(endings).toMatchObject([{ outcome: 'answered', status: 200, durationMs: 5, error: undefined }]);
    expect(requests.counts()).toMatchObject({ running: 0, ended: { answered: 1, 'client-gone': 0 } });
  });

  it('(1), (2) is over once, when the client has gone, and its context ends so', () => {
    const { life, response } = begin();
    const told: unknown[] = [];
    life.context.onCancel((cause) => told.push(cause));
    response.close();
    response.close();

    expect(told).toHaveLength(1);
    expect(isClientGone(told[0])).toBe(true);
    expect(told[0]).toBeInstanceOf(CancelledError);
    expect(endings).toMatchObject([{ outcome: 'client-gone', status: 499 }]);
  });

  it('(2) ends its context when it has been answered, and not because of the client', () => {
    const { life, response } = begin();
    response.end('ok');
    expect(life.context.cancelled).toBe(false);
    response.close();

    expect(life.context.endedBy).toBe('cancel');
    expect(isClientGone(life.context.cause)).toBe(false);
  });

  it('(2) does not take a body that was read for a client that has gone', () => {
    const request = Object.assign(new EventEmitter(), fakeExchange().request);
    const { response } = fakeExchange();
    const { context } = createRequestContexts({ clock }).begin(request, response);
    for (const event of ['end', 'close', 'aborted']) request.emit(event);

    expect(context.cancelled).toBe(false);
  });

  it('(2) takes a client that left in the middle of its body for gone, also where its handler has answered that', () => {
    const { response } = fakeExchange();
    const lost = { complete: false, errored: Object.assign(new Error('aborted'), { code: 'ECONNRESET' }) };
    const request = { ...fakeExchange().request, ...lost };
    const { context } = createRequestContexts({ clock }).begin(request, response);
    response.end('bad request');
    response.close();

    expect(isClientGone(context.cause)).toBe(true);
  });

  it.each(['answered', 'gone', 'late', 'refused'])('(3) leaves nothing behind when it was %s', async (how) => {
    const socket = new EventEmitter();
    const requests = createRequestContexts({ clock, defaultTimeoutMs: 1000 });
    for (let time = 0; time < 100; time++) {
      const { request, response } = fakeExchange(how === 'refused' ? { 'x-request-timeout': '0' } : {}, socket);
      const life = requests.begin(request, response);
      life.start(() => {});
      if (how === 'answered') response.end();
      if (how === 'late') await clock.advance(1050); // within the time in which its handler may answer
      response.close();
    }

    expect([clock.pendingCount, requests.counts().running, socket.listenerCount('close')]).toEqual([0, 0, 1]);
  });

  it('is answered for its handler when the deadline has passed, after a moment in which the handler may answer', async () => {
    const { life, response } = begin({ answerGraceMs: 100 });
    await clock.advance(1099);
    expect([life.context.endedBy, response.headersSent]).toEqual(['deadline', false]);
    expect(isTimeout(life.context.cause)).toBe(true);
    await clock.advance(1);
    expect([response.statusCode, response.headers.get('content-type')]).toEqual([504, 'application/problem+json']);
    response.close();

    expect(endings).toMatchObject([{ outcome: 'deadline', status: 504 }]);
  });

  it('leaves the answer to a handler that has begun it, or for which answerGraceMs is Infinity', async () => {
    const begun = begin();
    begun.response.write('half');
    const left = begin({ answerGraceMs: Infinity });
    await clock.advance(10_000);

    expect([begun.response.body, begun.response.writableEnded, left.response.headersSent]).toEqual([
      'half',
      false,
      false,
    ]);
    expect(clock.pendingCount).toBe(0);
  });

  it('drops what a handler does with a response that was answered for it', async () => {
    const { response } = begin({ answerGraceMs: 0 });
    await clock.advance(1001);
    const { body } = response;
    response.setHeader('x-late', '1').writeHead(200).end('late');
    expect(response.write('later')).toBe(true);

    expect([response.statusCode, response.body]).toEqual([504, body]);
  });

  it('runs no handler, and is answered at once, where no time is left', () => {
    const { life, response } = begin({}, { 'x-request-timeout': '0ms' });
    let runs = 0;
    life.start(() => runs++);
    response.close();

    expect([runs, response.statusCode, life.refusal instanceof DeadlineExceededError]).toEqual([0, 504, true]);
    expect(endings).toMatchObject([{ outcome: 'refused', status: 504 }]);
  });

  it('is refused when what is above it has ended', () => {
    const parent = Context.withClock(clock).withCancel();
    parent.cancel(new Error('stop'));
    expect(begin({ parent }).response.statusCode).toBe(503);
  });

  it('answers what is ours, and leaves the rest to whoever asked', () => {
    const { life, response } = begin();

    expect(life.fail(new Error('bug'))).toBe(false);
    expect(response.headersSent).toBe(false);
    expect(life.fail(new CircuitOpenError('prices', 'open', 2000))).toBe(true);
    expect([response.statusCode, response.headers.get('retry-after')]).toEqual([503, '2']);
    expect(life.fail(new Error('late'))).toBe(true); // it has its answer
    response.close();
    expect(endings[0]?.error).toMatchObject({ message: 'bug' });
  });

  it('answers a bug with 500 and nothing about it, and tells it where nobody listens', () => {
    const requests = createRequestContexts({ clock });
    const { request, response } = fakeExchange();
    const life = requests.begin(request, response);
    const bug = new Error('secret');
    life.breakOff(bug);
    response.close();

    expect(response.statusCode).toBe(500);
    expect(response.body).not.toContain('secret');
    expect(hookErrors).toMatchObject([{ hook: 'handler', cause: bug }]);
  });

  it('tells of a bug after its answer where nobody else is told, and of nothing that comes of its end', () => {
    const bug = new Error('bug');
    const { life, response } = begin();
    const bare = createRequestContexts({ clock }).begin(fakeExchange().request, new FakeResponse());
    response.end('ok');
    life.breakOff(bug); // onEnded is told
    expect([response.destroyed, hookErrors]).toEqual([false, []]);
    response.close();
    for (const error of [life.context.cause, new CancelledError(), new DOMException('gone', 'AbortError')])
      life.breakOff(error);
    expect(endings).toMatchObject([{ outcome: 'answered', error: bug }]);
    expect(hookErrors).toEqual([]);
    life.breakOff(bug);
    bare.fail(new CircuitOpenError('prices', 'open', 1));
    bare.breakOff(bug);

    expect(hookErrors.map(({ hook, cause }) => [hook, cause])).toEqual([
      ['handler', bug],
      ['handler', bug],
    ]);
  });

  it('tells nothing of what fails after its client has gone', () => {
    const { life, response } = begin();
    response.close();
    life.breakOff(new Error('57014'));

    expect(hookErrors).toEqual([]);
  });

  it('breaks off an answer that was begun, so that nobody takes it for a whole one', () => {
    const { life, response } = begin();
    response.write('half');
    life.breakOff(new Error('bug'));

    expect([response.destroyed, response.body]).toEqual([true, 'half']);
    expect(endings).toMatchObject([{ outcome: 'failed' }]);
  });

  it('does not take an answer that its handler has broken off for a client that has gone', () => {
    const { response } = begin();
    response.errored = new Error('the source failed');
    response.close();

    expect(endings).toMatchObject([{ outcome: 'failed' }]);
  });

  it('says 503 of whatever fails when the server closes', () => {
    const parent = Context.withClock(clock).withCancel();
    const { life, response } = begin({ parent });
    parent.cancel('any reason');
    expect(life.fail(new Error('socket hang up'))).toBe(true);

    expect(response.statusCode).toBe(503);
    response.close();
    expect(endings).toMatchObject([{ outcome: 'server-closing', status: 503 }]);
  });

  it('(4) goes on when hooks throw', async () => {
    const boom = (): never => {
      throw new Error('boom');
    };
    const options = {
      onEnded: boom,
      enrich: boom,
      degraded: { collect: boom, headerOf: boom },
      defaultTimeoutMs: boom,
    };
    const requests = createRequestContexts({ clock, ...options });
    const { request, response } = fakeExchange();
    const life = requests.begin(request, response);
    let runs = 0;
    life.start(() => runs++);
    response.writeHead(200);
    response.end();
    response.close();
    await settle();

    expect([runs, response.statusCode]).toEqual([1, 200]);
    expect(hookErrors.map(({ hook }) => hook).toSorted()).toEqual([
      'defaultTimeoutMs',
      'degraded',
      'degraded',
      'enrich',
      'onEnded',
    ]);
  });

  it('(4) goes on when the answer cannot be written', () => {
    const { life, response } = begin();
    response.setHeader = (): never => {
      throw new Error('closed');
    };

    expect(life.fail(new DeadlineExceededError())).toBe(true);
    expect([response.destroyed, hookErrors[0]?.hook]).toEqual([true, 'answer']);
  });

  it('tells of lesser answers in a header, before the head goes', () => {
    const modes: string[] = [];
    const degraded = { collect: (context: Context) => context, headerOf: () => modes[0] };
    const full = begin({ degraded });
    full.response.writeHead(200);
    modes.push('recommendations=cached;by=manual');
    const lesser = begin({ degraded });
    lesser.response.writeHead(200);

    expect([full.response.hasHeader('degraded'), lesser.response.headers.get('degraded')]).toEqual([false, modes[0]]);
  });

  it('runs its handler with the context as the ambient one, where that is asked for', () => {
    const { request, response } = fakeExchange();
    const seen: unknown[] = [];
    createRequestContexts({ clock, ambient: true })
      .begin(request, response)
      .start(() => seen.push(ambient.current()));
    begin().life.start(() => seen.push(ambient.current()));

    expect(seen).toEqual([contextOf(request), undefined]);
  });
});
