import { BulkheadFullError, CancelledError, Context, type Outcome, TimeoutError } from '@holdfast/core';
import { describe, expect, it } from 'vitest';

import { type HttpRequest, withHttpRequest } from './http-request.ts';
import { classifyHttp, classifyHttpForRetry, httpRetryAfterMs } from './http-verdict.ts';

const answered = (status: number, headers = {}): Outcome => ({
  status: 'fulfilled',
  value: new Response(null, { status, headers }),
});
const failed = (error: unknown): Outcome => ({ status: 'rejected', error });
const coded = (code: string): Error => Object.assign(new Error(code), { code });
const request = (mayBeSent: boolean): HttpRequest => ({
  method: 'GET',
  origin: 'http://a',
  url: 'http://a/',
  isIdempotent: mayBeSent,
  hasOneShotBody: false,
  mayBeSent,
});
const inContext = (mayBeSent: boolean): Context => withHttpRequest(Context.background, request(mayBeSent));

describe('the verdict on a request', () => {
  it('is given also of an error that cannot be read', () => {
    const refuse = (): never => {
      throw new Error('hostile');
    };
    const hostile = failed(new Proxy(new Error('any'), { get: refuse }));

    expect([classifyHttp, classifyHttpForRetry].map((judge) => judge(hostile, inContext(true)))).toEqual([
      'failure',
      'success',
    ]);
    expect(httpRetryAfterMs(hostile)).toBeUndefined();
  });

  it.each([
    [answered(200), 'success'],
    [answered(404), 'success'],
    [answered(429), 'failure'],
    [answered(503), 'failure'],
    [answered(499), 'ignored'],
    [failed(coded('ECONNRESET')), 'failure'],
    [failed(new Error('anything')), 'failure'],
    [failed(coded('UND_ERR_INVALID_ARG')), 'ignored'],
    [failed({ response: { status: 404 } }), 'success'],
    [failed({ response: { status: 503 } }), 'failure'],
    [{ status: 'fulfilled', value: 'no answer of HTTP' } as const, 'success'],
  ])('follows the table: %#', (outcome, verdict) => {
    expect(classifyHttp(outcome, Context.background)).toBe(verdict);
  });

  it('(1): of what we ended ourselves is as everywhere', () => {
    const over = Context.background.withTimeout(0);
    const full = new BulkheadFullError('b', 'queue-full', { maxConcurrent: 1, maxQueued: 0 });
    const left = Context.background.withCancel();
    left.cancel();

    expect(classifyHttp(failed(full), Context.background)).toBe('ignored');
    expect(classifyHttp(failed(new CancelledError()), Context.background)).toBe('ignored');
    expect(classifyHttp(failed(over.cause), over)).toBe('failure');
    expect(classifyHttp(failed(coded('ECONNRESET')), left)).toBe('ignored');
    expect(classifyHttpForRetry(failed(full), inContext(true))).toBe('success');
  });

  it.each([
    [answered(503), 'failure'],
    [answered(425), 'failure'],
    [answered(404), 'success'],
    [answered(501), 'success'],
    [answered(499), 'success'],
    [failed(coded('ECONNRESET')), 'failure'],
    [failed(coded('CERT_HAS_EXPIRED')), 'success'],
    [failed(new Error('anything')), 'success'],
    [failed(new TimeoutError('try', 5)), 'failure'],
  ])('(2): of a retry is on what may pass: %#', (outcome, verdict) => {
    expect(classifyHttpForRetry(outcome, inContext(true))).toBe(verdict);
    expect(classifyHttpForRetry(outcome, inContext(false))).toBe('success');
  });

  it('(2): of a retry that knows no request is on what was not sent', () => {
    expect(classifyHttpForRetry(failed(coded('ECONNREFUSED')), Context.background)).toBe('failure');
    expect(classifyHttpForRetry(failed(coded('ECONNRESET')), Context.background)).toBe('success');
    expect(classifyHttpForRetry(answered(503), Context.background)).toBe('success');
  });
});

describe('Retry-After', () => {
  it.each([
    [answered(503, { 'retry-after': '2' }), 2000],
    [answered(503, { 'retry-after': 'soon' }), undefined],
    [answered(503), undefined],
    [failed({ response: { status: 503, headers: { 'retry-after': '3' } } }), 3000],
    [failed(Object.assign(new Error('x'), { retryAfterMs: 7 })), 7],
    [failed(Object.assign(new Error('x'), { retryAfterMs: -7 })), undefined],
    [failed(undefined), undefined],
  ])('is read of answers and of errors: %#', (outcome, expected) => {
    expect(httpRetryAfterMs(outcome)).toBe(expected);
  });

  it('is a date by the clock of the server, or by ours', () => {
    const dates = { date: 'Sun, 06 Nov 1994 08:49:30 GMT', 'retry-after': 'Sun, 06 Nov 1994 08:49:37 GMT' };
    const soon = new Date(Date.now() + 60_000).toUTCString();

    expect(httpRetryAfterMs(answered(503, dates))).toBe(7000);
    expect(httpRetryAfterMs(answered(503, { 'retry-after': soon }))).toBeGreaterThan(50_000);
  });
});
