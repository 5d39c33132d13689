/**
 * Requests that are derived from the API's own description, and each of them wrong in at least one way: refused with a status
 * that is documented, in time, and without a change.
 *
 * @module
 */

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { recordEvents } from '@holdfast/core/testing';
import { type RedisCircuitStore, redisCircuitStore } from '@holdfast/redis';

import { type RedisServer, startRedisServer } from '../redis-lab/redis-server.ts';
import { type Shop, exchange, openShop, tokens } from './shop.ts';

const numRuns = Number(process.env['HOLDFAST_API_FUZZ_RUNS'] ?? 10_000);

let server: RedisServer;
let store: RedisCircuitStore;
let shop: Shop;
let operations: readonly Operation[] = [];

beforeAll(async () => {
  server = await startRedisServer();
  store = redisCircuitStore(server.connect(), { namespace: 'fuzz' });
  shop = await openShop({}, store);
  await store.ready();
  const headers = { Authorization: `Bearer ${tokens.viewer}` };
  const document = (await (await fetch(`${shop.url}/openapi.json`, { headers })).json()) as Document;
  operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => methods.has(method))
      .map(([method, operation]) => operationOf(path, method.toUpperCase(), operation as DescribedOperation)),
  );
});
afterAll(async () => {
  await shop?.close();
  await store?.close();
  await server?.stop();
});

const methods = new Set(['get', 'put', 'post', 'patch', 'delete']);

interface DescribedOperation {
  readonly 'x-roles'?: readonly string[];
  readonly parameters?: readonly { readonly name: string }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: Schema }> };
  readonly responses: Record<string, unknown>;
}

interface Document {
  readonly paths: Record<string, Record<string, unknown>>;
}

interface Schema {
  readonly required: readonly string[];
  readonly properties: Record<string, object>;
}

interface Operation {
  readonly path: string;
  readonly method: string;
  readonly isChange: boolean;
  readonly takesQuery: boolean;
  readonly schema: Schema | undefined;
  readonly statuses: readonly number[];
}

function operationOf(path: string, method: string, described: DescribedOperation): Operation {
  const schema = described.requestBody?.content['application/json']?.schema;
  const statuses = Object.keys(described.responses).map(Number);
  const isChange = described['x-roles'] !== undefined;
  return { path, method, isChange, takesQuery: described.parameters !== undefined, schema, statuses };
}

/** A request as it is sent. */
interface Sent {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  readonly isChunked: boolean;
}

/** A request that would be answered with a 200, before it is spoilt. */
function rightRequest({ path, method, schema }: Operation): Sent {
  const body = schema && Buffer.from(JSON.stringify(rightBody(schema)));
  const headers = {
    Host: 'localhost',
    Authorization: `Bearer ${tokens.operator}`,
    ...(body && { 'Content-Type': 'application/json' }),
  };
  return { method, target: path.replace(/\{\w+\}/, rightName(path)), headers, body, isChunked: false };
}

function rightName(path: string): string {
  if (path.startsWith('/features')) return 'recommendations';
  return path.startsWith('/policies') ? 'circuit-breaker%2Fprices' : path.startsWith('/actions') ? '1' : 'prices';
}

const rightValues: Readonly<Record<string, unknown>> = {
  mode: 'cached',
  state: 'open',
  actor: 'alice',
  reason: 'why',
  expiresInMs: 60_000,
  key: 'ada',
  changes: { openForMs: 5000 },
};

/** A hold is one of the whole fleet: what goes wrong there must not reach the store. */
function rightBody({ required, properties }: Schema): Record<string, unknown> {
  const { enum: choices } = (properties['scope'] ?? {}) as { readonly enum?: readonly unknown[] };
  const scope = choices?.includes('fleet') === true ? { scope: 'fleet' } : {};
  return { ...Object.fromEntries(required.map((name) => [name, rightValues[name]])), ...scope };
}

type Spoil = (sent: Sent, operation: Operation) => Sent;

const hostileText = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '../..',
    '..%2f..%2fetc%2fpasswd',
    '%00',
    '%ff',
    '%e0%a4%a',
    '__proto__',
    'constructor',
    '💥',
  ),
  fc.constantFrom("' OR 1=1 --", '<script>alert(1)</script>', '${7*7}', '{{7*7}}', '|id', '\u202e', 'a'.repeat(5000)),
  fc.string({ maxLength: 20 }),
);
const hostileValue = fc.oneof(
  fc.constantFrom<unknown>(null, true, -1, 0, 1e300, 1e21, 0.1, [], {}, [[[[]]]], 'a\nb', '\u0000', 'x'.repeat(2000)),
  fc.jsonValue({ maxDepth: 3 }),
);

