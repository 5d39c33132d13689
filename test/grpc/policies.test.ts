/** Policies around calls: exact counts of what reaches the servers, and no message twice. */

import { Metadata } from '@grpc/grpc-js';
import {
  bulkhead,
  circuitBreaker,
  CircuitOpenError,
  coalesce,
  Context,
  fallback,
  hedge,
  keyed,
  pipeline,
  rateLimiter,
  retry,
  timeout,
} from '@holdfast/core';
import {
  classifyGrpc,
  createGrpcClient,
  type GrpcClientOptions,
  grpcError,
  type GrpcMethod,
  isGrpcStatusError,
  isRetryableGrpc,
} from '@holdfast/grpc';
import { afterEach, describe, expect, it } from 'vitest';

import { all, type Note, openClient, type ShopClient, type ShopServer, startShop, until } from './shop.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

interface Flapping {
  /** Calls whose handler ran. */
  calls: number;
  readonly shop: ShopServer;
  wrap(options: GrpcClientOptions): ReturnType<typeof createGrpcClient<ShopClient>>;
}

/** A shop whose handlers ask `answer` what to do for the n-th call. */
async function flapping(answer: (call: number) => unknown): Promise<Flapping> {
  const made = { calls: 0 } as { calls: number; shop: ShopServer; wrap: Flapping['wrap'] };
  const next = async (): Promise<void> => {
    await answer((made.calls += 1));
  };
  made.shop = await startShop((serving) => ({
    get: serving.handleUnary<Note, Note>(async (_context, request) => (await next(), request)),
    list: serving.handleServerStream<Note, Note>(async function* (_context, request) {
      await next();
      for (let count = 0; count < (request.count ?? 3); count++) {
        yield { text: request.text, count };
        if (request.text === 'breaks' && count === 1) throw grpcError('UNAVAILABLE', 'broken off');
      }
    }),
    upload: serving.handleClientStream<Note, Note>(async (_context, requests) => {
      await next();
      return { text: (await all(requests)).map(({ text }) => text).join('') };
    }),
    chat: serving.handleBidi<Note, Note>(async function* (_context, requests) {
      await next();
      yield* requests;
    }),
  }));
  const client = openClient(made.shop.port);
  open.push(client, { close: () => made.shop.stop() });
  made.wrap = (options) => createGrpcClient(client, options);
  return made;
}

const unavailable = (): never => {
  throw grpcError('UNAVAILABLE', 'not now');
};
const quickRetry = (maxAttempts: number) =>
  retry({ maxAttempts, baseDelayMs: 1, maxDelayMs: 2000, maxRetryRatio: Infinity, isRetryable: isRetryableGrpc });
const context = () => Context.background.withTimeout(20_000);

