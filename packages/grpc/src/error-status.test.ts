import { Metadata } from '@grpc/grpc-js';
import {
  BulkheadFullError,
  CancelledError,
  CircuitOpenError,
  DeadlineExceededError,
  RateLimitedError,
  RejectionError,
  TimeoutError,
} from '@holdfast/core';
import { describe, expect, it } from 'vitest';

import { statusOfError } from './error-status.ts';
import { errorOfStatus, grpcError } from './grpc-error.ts';
import { PUSHBACK } from './pushback.ts';

/** As `NotEnoughTimeError` of @holdfast/http, which is known by its code. */
class LateError extends RejectionError {
  readonly code = 'NOT_ENOUGH_TIME';

  constructor() {
    super('a request needs 1 ms, and 0 are left: nothing was sent');
  }
}

const received = (code: number, pushback?: string) => {
  const metadata = new Metadata();
  if (pushback !== undefined) metadata.set(PUSHBACK, pushback);
  return errorOfStatus(Object.assign(new Error('theirs'), { code, details: 'a secret of theirs', metadata }), '/a/b');
};

describe('the status of an error', { timeout: 60_000 }, () => {
  it.each<[what: string, error: unknown, code: number, pushback: string | undefined]>([
    ['an open circuit', new CircuitOpenError('breaker', 'open', 1500), 14, '1500'],
    ['a rate limit', new RateLimitedError('limit', 200.4, { maxPerInterval: 1, intervalMs: 1000 }), 8, '201'],
    [
      'a full bulkhead',
      new BulkheadFullError('bulkhead', 'queue-full', { maxConcurrent: 1, maxQueued: 0 }),
      8,
      undefined,
    ],
    ['a deadline', new DeadlineExceededError(), 4, undefined],
    ['a timeout', new TimeoutError('timeout', 5), 4, undefined],
    ['a timeout of the platform', AbortSignal.abort(new DOMException('late', 'TimeoutError')).reason, 4, undefined],
    ['a call that has too little time left', new LateError(), 4, undefined],
    ['a cancel', new CancelledError(), 1, undefined],
    ['a status of its own', grpcError('NOT_FOUND', 'no such order'), 5, undefined],
    ['a status of its own with a pushback', grpcError('UNAVAILABLE', 'later', { retryAfterMs: Infinity }), 14, '-1'],
    ['a status as grpc-js takes it', { code: 9, details: 'not now' }, 9, undefined],
    ['what another service says that goes on', received(14, '70'), 14, '70'],
    ['what another service says to the handler alone', received(5), 13, undefined],
    ['the deadline of another service', received(4), 4, undefined],
  ])('of %s', (_what, error, code, pushback) => {
    const status = statusOfError(error);

    expect(status.code).toBe(code);
    expect(status.metadata.get(PUSHBACK)).toEqual(pushback === undefined ? [] : [pushback]);
    expect(status.details).not.toContain('secret');
  });

  it('tells what a handler says, in its words', () => {
    expect(statusOfError(grpcError('NOT_FOUND', 'no such order')).details).toBe('no such order');
    expect(statusOfError({ code: 9, details: 'not now' }).details).toBe('not now');
  });

  it.each([
    new Error('the password is 1234'),
    'the password is 1234',
    undefined,
    null,
    7,
    { code: 99, details: '1234' },
  ])('(1): tells nothing of %s', (error) => {
    expect(statusOfError(error)).toMatchObject({ code: 2, details: 'the handler failed' });
  });

  it('(2): never throws', () => {
    const hostile = new Proxy(new Error('x'), { get: () => { throw new Error('mine'); } }); // prettier-ignore
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();

    expect(statusOfError(hostile).code).toBe(2);
    expect(statusOfError(revoked.proxy).code).toBe(2);
  });
});
