import { createServer } from 'node:net';
import { once } from 'node:events';

import { CircuitOpenError, Context, DeadlineExceededError, ResilienceError } from '@holdfast/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { problemOf } from './problem.ts';
import { ClientGoneError } from './server/request-error.ts';
import { upstreamProblem } from './upstream-problem.ts';

/** Of the shape that `@holdfast/grpc` has. */
class GrpcShapedError extends ResilienceError {
  readonly code = 'GRPC_STATUS';
  readonly details = 'secret';
  readonly metadata = {};
  readonly status: string;
  readonly isReceived: boolean;

  constructor(status: string, parts: { retryAfterMs?: number; isReceived?: boolean } = {}) {
    super('secret', parts.retryAfterMs === undefined ? {} : { retryAfterMs: parts.retryAfterMs });
    this.status = status;
    this.isReceived = parts.isReceived ?? true;
  }
}

function coded(code: unknown, more: object = {}): Error {
  return Object.assign(new Error('secret'), { code, ...more });
}

function ofAxios(status: number, headers: Record<string, string> = {}): Error {
  return coded('ERR_BAD_RESPONSE', { isAxiosError: true, status, response: { status, headers } });
}

const opted = { problems: upstreamProblem, retryAfterMs: 1000 };

describe('upstreamProblem', () => {
  it.each<[string | undefined, string, unknown]>([
    ['UPSTREAM_UNAVAILABLE', 'gRPC UNAVAILABLE', new GrpcShapedError('UNAVAILABLE')],
    ['UPSTREAM_UNAVAILABLE', 'gRPC RESOURCE_EXHAUSTED', new GrpcShapedError('RESOURCE_EXHAUSTED')],
    ['UPSTREAM_LATE', 'gRPC DEADLINE_EXCEEDED', new GrpcShapedError('DEADLINE_EXCEEDED')],
    ['UPSTREAM_FAILED', 'gRPC INTERNAL', new GrpcShapedError('INTERNAL')],
    [undefined, 'gRPC NOT_FOUND', new GrpcShapedError('NOT_FOUND')],
    [undefined, 'a status that a handler of ours ends with', new GrpcShapedError('UNAVAILABLE', { isReceived: false })],
    ['UPSTREAM_UNAVAILABLE', 'UNAVAILABLE of grpc-js', coded(14, { details: 'down', metadata: {} })],
    [undefined, 'UNAUTHENTICATED of grpc-js', coded(16, { details: 'who?', metadata: {} })],
    ['UPSTREAM_UNAVAILABLE', 'nobody listens', new TypeError('fetch failed', { cause: coded('ECONNREFUSED') })],
    ['UPSTREAM_UNAVAILABLE', 'no connection in time', coded('UND_ERR_CONNECT_TIMEOUT')],
    ['UPSTREAM_UNAVAILABLE', 'no way to the host', coded('ETIMEDOUT', { syscall: 'connect' })],
    ['UPSTREAM_LATE', 'no answer in time', new TypeError('fetch failed', { cause: coded('UND_ERR_HEADERS_TIMEOUT') })],
    ['UPSTREAM_LATE', 'a timeout of axios', coded('ECONNABORTED', { isAxiosError: true })],
    ['UPSTREAM_FAILED', 'a connection that broke', coded('ECONNRESET')],
    ['UPSTREAM_FAILED', 'a certificate', coded('CERT_HAS_EXPIRED')],
    ['UPSTREAM_FAILED', 'what is no HTTP', coded('HPE_INVALID_CONSTANT')],
    [undefined, 'a call that is wrong', new TypeError('fetch failed', { cause: coded('UND_ERR_INVALID_ARG') })],
    ['UPSTREAM_UNAVAILABLE', '503 of axios', ofAxios(503)],
    ['UPSTREAM_UNAVAILABLE', '429 of undici', coded('UND_ERR_RESPONSE', { statusCode: 429, headers: {} })],
    ['UPSTREAM_LATE', '504 of axios', ofAxios(504)],
    ['UPSTREAM_FAILED', '500 of axios', ofAxios(500)],
    [undefined, '404 of axios', ofAxios(404)],
    [undefined, 'an error of a framework, with a status', Object.assign(new Error('no'), { status: 503 })],
    [undefined, 'a bug', new TypeError('x is not a function')],
    [undefined, 'an open circuit', new CircuitOpenError('prices', 'open', 1)],
    [undefined, 'a deadline', new DeadlineExceededError('late', { cause: coded('ECONNRESET') })],
    [undefined, 'what was broken off', new DOMException('aborted', 'AbortError')],
  ])('(2), (3) gives %s for %s', (code, _case, error) => {
    expect(upstreamProblem(error)?.code).toBe(code);
  });

  it('tells the time that the other service has told', () => {
    const retryAfter = (error: unknown): string | undefined =>
      problemOf(error, undefined, opted)?.headers['retry-after'];

    expect(retryAfter(new GrpcShapedError('UNAVAILABLE', { retryAfterMs: 2500 }))).toBe('3');
    expect(retryAfter(ofAxios(503, { 'retry-after': '7' }))).toBe('7');
    expect(retryAfter(coded('ECONNREFUSED'))).toBe('1');
    expect(retryAfter(new GrpcShapedError('UNAVAILABLE', { retryAfterMs: Infinity }))).toBeUndefined();
    expect(retryAfter(coded('ECONNRESET'))).toBeUndefined();
  });

  it('knows the error that fetch throws where nobody listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, 'close');

    const error: unknown = await fetch(`http://127.0.0.1:${port}/`).catch((thrown: unknown) => thrown);

    expect(problemOf(error, undefined, opted)).toMatchObject({ status: 503, code: 'UPSTREAM_UNAVAILABLE' });
    expect(problemOf(error)).toBeUndefined();
  });

  it('tells nothing that the error carries', () => {
    for (const error of [new GrpcShapedError('UNAVAILABLE'), coded('ECONNRESET'), ofAxios(503)])
      expect(JSON.stringify(problemOf(error, undefined, opted))).not.toContain('secret');
  });

  it('(1) never throws, whatever was thrown', () => {
    const hostile = new Proxy(new Error('hostile'), {
      get: () => {
        throw new Error('is read');
      },
    });

    expect(upstreamProblem(hostile)).toBeUndefined();
    fc.assert(fc.property(fc.anything(), (error) => void upstreamProblem(error)));
  });
});

describe('problemOf, without being asked', () => {
  it('passes on that a service of gRPC has said "later", with its pushback, and nothing else of it', () => {
    const later = problemOf(new GrpcShapedError('UNAVAILABLE', { retryAfterMs: 4000 }), undefined, {
      retryAfterMs: 1000,
    });

    expect(later).toMatchObject({ status: 503, code: 'UPSTREAM_UNAVAILABLE', headers: { 'retry-after': '4' } });
    expect(problemOf(new GrpcShapedError('INTERNAL'))).toBeUndefined();
    expect(problemOf(coded(14, { details: 'down', metadata: {} }))).toBeUndefined();
  });

  it('tells that the context has ended in its place', () => {
    const gone = Context.background.withCancel();
    gone.cancel(new ClientGoneError('http'));

    expect(problemOf(new GrpcShapedError('UNAVAILABLE'), gone)?.code).toBe('CLIENT_GONE');
  });
});