const withHeaders = (headers: Record<string, string>): Spoil => {
  return (sent) => ({ ...sent, headers: { ...sent.headers, ...headers } });
};
const withBody = (body: Buffer | string, isChunked = false): Spoil => {
  return (sent) => ({ ...sent, body: Buffer.from(body), isChunked });
};
const encoded = (text: string): string => encodeURIComponent(text).replaceAll('%25', '%') || '%20';

/** What spoils any request. */
const spoilAny: fc.Arbitrary<Spoil> = fc.oneof(
  fc
    .oneof(
      fc.constantFrom(
        '',
        'Bearer',
        'Bearer ',
        `Basic ${tokens.operator}`,
        `Bearer ${tokens.operator}x`,
        tokens.operator,
      ),
      fc.stringMatching(/^[\u0021-\u007e]{0,40}$/).map((guess) => `Bearer ${guess}`),
    )
    .map((Authorization) => withHeaders({ Authorization })),
  fc
    .constantFrom('evil.example', '127.0.0.1.evil.example', 'localhost@evil.example', '0.0.0.0')
    .map((Host) => withHeaders({ Host })),
  fc.constantFrom('null', 'http://evil.example', 'http://localhost:1').map((Origin) => withHeaders({ Origin })),
  fc.constantFrom('cross-site', 'same-site', '?1').map((site) => withHeaders({ 'Sec-Fetch-Site': site })),
  fc.constantFrom('POSTS', 'TRACE', 'OPTIONS', 'PROPFIND', 'LINK').map((method): Spoil => (sent) => ({
    ...sent,
    method,
  })),
  hostileText.map((text): Spoil => (sent) => ({ ...sent, target: `/${encoded(text)}${sent.target}` })),
  fc.string({ maxLength: 10 }).map((name): Spoil => (sent) => ({
    ...sent,
    target: `${sent.target}?x${encodeURIComponent(name)}=1`,
  })),
);

/** What spoils a name in a path. */
const spoilName: fc.Arbitrary<Spoil> = hostileText.map((text): Spoil => {
  return (sent, { path }) => ({ ...sent, target: path.replace(/\{\w+\}/, () => encoded(`${text}-`)) });
});

/** What spoils a body. */
const spoilBody: fc.Arbitrary<Spoil> = fc.oneof(
  fc.nat().map((index): Spoil => (sent, { schema }) => {
    const { [schema?.required[index % schema.required.length] ?? '']: _left, ...rest } = rightBody(schema as Schema);
    return withBody(JSON.stringify(rest))(sent, undefined as never);
  }),
  fc
    .tuple(fc.string({ minLength: 1, maxLength: 8 }), hostileValue)
    .map(([name, value]): Spoil => (sent, { schema }) => {
      return withBody(JSON.stringify({ ...rightBody(schema as Schema), [`x${name}`]: value ?? 1 }))(
        sent,
        undefined as never,
      );
    }),
  fc
    .constantFrom(
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data',
      'application/json; charset=utf-16',
      '',
    )
    .map((type) => withHeaders({ 'Content-Type': type })),
  fc.constantFrom('gzip', 'br', 'deflate, gzip').map((coding) => withHeaders({ 'Content-Encoding': coding })),
  fc
    .tuple(
      fc.constantFrom('', '[]', 'null', '7', '"a"', '{', '{"a":', '{}{}', '{"__proto__":1}', '['.repeat(8000)),
      fc.boolean(),
    )
    .map(([text, isChunked]) => withBody(text, isChunked)),
  fc.uint8Array({ maxLength: 80 }).map((bytes) => withBody(Buffer.from(bytes))),
  fc
    .tuple(fc.constantFrom(16_385, 40_000), fc.boolean())
    .map(([size, isChunked]) => withBody(Buffer.alloc(size, ' '), isChunked)),
);

/** What spoils one member of a body: the wrong type, or out of every range. */
const spoilMember: fc.Arbitrary<Spoil> = fc
  .tuple(fc.nat(), fc.constantFrom<unknown>(null, [], [1], -1, 1e300, 'x'.repeat(10_001), { a: { b: [] } }, '\u0007'))
  .map(([index, value]): Spoil => (sent, { schema }) => {
    const names = Object.keys(schema?.properties ?? {}).filter((name) => !isLenient(name, value));
    const name = names[index % names.length] ?? 'x';
    return withBody(JSON.stringify({ ...rightBody(schema as Schema), [name]: value }))(sent, undefined as never);
  });

