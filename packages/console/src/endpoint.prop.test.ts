/**
 * Random requests, well-formed and not: never an error of ours, and without the token never a change.
 *
 * @module
 */

import { type Socket, connect } from 'node:net';

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { circuitBreaker, createRegistry } from '@holdfast/core';
import { recordEvents, virtualClock } from '@holdfast/core/testing';
import { createDegradation, defineFeatures } from '@holdfast/degradation';

import { createAdmin } from './admin.ts';

const token = 'correct-horse-battery-staple';
const clock = virtualClock();
const registry = createRegistry({ clock });
registry.create(circuitBreaker, { name: 'prices' });
const features = defineFeatures({ reco: { modes: ['full', 'cached', 'off'] } });
const degradation = createDegradation({ features, clock, wallClock: () => 0 });
const admin = createAdmin({ registry, degradation, token, clock, sampleMs: 0, maxRequestsPerSecond: 100_000 });
const failures = recordEvents(registry.events);
let port = 0;

beforeAll(async () => {
  ({ port } = await admin.listen());
});
afterAll(() => admin.close());

const text = fc.oneof(
  fc.constantFrom('', 'mode', 'cached', 'off', '__proto__', 'a\r\nb', '\u0000', '💥', '%00', '../..'),
  fc.string({ maxLength: 12 }),
);
const visible = (given: string): string => given.replaceAll(/[^\u0021-\u007e]/g, '_');
const method = fc.oneof(
  fc.constantFrom('GET', 'PUT', 'PUT', 'DELETE'),
  fc.constantFrom('HEAD', 'POST', 'PATCH', 'OPTIONS', 'TRACE', 'PURGE'),
);
const path = fc.oneof(
  fc.constant('/features/reco'),
  fc.constantFrom(
    '/',
    '/circuits',
    '/circuits/prices',
    '/features',
    '/features/reco',
    '/audit',
    '/brownout',
    '/features/reco/explanation',
    '*',
    '//',
    '/%',
    '/features/%e0%a4%a',
  ),
  fc
    .tuple(fc.constantFrom('/features/', '/circuits/', '/', ''), text)
    .map(([prefix, rest]) => visible(prefix + rest) || '/'),
);
const change = fc.record(
  {
    mode: fc.oneof(fc.constantFrom('full', 'cached', 'off'), text, fc.jsonValue({ maxDepth: 1 })),
    actor: fc.oneof(fc.constant('alice'), text, fc.jsonValue({ maxDepth: 1 })),
    reason: fc.oneof(fc.constant('why'), text),
    expiresInMs: fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.double(), fc.jsonValue({ maxDepth: 1 })),
    ifRevision: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.jsonValue({ maxDepth: 1 })),
    other: fc.jsonValue({ maxDepth: 2 }),
  },
  { requiredKeys: [] },
);
const body = fc.oneof(
  { weight: 3, arbitrary: change.map((value) => Buffer.from(JSON.stringify(value))) },
  { weight: 3, arbitrary: fc.constant(Buffer.from('{"mode":"cached","actor":"a","reason":"b","expiresInMs":5}')) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.constantFrom(0, 16_384, 16_385, 70_000).map((size) => Buffer.alloc(size, ' ')) },
);
const type = fc.oneof(
  fc.constant('application/json'),
  fc.constantFrom('application/json; charset=utf-8', 'text/plain', ''),
);
const host = fc.oneof(
  { weight: 5, arbitrary: fc.constant('localhost') },
  fc.constantFrom('evil.example', '127.0.0.1:1', '[::1]', ''),
);
const framing = fc.constantFrom('length' as const, 'length' as const, 'chunked' as const);
const wrongToken = fc.oneof(
  fc.constant(undefined),
  fc.constantFrom('Bearer', `Bearer ${token}x`, `Basic ${token}`, `bearer x${token}`, `Bearer  `, token),
  fc.string({ maxLength: 40 }).map((guess) => `Bearer ${visible(guess)}`),
);

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly type: string;
  readonly framing: 'length' | 'chunked';
  readonly body: Buffer;
  readonly authorization: string | undefined;
}

const requestWith = (authorization: fc.Arbitrary<string | undefined>): fc.Arbitrary<Sent> =>
  fc.record({ method, path, host, type, framing, body, authorization });

/** Sends a request on a connection of its own; returns the status of the answer, 0 when there was none. */
function send(request: Sent): Promise<number> {
  const isChunked = request.framing === 'chunked';
  const headers = [
    `Host: ${request.host}`,
    `Content-Type: ${request.type}`,
    ...(request.authorization === undefined ? [] : [`Authorization: ${request.authorization}`]),
    isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${request.body.length}`,
    'Connection: close',
  ];
  const { length } = request.body;
  const chunks = length === 0 ? ['0\r\n\r\n'] : [`${length.toString(16)}\r\n`, request.body, '\r\n0\r\n\r\n'];
  return exchange((socket) => {
    socket.write(`${request.method} ${request.path} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
    for (const part of isChunked ? chunks : [request.body]) socket.write(part);
  });
}

function exchange(write: (socket: Socket) => void): Promise<number> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => write(socket));
    socket.setEncoding('latin1').on('data', (chunk: string) => (answer += chunk));
    socket.on('error', () => {}).on('close', () => resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0)));
  });
}

const seen = () => JSON.stringify([degradation.list(), degradation.audit()]);
const refusals = [400, 401, 403, 404, 405, 409, 413, 415, 421];

describe('random requests', () => {
  it('(1) change and learn nothing without the token', async () => {
    const before = seen();

    await fc.assert(
      fc.asyncProperty(requestWith(wrongToken), async (request) => {
        const status = await send(request);

        // 400 is the parser's, for what is no HTTP; 421 comes before the token is looked at
        expect([400, 401, 421]).toContain(status);
        expect(seen()).toBe(before);
      }),
      { numRuns: 600 },
    );
  }, 60_000);

  it('(3) (4) are answered, never with an error of ours, and change something only by a 200', async () => {
    let changedCount = 0;

    await fc.assert(
      fc.asyncProperty(requestWith(fc.constant(`Bearer ${token}`)), async (request) => {
        const before = seen();

        const status = await send(request);

        expect(refusals.concat(200)).toContain(status);
        const hasChanged = seen() !== before;
        if (hasChanged) changedCount++;
        expect(hasChanged && (status !== 200 || !['PUT', 'DELETE'].includes(request.method))).toBe(false);
      }),
      { numRuns: 1000 },
    );

    expect(changedCount).toBeGreaterThan(0); // else the property says nothing
    expect(failures.events.filter(({ type: told }) => told === 'admin.failed')).toEqual([]);
  }, 60_000);

  it('(3) of any bytes are survived', async () => {
    const before = seen();

    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
        const status = await exchange((socket) => socket.end(bytes));

        expect([0, 400, 401, 421]).toContain(status);
      }),
      { numRuns: 200 },
    );

    expect(seen()).toBe(before);
    expect(
      await send({
        method: 'GET',
        path: '/',
        host: 'localhost',
        type: '',
        framing: 'length',
        body: Buffer.alloc(0),
        authorization: `Bearer ${token}`,
      }),
    ).toBe(200);
  }, 60_000);
});