describe('retry', () => {
  it('runs a unary call as often as the server flaps', async () => {
    const server = await flapping((call) => call % 3 !== 0 && unavailable());
    const functions = server.wrap({ policy: quickRetry(3) });

    for (let count = 1; count <= 10; count++) expect(await functions.get(context(), { text: `${count}` })).toEqual({ text: `${count}` }); // prettier-ignore

    expect(server.calls).toBe(30);
  });

  it('gives the last status, and runs no more than it may', async () => {
    const server = await flapping(unavailable);

    await expect(server.wrap({ policy: quickRetry(4) }).get(context(), { text: '' })).rejects.toMatchObject({
      status: 'UNAVAILABLE',
      details: 'not now',
    });
    expect(server.calls).toBe(4);
  });

  it.each(['NOT_FOUND', 'INVALID_ARGUMENT', 'INTERNAL', 'RESOURCE_EXHAUSTED', 'ABORTED'] as const)(
    'does not repeat %s',
    async (status) => {
      const server = await flapping(() => {
        throw grpcError(status, '');
      });

      await expect(server.wrap({ policy: quickRetry(4) }).get(context(), { text: '' })).rejects.toMatchObject({
        status,
      });
      expect(server.calls).toBe(1);
    },
  );

  it('waits as long as the server asks, and does not ask again when told so', async () => {
    const patient = await flapping((call) => {
      if (call === 1) throw grpcError('RESOURCE_EXHAUSTED', 'in a while', { retryAfterMs: 150 });
    });
    const begunAt = performance.now();
    await patient.wrap({ policy: quickRetry(3) }).get(context(), { text: '' });
    expect(performance.now() - begunAt).toBeGreaterThanOrEqual(149);
    expect(patient.calls).toBe(2);

    const final = await flapping(() => {
      throw grpcError('UNAVAILABLE', 'never again', { retryAfterMs: Infinity });
    });
    await expect(final.wrap({ policy: quickRetry(3) }).get(context(), { text: '' })).rejects.toMatchObject({ retryAfterMs: Infinity }); // prettier-ignore
    await expect(final.wrap({ policy: retry({ baseDelayMs: 1 }) }).get(context(), { text: '' })).rejects.toMatchObject({ status: 'UNAVAILABLE' }); // prettier-ignore
    expect(final.calls).toBe(2);
  });

  it('starts a server stream again until it has begun, and not after', async () => {
    const server = await flapping((call) => call < 3 && unavailable());
    const functions = server.wrap({ policy: quickRetry(5) });

    expect(await all(functions.list(context(), { text: 'x' }))).toHaveLength(3);
    expect(server.calls).toBe(3);

    const taken: Note[] = [];
    await expect(
      (async () => {
        for await (const each of functions.list(context(), { text: 'breaks' })) taken.push(each);
      })(),
    ).rejects.toMatchObject({ status: 'UNAVAILABLE', details: 'broken off' });
    expect(taken.map(({ count }) => count)).toEqual([0, 1]);
    expect(server.calls).toBe(4);
  });

  it('does not write a source twice', async () => {
    const server = await flapping(unavailable);
    const functions = server.wrap({ policy: quickRetry(5) });
    let read = 0;
    const source = function* (): Generator<Note> {
      for (let count = 0; count < 3; count++) {
        read += 1;
        yield { text: 'x' };
      }
    };

    await expect(functions.upload(context(), source())).rejects.toMatchObject({ status: 'UNAVAILABLE' });
    await expect(all(functions.chat(context(), source()))).rejects.toMatchObject({ status: 'UNAVAILABLE' });

    expect(server.calls).toBe(2);
    expect(read).toBeLessThanOrEqual(6);
  });

  it('streams requests in another try, where the call of the first could not even be made', async () => {
    const { shop } = await flapping(() => {});
    let calls = 0;
    const client = openClient(shop.port, {
      interceptors: [
        (options, next) => {
          if (calls++ === 0) throw new Error('there is no token yet');
          return next(options) as never;
        },
      ],
    });
    open.push(client);
    const functions = createGrpcClient(client, { policy: retry({ maxAttempts: 2, baseDelayMs: 1 }) });

    const answer = await functions.upload(context(), [{ text: 'a' }, { text: 'b' }]);

    expect([answer.text, calls]).toEqual(['ab', 2]);
  });
});