/** Whether a member might take the value: as a list of conditions an empty one, as a key any text. */
function isLenient(name: string, value: unknown): boolean {
  if (Array.isArray(value)) return name === 'match';
  return (
    (typeof value === 'string' && value.length < 1000 && ['key', 'id'].includes(name)) ||
    (name === 'isAtOnce' && value === undefined)
  );
}

/** A viewer's token, where that is not enough. */
const asViewer: Spoil = withHeaders({ Authorization: `Bearer ${tokens.viewer}` });

function spoilsOf({ path, schema, isChange }: Operation): fc.Arbitrary<Spoil> {
  return fc.oneof(
    { weight: 3, arbitrary: spoilAny },
    ...(path.includes('{') ? [{ weight: 2, arbitrary: spoilName }] : []),
    ...(isChange ? [{ weight: 1, arbitrary: fc.constant(asViewer) }] : []),
    ...(schema === undefined
      ? []
      : [
          { weight: 4, arbitrary: spoilBody },
          { weight: 4, arbitrary: spoilMember },
        ]),
  );
}

function send({ method, target, headers, body, isChunked }: Sent): Promise<{ status: number; tookMs: number }> {
  const framing: Record<string, string> =
    body === undefined
      ? {}
      : isChunked
        ? { 'Transfer-Encoding': 'chunked' }
        : { 'Content-Length': String(body.length) };
  const lines = Object.entries({ ...headers, ...framing, Connection: 'close' }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  return exchange(shop.port, (socket) => {
    socket.write(`${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    if (body === undefined) return;
    if (!isChunked) socket.write(body);
    else
      socket.write(
        Buffer.concat([
          Buffer.from(body.length > 0 ? `${body.length.toString(16)}\r\n` : ''),
          body,
          Buffer.from(body.length > 0 ? '\r\n0\r\n\r\n' : '0\r\n\r\n'),
        ]),
      );
  });
}

const request = fc.nat().chain((index) => {
  const operation = operations[index % operations.length] as Operation;
  return fc.array(spoilsOf(operation), { minLength: 1, maxLength: 3 }).map((spoils) => {
    return { operation, sent: spoils.reduce((sent, spoil) => spoil(sent, operation), rightRequest(operation)) };
  });
});

/** Statuses of what is no request of this API at all: what the parser refuses, and paths and methods that are not there. */
const general = [400, 401, 403, 404, 405, 421, 431];

describe('malformed and hostile requests', () => {
  it('are refused as documented, in time, and change nothing', { timeout: 300_000 }, async () => {
    const before = shop.state();
    const heard = recordEvents(shop.registry.events);
    const counts = new Map<number, number>();
    let slowestMs = 0;

    await fc.assert(
      fc.asyncProperty(request, async ({ operation, sent }) => {
        const { status, tookMs } = await send(sent);

        counts.set(status, (counts.get(status) ?? 0) + 1);
        slowestMs = Math.max(slowestMs, tookMs);
        expect([...general, ...operation.statuses.filter((one) => one >= 400)]).toContain(status);
        expect(shop.state()).toBe(before);
      }),
      { numRuns },
    );

    expect(heard.events.filter(({ type }) => type === 'admin.failed')).toEqual([]);
    for (const status of [400, 401, 403, 404, 405, 413, 415, 421]) expect(counts.get(status) ?? 0).toBeGreaterThan(0);
    expect(slowestMs).toBeLessThan(10_000);
    console.log(`${numRuns} requests, slowest ${slowestMs.toFixed(0)} ms`, Object.fromEntries(counts));
  });

  it('would be answered, were they not spoilt', async () => {
    for (const operation of operations.filter(({ path }) => path !== '/events' && !path.startsWith('/actions'))) {
      const { status } = await send(rightRequest(operation));
      expect([operation.path, operation.method, status]).toEqual([operation.path, operation.method, 200]);
    }
    expect(shop.prices.describe().options['openForMs']).toBe(5000);
    expect((await store.audit()).map(({ id, owner, state }) => [id, owner, state])).toEqual([
      ['prices', 'alice', 'auto'],
      ['prices', 'alice', 'forced-open'],
    ]);
  });

  it('are refused as documented where the store of the fleet has gone', async () => {
    const heard = recordEvents(shop.registry.events);
    const holds = operations.filter(({ path, method }) => path.endsWith('/hold') && method === 'PUT');
    await server.kill();
    for (const operation of holds) {
      const { status } = await send(rightRequest(operation));
      expect([503, 504]).toContain(status);
      expect(operation.statuses).toContain(status);
    }
    expect([holds.length, shop.prices.snapshot().holds]).toEqual([1, []]);
    expect(heard.types).not.toContain('admin.failed');
  });
});
