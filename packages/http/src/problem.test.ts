import {
  bulkhead,
  BulkheadFullError,
  circuitBreaker,
  CircuitOpenError,
  Context,
  DeadlineExceededError,
  isRejection,
  rateLimiter,
  RejectionError,
  timeout,
} from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { NotEnoughTimeError } from './client/http-client-error.ts';
import { checkStatuses, type HttpProblem, problemOf, problemOfCode, retryAfterSeconds } from './problem.ts';
import { problemKinds } from './problem-table.ts';
import { ClientGoneError, ServerClosingError, ServerDrainingError } from './server/request-error.ts';

const HOUR_MS = 3_600_000;

class OddError extends RejectionError {
  readonly code = 'ODD';
}

/** What a policy throws when it refuses. */
async function refusalOf(execute: () => Promise<unknown>): Promise<unknown> {
  const results = await Promise.allSettled([execute(), execute()]);
  const refused = results.find((result) => result.status === 'rejected' && isRejection(result.reason));
  return (refused as PromiseRejectedResult).reason;
}

function retryAfter(problem: HttpProblem | undefined): string | undefined {
  return problem?.headers['retry-after'];
}

describe('problemOf', () => {
  it.each([
    ['DEADLINE_EXCEEDED', 504, new DeadlineExceededError()],
    ['DEADLINE_EXCEEDED', 504, new DOMException('late', 'TimeoutError')],
    ['DEADLINE_EXCEEDED', 504, new NotEnoughTimeError(0.4, 1)],
    ['CLIENT_GONE', 499, new ClientGoneError('http')],
    ['SERVER_CLOSING', 503, new ServerClosingError('http')],
    ['SERVER_DRAINING', 503, new ServerDrainingError('http', 1500)],
    ['CIRCUIT_OPEN', 503, new CircuitOpenError('prices', 'open', 2500)],
    ['BULKHEAD_FULL', 503, new BulkheadFullError('pool', 'queue-full', { maxConcurrent: 1, maxQueued: 0 })],
    ['REJECTED', 503, new OddError('odd', { policy: 'odd' })],
  ])('has a row for %s, with status %i', (code, status, error) => {
    const problem = problemOf(error);

    expect(problem).toMatchObject({ code, status });
    const body = JSON.parse(problem?.body ?? '') as Record<string, unknown>;
    const { slug, title, detail } = problemKinds[code] ?? {};
    expect(body).toEqual({ type: `https://holdfast.dev/problems/${slug}`, title, status, detail });
    expect(problem?.headers['content-type']).toBe('application/problem+json');
    expect(problem?.headers['content-length']).toBe(String(Buffer.byteLength(problem?.body ?? '')));
  });

  it.each([new Error('bug'), new TypeError('bug'), 'text', undefined, null, 7, { code: 'CIRCUIT_OPEN' }])(
    'leaves what is none of ours alone: %s',
    (error) => {
      expect(problemOf(error)).toBeUndefined();
    },
  );

  it('tells why the context has ended, whatever the error is', () => {
    const late = Context.withClock(virtualClock()).withTimeout(0);
    const closed = Context.background.withCancel();
    closed.cancel(new ServerClosingError('http'));

    expect(problemOf(new Error('57014'), late)?.code).toBe('DEADLINE_EXCEEDED');
    expect(problemOf(new Error('socket hang up'), closed)?.code).toBe('SERVER_CLOSING');
    expect(problemOf(new Error('bug'), Context.background.withTimeout(HOUR_MS))).toBeUndefined();
  });

  it('(1) tells nothing that the error carries', () => {
    const secrets = ['hunter2', 'postgres://ada:pw@db'];
    const errors = [
      new CircuitOpenError('hunter2', 'open', 1),
      new DeadlineExceededError('hunter2', { policy: 'postgres://ada:pw@db', cause: new Error('hunter2') }),
      new OddError('hunter2', { policy: 'hunter2' }),
      new ClientGoneError('hunter2', 'postgres://ada:pw@db'),
    ];
    const told = errors.map((error) => JSON.stringify(problemOf(error)));
    const internal = JSON.stringify(problemOfCode('INTERNAL'));

    for (const secret of secrets) for (const text of [...told, internal]) expect(text).not.toContain(secret);
  });

  it('(2) tells in whole seconds, rounded up, what the rejection knows', async () => {
    const clock = virtualClock();
    const breaker = circuitBreaker({ name: 'prices', clock, openForMs: 4001, openJitterRatio: 0, failureCount: 1 });
    await breaker.execute(() => Promise.reject(new Error('down'))).catch(() => {});
    const open = (): Promise<unknown> => breaker.execute(() => 1).catch((error: unknown) => error);
    expect(retryAfter(problemOf(await open()))).toBe('5');
    await clock.advance(3001);
    expect(retryAfter(problemOf(await open()))).toBe('1');

    const limiter = rateLimiter({ maxPerInterval: 1, intervalMs: 90_000, clock });
    const limited = await refusalOf(() => limiter.execute(() => 1));
    expect(retryAfter(problemOf(limited))).toBe('90');
  });

  it('(2) takes the default where the rejection does not know, and tells none where trying again is of no use', async () => {
    const pool = bulkhead({ maxConcurrent: 1, maxQueued: 0 });
    const full = await refusalOf(() => pool.execute(() => new Promise(setImmediate)));

    expect(retryAfter(problemOf(full))).toBeUndefined();
    expect(retryAfter(problemOf(full, undefined, { retryAfterMs: 1001 }))).toBe('2');
    expect(retryAfter(problemOf(new DeadlineExceededError(), undefined, { retryAfterMs: 1000 }))).toBeUndefined();
    const held = new OddError('held for ever', { retryAfterMs: Infinity });
    expect(retryAfter(problemOf(held, undefined, { retryAfterMs: 1000 }))).toBeUndefined();
  });

  it.each([
    [0, 1],
    [1, 1],
    [1000, 1],
    [1000.5, 2],
    [1e12, 86_400],
    [-1, undefined],
    [Number.NaN, undefined],
    [Infinity, undefined],
    [undefined, undefined],
  ])('(2) of %s milliseconds tells %s seconds', (ms, seconds) => {
    expect(retryAfterSeconds(ms)).toBe(seconds);
  });

  it('(3) never throws, whatever the error is', () => {
    const hostile = new Proxy(new OddError('odd'), {
      get: (target, key) => {
        if (typeof key === 'symbol') return Reflect.get(target, key) as unknown;
        throw new Error(`reads ${key}`);
      },
    });

    expect(problemOf(hostile)?.code).toBe('REJECTED');
    fc.assert(fc.property(fc.anything(), (error) => void problemOf(error)));
  });

  it('takes other statuses, by code', async () => {
    const late = await timeout(1)
      .execute(() => new Promise(() => {}))
      .catch((error: unknown) => error);

    expect(problemOf(late, undefined, { statuses: { DEADLINE_EXCEEDED: 408 } })?.status).toBe(408);
    expect(() => checkStatuses('statuses', { DEADLINE_EXCEEDED: 200 })).toThrow('statuses.DEADLINE_EXCEEDED');
    expect(() => checkStatuses('statuses', { OTHER: 500 })).toThrow('codes of the table');
    expect(() => checkStatuses('statuses', null)).toThrow('statuses');
  });
});
