import { Metadata } from '@grpc/grpc-js';
import {
  CancelledError,
  CircuitOpenError,
  Context,
  DeadlineExceededError,
  isTimeout,
  TimeoutError,
} from '@holdfast/core';
import { describe, expect, it } from 'vitest';

import {
  classifyGrpc,
  errorOfStatus,
  grpcError,
  GrpcStatusError,
  grpcStatusOf,
  isGrpcStatusError,
  isRetryableGrpc,
} from './grpc-error.ts';
import { PUSHBACK, readPushbackMs, writePushbackMs } from './pushback.ts';
import { grpcStatusTable } from './status-table.ts';

const receivedAs = (code: number, pushback?: string) => {
  const metadata = new Metadata();
  if (pushback !== undefined) metadata.set(PUSHBACK, pushback);
  return Object.assign(new Error('theirs'), { code, details: 'why', metadata });
};
const verdictOf = (error: unknown, context = Context.background) =>
  classifyGrpc({ status: 'rejected', error }, context);

describe('an error of a status', { timeout: 60_000 }, () => {
  it('is typed, and keeps what it was made of', () => {
    const received = receivedAs(14, '250');
    const error = errorOfStatus(received, '/shop.Shop/get');

    expect(error).toBeInstanceOf(GrpcStatusError);
    expect(error).toMatchObject({ code: 'GRPC_STATUS', status: 'UNAVAILABLE', details: 'why', retryAfterMs: 250 });
    expect(error.cause).toBe(received);
    expect(error.message).toBe('/shop.Shop/get UNAVAILABLE: why');
    expect(isGrpcStatusError(error)).toBe(true);
    expect(grpcStatusOf(error)).toBe('UNAVAILABLE');
  });

  it('is a deadline error for DEADLINE_EXCEEDED, with the status as its cause', () => {
    const error = errorOfStatus(receivedAs(4), '/a/b');

    expect(error).toBeInstanceOf(DeadlineExceededError);
    expect(isTimeout(error)).toBe(true);
    expect(grpcStatusOf(error)).toBe('DEADLINE_EXCEEDED');
  });

  it.each(grpcStatusTable.filter(({ number }) => number > 0))('is judged by the table: $name', (row) => {
    const error = errorOfStatus(receivedAs(row.number), '/a/b');

    expect(verdictOf(error)).toBe(row.verdict);
    expect(verdictOf(receivedAs(row.number))).toBe(row.verdict);
    expect(isRetryableGrpc(error)).toBe(row.isRetryable === true);
    expect(isRetryableGrpc(errorOfStatus(receivedAs(row.number, '10'), '/a/b'))).toBe(row.isRetryable !== false);
    expect(isRetryableGrpc(errorOfStatus(receivedAs(row.number, '-1'), '/a/b'))).toBe(false);
  });

  it('is judged as everywhere where there is no status', () => {
    expect(verdictOf(new CircuitOpenError('breaker', 'open', 1))).toBe('ignored');
    expect(verdictOf(new CancelledError())).toBe('ignored');
    expect(verdictOf(new Error('broken'))).toBe('failure');
    expect(classifyGrpc({ status: 'fulfilled', value: 1 }, Context.background)).toBe('success');
    expect(isRetryableGrpc(new Error('broken'))).toBe(false);
    expect(isRetryableGrpc(undefined)).toBe(false);
    expect(isRetryableGrpc(new TimeoutError('timeout', 5))).toBe(true); // of one try
    expect(isRetryableGrpc(new DeadlineExceededError())).toBe(false); // of all
    expect(grpcStatusOf(undefined)).toBeUndefined();
  });

  it('cannot be OK', () => {
    expect(() => grpcError('OK' as never, '')).toThrow(TypeError);
    expect(() => grpcError('NOTHING' as never, '')).toThrow(TypeError);
  });
});

it.each([-1, Number.NaN])(
  'grpcError refuses a pushback of %s, which would be told as "never", or as nonsense',
  (retryAfterMs) => {
    expect(() => grpcError('UNAVAILABLE', 'later', { retryAfterMs })).toThrow(RangeError);
  },
);

describe('pushback', { timeout: 60_000 }, () => {
  it.each<[text: string, ms: number | undefined]>([
    ['0', 0],
    ['1500', 1500],
    ['-1', Infinity],
    ['-99', Infinity],
    ['soon', undefined],
    ['1.5', undefined],
    ['', undefined],
    ['99999999999', undefined],
  ])('is read: %s', (text, ms) => {
    const trailers = new Metadata();
    trailers.set(PUSHBACK, text);

    expect(readPushbackMs(trailers)).toBe(ms);
  });

  it('is none where two are said, or none', () => {
    const trailers = new Metadata();
    expect(readPushbackMs(trailers)).toBeUndefined();
    expect(readPushbackMs(undefined)).toBeUndefined();
    trailers.add(PUSHBACK, '1');
    trailers.add(PUSHBACK, '2');
    expect(readPushbackMs(trailers)).toBeUndefined();
  });

  it.each<[ms: number, text: string]>([
    [0, '0'],
    [0.2, '1'],
    [Infinity, '-1'],
    [1e300, '2147483647'],
  ])('is written: %s', (ms, text) => {
    const trailers = new Metadata();
    writePushbackMs(trailers, ms);

    expect(trailers.get(PUSHBACK)).toEqual([text]);
  });
});
