import { describe, expect, it } from 'vitest';

import {
  failureOfError,
  failureOfStatus,
  headerOf,
  httpErrorFailures,
  httpStatusFailures,
  statusOf,
  wasSurelyUnsent,
} from './http-failures.ts';

const coded = (code: string, more: object = {}): Error => Object.assign(new Error(code), { code, ...more });

describe('the table of failures', () => {
  it.each([
    [200, undefined],
    [404, undefined],
    [408, 'failure'],
    [429, 'failure'],
    [499, 'ignored'],
    [500, 'failure'],
    [501, 'success'],
    [504, 'failure'],
    [529, 'failure'],
    [600, undefined],
  ])('(1): says of %i: %s', (status, verdict) => {
    expect(failureOfStatus(status)?.verdict).toBe(verdict);
  });

  it.each([
    [coded('ECONNREFUSED'), 'failure', true],
    [new TypeError('fetch failed', { cause: coded('UND_ERR_SOCKET') }), 'failure', true],
    [new AggregateError([coded('ENETUNREACH')]), 'failure', true],
    [coded('HPE_INVALID_CONSTANT'), 'failure', false],
    [coded('ERR_SSL_WRONG_VERSION_NUMBER'), 'failure', false],
    [coded('CERT_HAS_EXPIRED'), 'failure', false],
    [coded('ERR_INVALID_URL'), 'ignored', false],
    [coded('WHO_KNOWS'), undefined, undefined],
  ])('(1): knows errors by the first code in their chain: %s', (error, verdict, isTransient) => {
    expect([failureOfError(error)?.verdict, failureOfError(error)?.isTransient]).toEqual([verdict, isTransient]);
  });

  it.each([
    ['ECONNREFUSED', {}, true],
    ['ENOTFOUND', {}, true],
    ['UND_ERR_CONNECT_TIMEOUT', {}, true],
    ['ETIMEDOUT', { syscall: 'connect' }, true],
    ['ETIMEDOUT', { syscall: 'read' }, false],
    ['EHOSTUNREACH', {}, false],
    ['ECONNRESET', {}, false],
    ['EPROTO', {}, false],
    ['WHO_KNOWS', {}, false],
  ])('(2): knows what was surely not sent: %s %j', (code, more, expected) => {
    expect(wasSurelyUnsent(new TypeError('fetch failed', { cause: coded(code, more) }))).toBe(expected);
  });

  it('(2): looks into the errors of the addresses that were tried', () => {
    const tried = Object.assign(new AggregateError([coded('ETIMEDOUT', { syscall: 'connect' })]), {
      code: 'ETIMEDOUT',
    });

    expect(wasSurelyUnsent(tried)).toBe(true);
  });

  it('(3): never throws', () => {
    const hostile = new Proxy(
      {},
      {
        get: () => {
          throw new Error('hostile');
        },
      },
    );
    const circle = coded('X');
    circle.cause = circle;

    for (const thrown of [hostile, circle, undefined, null, 'text', 5, Symbol('x')]) {
      expect(failureOfError(thrown)).toBeUndefined();
      expect(wasSurelyUnsent(thrown)).toBe(false);
      expect([statusOf(thrown), headerOf(thrown, 'date')]).toEqual([undefined, undefined]);
    }
  });

  it('names no status and no code twice', () => {
    for (const table of [httpStatusFailures, httpErrorFailures]) {
      const matches = table.flatMap((row) => row.matches);

      expect(new Set(matches).size).toBe(matches.length);
    }
  });

  it('reads the answers of all clients, and errors that carry one', () => {
    const headers = { 'retry-after': '5' };

    expect(statusOf(new Response(null, { status: 503 }))).toBe(503);
    expect(statusOf({ statusCode: 503 })).toBe(503);
    expect(statusOf({ response: { status: 503 } })).toBe(503);
    expect(headerOf(new Response(null, { headers }), 'retry-after')).toBe('5');
    expect(headerOf({ headers: { 'retry-after': ['5', '6'] } }, 'retry-after')).toBe('5');
    expect(headerOf({ response: { headers } }, 'retry-after')).toBe('5');
  });
});
