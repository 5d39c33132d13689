/** Handlers: what they throw, whatever that is, and how their contexts are found. */

import { Metadata, ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { CircuitOpenError, Context, hedge, onHookError, ResilienceError, retry } from '@holdfast/core';
import {
  contextOf,
  createGrpcClient,
  createGrpcServing,
  type GrpcServing,
  grpcError,
  GrpcStatusError,
  grpcStatusOf,
} from '@holdfast/grpc';
import { afterEach, describe, expect, it } from 'vitest';

import { all, type Note, openClient, startShop, until } from './shop.ts';

class DrainedError extends ResilienceError {
  readonly code = 'DRAINED';
}

const open: { close(): void }[] = [];
afterEach(() => {
  onHookError(undefined);
  for (const each of open.splice(0)) each.close();
});

async function shopOf(
  makeHandlers: (serving: GrpcServing) => Parameters<Awaited<ReturnType<typeof startShop>>['server']['addService']>[1],
  options: Parameters<typeof startShop>[1] = {},
  more: Parameters<typeof startShop>[2] = {},
) {
  const shop = await startShop(makeHandlers, options, more);
  const client = openClient(shop.port);
  open.push(client, { close: () => shop.stop() });
  return { shop, client, functions: createGrpcClient(client) };
}

/** Every kind of handler, which throws what `fail` throws. */
const failing =
  (fail: () => never) =>
  (serving: GrpcServing): Parameters<Awaited<ReturnType<typeof startShop>>['server']['addService']>[1] => ({
    get: serving.handleUnary<Note, Note>(fail),
    list: serving.handleServerStream<Note, Note>(async function* () {
      yield { text: 'first' };
      fail();
    }),
    upload: serving.handleClientStream<Note, Note>(fail),
    chat: serving.handleBidi<Note, Note>(fail),
  });

type Functions = Awaited<ReturnType<typeof shopOf>>['functions'];
const kinds: readonly (readonly [string, (functions: Functions) => Promise<unknown>])[] = [
  ['unary', (functions) => functions.get(Context.background, { text: '' })],
  ['server stream', (functions) => all(functions.list(Context.background, { text: '' }))],
  ['client stream', (functions) => functions.upload(Context.background, [{ text: '' }])],
  ['bidi', (functions) => all(functions.chat(Context.background, [{ text: '' }]))],
];

describe('the handler of a stream under a policy that tries again', () => {
  const again = {
    policy: retry({ maxAttempts: 5, baseDelayMs: 1, isRetryable: () => true }),
    onHandlerError: () => {},
  };

  it('is begun once more until it has sent a message, and not after that: none is sent twice', async () => {
    let [early, late] = [0, 0];
    const { functions } = await shopOf(
      (serving) => ({
        list: serving.handleServerStream<Note, Note>(async function* (_context, { text }) {
          if (text === 'early' && ++early < 3) throw grpcError('UNAVAILABLE', 'before the first');
          yield { text: 'a' };
          yield { text: 'b' };
          if (text === 'late' && ++late > 0) throw grpcError('ABORTED', 'after two');
        }),
      }),
      again,
    );
    const read: string[] = [];
    const reading = (async () => {
      for await (const { text } of functions.list(Context.background, { text: 'late' })) read.push(text);
    })();
    await expect(reading).rejects.toMatchObject({ status: 'ABORTED', details: 'after two' });

    expect([read, late]).toEqual([['a', 'b'], 1]);
    expect(await all(functions.list(Context.background, { text: 'early' }))).toHaveLength(2);
    expect(early).toBe(3);
  });

  it('takes no half of what the client streams for the whole: what was read is not there for another try', async () => {
    let tries = 0;
    const { functions } = await shopOf(
      (serving) => ({
        upload: serving.handleClientStream<Note, Note>(async (_context, requests) => {
          tries++;
          let count = 0;
          for await (const _ of requests) if (++count === 2 && tries === 1) throw grpcError('ABORTED', 'at the second');
          return { text: 'all', count };
        }),
      }),
      again,
    );
    const sent = [1, 2, 3, 4].map((count) => ({ text: 'x', count }));

    await expect(functions.upload(Context.background, sent)).rejects.toMatchObject({ details: 'at the second' });
    expect(tries).toBe(1);
  });

  it('is read and answered by one of those that a hedge has begun', async () => {
    const { functions } = await shopOf(
      (serving) => ({
        chat: serving.handleBidi<Note, Note>(async function* (_context, requests) {
          await new Promise((resolve) => setTimeout(resolve, 60)); // both begin before one reads
          yield* requests;
        }),
      }),
      { policy: hedge(5), onHandlerError: () => {} },
    );
    const sent = ['a', 'b', 'c'].map((text) => ({ text }));

    expect((await all(functions.chat(Context.background, sent))).map(({ text }) => text)).toEqual(['a', 'b', 'c']);
  });
});

describe('a policy that is chosen by a function', () => {
  it('that is none fails calls, and whoever looks after the server is told what it must be', async () => {
    const told: unknown[] = [];
    const { functions } = await shopOf(
      (serving) => ({ get: serving.handleUnary<Note, Note>((_context, request) => request) }),
      { policy: () => ({}) as never, onHandlerError: (error) => told.push(error) },
    );

    await expect(functions.get(Context.background, { text: '' })).rejects.toMatchObject({ status: 'UNKNOWN' });
    expect(String(told[0])).toContain('grpcServing.policy must be a policy, or a function that returns one');
  });
});

describe('a handler that was made for a method of another kind', () => {
  it.each<[kind: string, of: (serving: GrpcServing) => unknown]>([
    ['unary', (serving) => serving.handleUnary<Note, Note>(() => ({ text: '' }))],
    ['client stream', (serving) => serving.handleClientStream<Note, Note>(() => ({ text: '' }))],
  ])('fails calls that stream responses, and not the process: %s', async (_kind, of) => {
    const reported: unknown[] = [];
    const wrong = (serving: GrpcServing) => ({ list: of(serving) as never, chat: of(serving) as never });
    const { functions, shop } = await shopOf(wrong, { onHandlerError: (error) => reported.push(error) });

    const errors = [
      await all(functions.list(Context.background, { text: '' })).catch((error: unknown) => error),
      await all(functions.chat(Context.background, [{ text: '' }])).catch((error: unknown) => error),
    ];

    expect(errors.map(grpcStatusOf)).toEqual(['UNKNOWN', 'UNKNOWN']);
    expect(reported.map(String)).toEqual([
      expect.stringContaining('handleServerStream'),
      expect.stringContaining('handleServerStream'),
    ]);
    await until(() => shop.serving.snapshot().open === 0);
  });
});

describe.each(kinds)('a %s handler that throws', (_kind, call) => {
  it.each<[what: string, thrown: unknown, status: string]>([
    ['a status of its own', grpcError('NOT_FOUND', 'no such thing'), 'NOT_FOUND'],
    ['an error', new Error('the password is 1234'), 'UNKNOWN'],
    ['undefined', undefined, 'UNKNOWN'],
    ['a text', 'the password is 1234', 'UNKNOWN'],
    ['a rejection', new CircuitOpenError('breaker', 'open', 70), 'UNAVAILABLE'],
    ['a timeout', Object.assign(new Error('late'), { name: 'TimeoutError' }), 'DEADLINE_EXCEEDED'],
  ])('%s ends the call with its status', async (_what, thrown, status) => {
    const reported: unknown[] = [];
    const { functions, shop } = await shopOf(failing(() => { throw thrown; }), { onHandlerError: (error) => reported.push(error) }); // prettier-ignore

    const error = await call(functions).catch((why: unknown) => why);

    expect(grpcStatusOf(error)).toBe(status);
    expect((error as Error).message).not.toContain('1234');
    expect(reported).toEqual(status === 'UNKNOWN' ? [thrown] : []);
    await until(() => shop.serving.snapshot().open === 0);
  });
});

describe.each(kinds)('a %s handler whose service says what errors of its own come to', (_kind, call) => {
  const away = new Error('connect ECONNREFUSED 10.0.0.7:5432');
  const errors = (error: unknown): GrpcStatusError | undefined =>
    error === away ? grpcError('UNAVAILABLE', 'no database', { retryAfterMs: 70 }) : undefined;

  it.each<[what: string, thrown: unknown, status: string]>([
    ['an error that it knows', away, 'UNAVAILABLE'],
    ['another', new Error('the password is 1234'), 'UNKNOWN'],
    ['a status of its own', grpcError('NOT_FOUND', 'no such thing'), 'NOT_FOUND'],
  ])('ends the call so: %s', async (_what, thrown, status) => {
    const reported: unknown[] = [];
    const { functions } = await shopOf(failing(() => { throw thrown; }), { errors, onHandlerError: (error) => reported.push(error) }); // prettier-ignore

    const error = await call(functions).catch((why: unknown) => why);

    expect(grpcStatusOf(error)).toBe(status);
    if (thrown === away) expect(error).toMatchObject({ details: 'no database', retryAfterMs: 70 });
    expect(reported).toEqual(status === 'UNKNOWN' ? [thrown] : []);
  });

  it.each<[what: string, errors: () => unknown]>([
    ['throws', () => { throw new Error('hook'); }], // prettier-ignore
    ['returns no error', () => 'UNAVAILABLE'],
    ['promises', () => Promise.reject(new Error('hook'))],
  ])('ends as without one that %s, which is reported', async (_what, wrong) => {
    const hooks: string[] = [];
    onHookError(({ hook }) => hooks.push(hook));
    const { functions } = await shopOf(failing(() => { throw away; }), { errors: wrong as never, onHandlerError: () => {} }); // prettier-ignore

    const error = await call(functions).catch((why: unknown) => why);

    expect([grpcStatusOf(error), hooks]).toEqual(['UNKNOWN', ['errors']]);
  });
});

describe('a handler', () => {
  it('may return what is no promise, and any iterable', async () => {
    const { functions } = await shopOf((serving) => ({
      get: serving.handleUnary<Note, Note>((_context, request) => request),
      list: serving.handleServerStream<Note, Note>(() => [{ text: '1' }, { text: '2' }]),
      upload: serving.handleClientStream<Note, Note>(() => ({ text: 'unread' })),
      chat: serving.handleBidi<Note, Note>(() => new Set([{ text: 'unasked' }])),
    }));

    expect(await functions.get(Context.background, { text: 'x' })).toEqual({ text: 'x' });
    expect(await all(functions.list(Context.background, { text: '' }))).toHaveLength(2);
    expect(await functions.upload(Context.background, [{ text: '' }])).toEqual({ text: 'unread' });
    expect(await all(functions.chat(Context.background, [{ text: '' }]))).toEqual([{ text: 'unasked' }]);
  });

  it('that streams what cannot be iterated ends with a status', async () => {
    const { functions } = await shopOf(
      (serving) => ({ list: serving.handleServerStream<Note, Note>(() => undefined as never) }),
      { onHandlerError: () => {} },
    );

    await expect(all(functions.list(Context.background, { text: '' }))).rejects.toMatchObject({ status: 'UNKNOWN' });
  });

  it('whose hook throws is answered all the same, and the hook is reported', async () => {
    const hooks: string[] = [];
    onHookError(({ hook }) => hooks.push(hook));
    const { functions } = await shopOf(failing(() => { throw new Error('mine'); }), { onHandlerError: () => { throw new Error('hook'); } }); // prettier-ignore

    await expect(functions.get(Context.background, { text: '' })).rejects.toMatchObject({ status: 'UNKNOWN' });
    await expect(
      functions.get(
        Context.background,
        { text: '' },
        {
          onTrailers: () => { throw new Error('hook'); }, // prettier-ignore
          onMetadata: () => Promise.reject(new Error('hook')),
        },
      ),
    ).rejects.toMatchObject({ status: 'UNKNOWN' });
    await until(() => hooks.length >= 3);

    expect(new Set(hooks)).toEqual(new Set(['onHandlerError', 'onTrailers']));
  });

  it('is reported for what its caller is told nothing of, also where another service has failed', async () => {
    const reported: unknown[] = [];
    const ofService = new GrpcStatusError('NOT_FOUND', { details: 'a secret', isReceived: true });
    const busy = new GrpcStatusError('UNAVAILABLE', { isReceived: true });
    const unknown = grpcError('UNKNOWN', 'said so');
    const ours = new DrainedError('lost');
    const revoked = Proxy.revocable(new Error('x'), {});
    revoked.revoke();
    const thrown = [ofService, busy, unknown, ours, revoked.proxy];
    let count = 0;
    const fail = (): never => { throw thrown[count++]; }; // prettier-ignore
    const { functions } = await shopOf(failing(fail), { onHandlerError: (error) => reported.push(error) });

    const statuses: unknown[] = [];
    while (count < thrown.length)
      statuses.push(
        grpcStatusOf(await functions.get(Context.background, { text: '' }).catch((error: unknown) => error)),
      );

    expect(statuses).toEqual(['INTERNAL', 'UNAVAILABLE', 'UNKNOWN', 'UNKNOWN', 'UNKNOWN']);
    expect(reported.map((error) => thrown.indexOf(error as Error))).toEqual([0, 3, 4]);
  });

  it('is not reported for what the end of its context makes it throw', async () => {
    const reported: unknown[] = [];
    let ended = 0;
    const { functions, shop } = await shopOf(
      (serving) => ({
        get: serving.handleUnary<Note, Note>(async (context, request) => {
          await new Promise((_resolve, reject) => {
            context.signal.addEventListener('abort', () => {
              ended += 1;
              reject(request.text === 'bug' ? new Error('bug') : new DOMException('aborted', 'AbortError'));
            });
          });
          return request;
        }),
      }),
      { onHandlerError: (error) => reported.push(error) },
    );
    for (const text of ['platform', 'bug']) {
      const context = Context.background.withCancel();
      const calling = functions.get(context, { text }).catch(() => {});
      await until(() => shop.serving.snapshot().open === 1);
      context.cancel();
      await calling;
      await until(() => shop.serving.snapshot().open === 0);
    }
    await until(() => ended === 2 && reported.length > 0);

    expect(reported).toMatchObject([{ message: 'bug' }]);
  });

  it('tells headers and trailers to whoever asks', async () => {
    const { functions } = await shopOf(() => ({
      get: (
        call: { sendMetadata(metadata: Metadata): void },
        callback: (error: null, value: Note, trailers: Metadata) => void,
      ) => {
        const [headers, trailers] = [new Metadata(), new Metadata()];
        headers.set('x-head', '1');
        trailers.set('x-tail', '2');
        call.sendMetadata(headers);
        callback(null, { text: '' }, trailers);
      },
    }));
    const seen: unknown[] = [];

    await functions.get(
      Context.background,
      { text: '' },
      {
        onMetadata: (metadata) => seen.push(metadata.get('x-head')),
        onTrailers: (metadata) => seen.push(metadata.get('x-tail')),
      },
    );
    await until(() => seen.length === 2);

    expect(seen).toEqual([['1'], ['2']]);
  });

  it('finds its context behind other interceptors, also where they replace the metadata', async () => {
    const replacing: ServerInterceptor = (_method, next) =>
      new ServerInterceptingCall(next, {
        start: (proceed) => proceed({ onReceiveMetadata: (metadata, pass) => pass(metadata.clone()) }),
      });
    const { functions } = await shopOf(
      (serving) => ({
        get: serving.handleUnary<Note, Note>((context) => ({ text: '', count: context.remainingMs() })),
      }),
      {},
      { interceptors: [replacing] },
    );

    expect((await functions.get(Context.background.withTimeout(5000), { text: '' })).count).toBeLessThanOrEqual(5000);
  });

  it('without the interceptor says what is missing', async () => {
    const other = createGrpcServing({ onHandlerError: () => {} });
    expect(() => contextOf({ metadata: new Metadata() })).toThrow('serving.interceptor');
    expect(() => contextOf(undefined as never)).toThrow(TypeError);
    const calls: unknown[] = [];
    other.handleUnary<Note, Note>((_context, request) => request)(
      { metadata: new Metadata(), getPath: () => '/x' } as never,
      (...args) => calls.push(args),
    );
    await until(() => calls.length === 1);
    expect(calls).toMatchObject([[{ code: 2 }]]);
  });

  it.each(['handleUnary', 'handleServerStream', 'handleClientStream', 'handleBidi'] as const)(
    'must be a function: %s',
    (make) => {
      expect(() => createGrpcServing()[make](undefined as never)).toThrow(TypeError);
    },
  );

  it.each<[option: string, options: object]>([
    ['defaultTimeoutMs', { defaultTimeoutMs: 0 }],
    ['defaultTimeoutMs', { defaultTimeoutMs: 20, maxTimeoutMs: 10 }],
    ['maxTimeoutMs', { maxTimeoutMs: NaN }],
    ['codec', { codec: {} }],
    ['accept', { accept: ['grpc-timeout'] }],
    ['policy', { policy: {} }],
    ['errors', { errors: {} }],
    ['onHandlerError', { onHandlerError: 1 }],
    ['"maxTimeout"', { maxTimeout: 1 }],
  ])('is served with valid options only: %s', (option, options) => {
    expect(() => createGrpcServing(options)).toThrow(option);
  });
});