describe('a fallback', () => {
  it('stands in for a response, and for the messages of a stream', async () => {
    const server = await flapping(unavailable);
    const unary = server.wrap({ policy: fallback({ value: { text: 'instead' } }) });
    const streamed = server.wrap({ policy: fallback({ value: [{ text: 'instead' }] }) });

    expect(await unary.get(context(), { text: '' })).toEqual({ text: 'instead' });
    expect(await unary.upload(context(), [{ text: '' }])).toEqual({ text: 'instead' });
    expect(await all(streamed.list(context(), { text: '' }))).toEqual([{ text: 'instead' }]);
    expect(await all(streamed.chat(context(), [{ text: '' }]))).toEqual([{ text: 'instead' }]);
    await expect(all(unary.list(context(), { text: '' }))).rejects.toThrow('must give an iterable of messages');
  });

  it('gives no stream to two readers: coalescing is for unary calls', async () => {
    const server = await flapping(() => {});
    const functions = server.wrap({ policy: coalesce({ keyOf: () => 'all' }) });

    const read = await Promise.allSettled([1, 2].map(() => all(functions.list(context(), { text: 'x' }))));

    expect(read.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    await until(() => server.shop.serving.snapshot().open === 0);
  });
});

describe('a timeout', () => {
  it('limits the start of a stream, and not the stream', async () => {
    const server = await flapping((call) => call === 1 && new Promise((resolve) => setTimeout(resolve, 10_000)));
    const functions = server.wrap({ policy: timeout(1500) });

    await expect(all(functions.list(context(), { text: 'x' }))).rejects.toMatchObject({ code: 'TIMEOUT' });
    const stream = functions.list(context(), { text: 'x' });
    await stream.next();
    await new Promise((resolve) => setTimeout(resolve, 1700));

    expect(await all(stream)).toHaveLength(2);
    await until(() => server.shop.serving.snapshot().open === 0);
  });
});

describe('hedge', () => {
  it('sends one more where the first is slow, takes the first answer, and cancels the loser', async () => {
    const server = await flapping((call) => call === 1 && new Promise((resolve) => setTimeout(resolve, 20_000)));
    const functions = server.wrap({ policy: hedge({ delayMs: 40, maxHedgeRatio: 1 }) });

    const begunAt = performance.now();
    expect(await functions.get(context(), { text: 'x' })).toEqual({ text: 'x' });
    expect(performance.now() - begunAt).toBeLessThan(19_000);

    expect(server.calls).toBe(2);
    await until(() => server.shop.serving.snapshot().open === 0);
    expect(server.shop.serving.snapshot()).toMatchObject({ answered: 1, cancelled: 1 });
  });

  it('starts a stream twice, reads one, and cancels the other', async () => {
    const server = await flapping((call) => call === 1 && new Promise((resolve) => setTimeout(resolve, 5000)));
    const functions = server.wrap({ policy: hedge({ delayMs: 40, maxHedgeRatio: 1 }) });

    expect(await all(functions.list(context(), { text: 'x' }))).toHaveLength(3);
    expect(server.calls).toBe(2);
    await until(() => server.shop.serving.snapshot().open === 0);
  });
});

describe('other policies', () => {
  it('open a circuit by the table of statuses, and then nothing reaches the server', async () => {
    const server = await flapping((call) => {
      throw grpcError(call <= 20 ? 'NOT_FOUND' : 'UNAVAILABLE', '');
    });
    const breaker = circuitBreaker({ classify: classifyGrpc, minimumCalls: 5, failureRatio: 0.1 });
    const functions = server.wrap({ policy: breaker });
    const outcomes: unknown[] = [];
    for (let count = 0; count < 40; count++) await functions.get(context(), { text: '' }).catch((error: unknown) => outcomes.push(error)); // prettier-ignore

    expect(breaker.state).toBe('open');
    expect(outcomes.filter(isGrpcStatusError)).toHaveLength(server.calls);
    expect(outcomes.filter((error) => error instanceof CircuitOpenError)).toHaveLength(40 - server.calls);
    expect(server.calls).toBeGreaterThan(20);
    expect(server.calls).toBeLessThan(30);
  });

  it('are chosen per method, once', async () => {
    const server = await flapping((call) => call === 1 && unavailable());
    const asked: GrpcMethod[] = [];
    const functions = server.wrap({
      policy: (method) => {
        asked.push(method);
        return method.kind === 'unary' ? quickRetry(2) : undefined;
      },
    });

    await functions.get(context(), { text: '' });
    await functions.get(context(), { text: '' });

    expect(server.calls).toBe(3);
    expect(asked).toEqual([
      { name: 'get', path: '/shop.Shop/get', kind: 'unary' },
      { name: 'list', path: '/shop.Shop/list', kind: 'server-stream' },
      { name: 'upload', path: '/shop.Shop/upload', kind: 'client-stream' },
      { name: 'chat', path: '/shop.Shop/chat', kind: 'bidi' },
    ]);
  });

  it('compose: a timeout per try inside a retry, each with its own deadline at the server', async () => {
    const server = await flapping((call) => call < 3 && new Promise((resolve) => setTimeout(resolve, 10_000)));
    const policy = pipeline(quickRetry(3), timeout(1500));

    expect(await server.wrap({ policy }).get(context(), { text: 'x' })).toEqual({ text: 'x' });
    expect(server.calls).toBe(3);
    await until(() => server.shop.serving.snapshot().open === 0);
  });

  it('refuse at the server with a status and a pushback', async () => {
    const shop = await startShop(
      (serving) => ({
        get: serving.handleUnary<Note, Note>((_context, request) => request),
        list: serving.handleServerStream<Note, Note>(async function* (own) {
          yield { text: 'first' };
          await new Promise((resolve) => own.onCancel(resolve));
        }),
      }),
      {
        policy: ({ kind }) =>
          kind === 'unary' ? rateLimiter({ maxPerInterval: 1, intervalMs: 60_000 }) : bulkhead({ maxConcurrent: 1 }),
      },
    );
    const client = openClient(shop.port);
    open.push(client, { close: () => shop.stop() });
    const functions = createGrpcClient(client);

    await functions.get(context(), { text: '' });
    const refused: unknown = await functions.get(context(), { text: '' }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 'RESOURCE_EXHAUSTED' });
    expect((refused as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(50_000);

    const first = functions.list(context(), { text: '' });
    await first.next();
    await expect(functions.list(context(), { text: '' }).next()).rejects.toMatchObject({
      status: 'RESOURCE_EXHAUSTED',
    });
    await first.return?.(undefined);
  });

  it('may be keyed, and do not mind what the call is sent with', async () => {
    const server = await flapping(() => {});
    const metadata = new Metadata();
    metadata.set('x-own', '1');
    const functions = server.wrap({ policy: keyed({ keyOf: () => 'shop', make: () => bulkhead(10) }) });

    await Promise.all(Array.from({ length: 10 }, () => functions.get(context(), { text: '' }, { metadata })));
    expect(server.calls).toBe(10);
    expect(metadata.toJSON()).toEqual({ 'x-own': ['1'] });
  });
});
