/** Cancellation in both directions, for every kind of call, and what is left behind: nothing. */

import { getEventListeners } from 'node:events';

import { InterceptingCall, type Interceptor } from '@grpc/grpc-js';
import { CancelledError, Context, isCancelled } from '@holdfast/core';
import { contextOf, createGrpcClient, type GrpcServing, grpcStatusOf } from '@holdfast/grpc';
import { afterEach, describe, expect, it } from 'vitest';

import { type Note, openClient, type ShopClient, type ShopServer, startShop, until } from './shop.ts';

let shop: ShopServer;
let client: ShopClient;
afterEach(() => {
  client.close();
  shop.stop();
});

/** What hanging handlers saw. */
interface Seen {
  begun: number;
  ended: number;
  readonly causes: unknown[];
}

/** Handlers that answer nothing until their context ends. */
function hanging(serving: GrpcServing, seen: Seen): Parameters<ShopServer['server']['addService']>[1] {
  const hang = async (context: Context): Promise<never> => {
    seen.begun += 1;
    try {
      await new Promise((_resolve, reject) => context.onCancel(reject));
    } catch (cause) {
      seen.causes.push(cause);
    }
    seen.ended += 1;
    throw new Error('unreachable by the client');
  };
  return {
    get: serving.handleUnary<Note, Note>(hang),
    list: serving.handleServerStream<Note, Note>(async function* (context) {
      yield { text: 'first' };
      await hang(context);
    }),
    upload: serving.handleClientStream<Note, Note>(async (_context, requests) => {
      seen.begun += 1;
      try {
        for await (const each of requests) void each;
      } catch (cause) {
        seen.causes.push(cause);
      }
      seen.ended += 1;
      return { text: '' };
    }),
    chat: serving.handleBidi<Note, Note>(async function* (_context, requests) {
      seen.begun += 1;
      try {
        for await (const each of requests) yield each;
      } catch (cause) {
        seen.causes.push(cause);
        throw cause;
      } finally {
        seen.ended += 1;
      }
    }),
  };
}

/** A source that gives one message, and then waits until it is left. */
function endlessSource(): { source: AsyncIterable<Note>; isLeft: () => boolean } {
  let isLeft = false;
  let leave: (() => void) | undefined;
  let given = 0;
  const iterator: AsyncIterator<Note> = {
    next: () =>
      given++ === 0
        ? Promise.resolve({ done: false, value: { text: 'one' } })
        : new Promise((resolve) => (leave = () => resolve({ done: true, value: undefined }))),
    return: () => {
      isLeft = true;
      leave?.();
      return Promise.resolve({ done: true, value: undefined });
    },
  };
  return { source: { [Symbol.asyncIterator]: () => iterator }, isLeft: () => isLeft };
}

let openAtClient = 0;
const countOpen: Interceptor = (options, nextCall) =>
  new InterceptingCall(nextCall(options), {
    start(metadata, _listener, next) {
      openAtClient += 1;
      next(metadata, {
        onReceiveStatus(status, pass) {
          openAtClient -= 1;
          pass(status);
        },
      });
    },
  });

async function startHanging(): Promise<Seen> {
  const seen: Seen = { begun: 0, ended: 0, causes: [] };
  shop = await startShop((serving) => hanging(serving, seen), { onHandlerError: () => {} });
  openAtClient = 0;
  client = openClient(shop.port, { interceptors: [countOpen] });
  return seen;
}

type Functions = ReturnType<typeof createGrpcClient<ShopClient>>;
const kinds: readonly (readonly [
  kind: string,
  call: (functions: Functions, context: Context, source: AsyncIterable<Note>) => Promise<unknown>,
])[] = [
  ['unary', (functions, context) => functions.get(context, { text: 'x' })],
  ['server stream', async (functions, context) => { for await (const each of functions.list(context, { text: 'x' })) void each; }], // prettier-ignore
  ['client stream', (functions, context, source) => functions.upload(context, source)],
  ['bidi', async (functions, context, source) => { for await (const each of functions.chat(context, source)) void each; }], // prettier-ignore
];

describe.each(kinds)('a %s call', (kind, call) => {
  it('ends at both sides with the context of its caller', async () => {
    const seen = await startHanging();
    const cause = new CancelledError('the user has left');
    const context = Context.background.withCancel();
    const { source, isLeft } = endlessSource();

    const calling = call(createGrpcClient(client), context, source);
    await until(() => seen.begun === 1);
    context.cancel(cause);

    await expect(calling).rejects.toBe(cause);
    await until(() => seen.ended === 1 && shop.serving.snapshot().open === 0 && openAtClient === 0);
    expect(seen.causes).toHaveLength(1);
    expect(isCancelled(seen.causes[0])).toBe(true);
    expect(shop.serving.snapshot()).toMatchObject({ admitted: 1, answered: 0, cancelled: 1 });
    if (kind === 'client stream' || kind === 'bidi') await until(isLeft);
  });

  it('ends at both sides with the deadline', async () => {
    const seen = await startHanging();
    const cause = new Error('the budget is spent');
    const context = Context.background.withTimeout(80, cause);

    await expect(call(createGrpcClient(client), context, endlessSource().source)).rejects.toBe(cause);

    await until(() => seen.ended === seen.begun && shop.serving.snapshot().open === 0 && openAtClient === 0);
    // a cancel of the client may overtake the deadline at the server
    for (const seenCause of seen.causes) expect(['TimeoutError', 'AbortError']).toContain((seenCause as Error).name);
  });

  it('ends at the client when the server is killed', async () => {
    const seen = await startHanging();
    const calling = call(createGrpcClient(client), Context.background.withTimeout(20_000), endlessSource().source);
    const told = calling.catch((error: unknown) => error);
    await until(() => seen.begun === 1);
    shop.stop();

    expect(['UNAVAILABLE', 'CANCELLED', 'INTERNAL', 'UNKNOWN']).toContain(grpcStatusOf(await told));
    await until(() => seen.ended === 1 && openAtClient === 0);
    expect(isCancelled(seen.causes[0])).toBe(true);
  });
});

describe('a stream', () => {
  it('of requests that is cut off never looks complete to its handler', async () => {
    let complete = 0;
    const causes: unknown[] = [];
    shop = await startShop((serving) => ({
      upload: serving.handleClientStream<Note, Note>(async (_context, requests) => {
        try {
          for await (const each of requests) void each;
          complete += 1;
        } catch (cause) {
          causes.push(cause);
          throw cause;
        }
        return { text: '' };
      }),
    }));
    client = openClient(shop.port);
    const functions = createGrpcClient(client);

    const contexts = Array.from({ length: 60 }, () => Context.background.withCancel());
    const calls = contexts.map((context) => functions.upload(context, endlessSource().source).catch(() => {}));
    await until(() => shop.serving.snapshot().open === contexts.length);
    for (const context of contexts) {
      context.cancel();
      if (Math.random() < 0.5) await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(calls);
    await until(() => shop.serving.snapshot().open === 0 && causes.length + complete === contexts.length);

    expect(complete).toBe(0);
    expect(causes).toHaveLength(60);
    expect(causes.every(isCancelled)).toBe(true);
  });

  it('is cancelled when its reader leaves it', async () => {
    const seen = await startHanging();
    for await (const each of createGrpcClient(client).list(Context.background, { text: 'x' })) {
      expect(each.text).toBe('first');
      break;
    }
    await until(() => seen.ended === 1 && shop.serving.snapshot().open === 0);
    expect(isCancelled(seen.causes[0])).toBe(true);
  });

  it('is cancelled when its reader leaves it in the midst of a wait, as a pipeline does', async () => {
    const seen = await startHanging();
    const responses = createGrpcClient(client).list(Context.background, { text: '' });
    expect((await responses.next()).value).toMatchObject({ text: 'first' });

    const waiting = responses.next();
    const left = responses.return?.();

    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await left).toMatchObject({ done: true });
    expect(await responses.next()).toMatchObject({ done: true });
    await until(() => seen.ended === 1);
    expect(seen.causes[0]).toSatisfy(isCancelled);
  });

  it('stops a handler that writes without end to a client that has gone', async () => {
    let isLeft = false;
    shop = await startShop((serving) => ({
      list: serving.handleServerStream<Note, Note>(async function* () {
        try {
          for (let count = 0; ; count++) yield { text: 'x'.repeat(10_000), count };
        } finally {
          isLeft = true;
        }
      }),
    }));
    client = openClient(shop.port);
    let taken = 0;
    for await (const each of createGrpcClient(client).list(Context.background, { text: '' })) if (each.count === 20 && ++taken > 0) break; // prettier-ignore

    await until(() => isLeft && shop.serving.snapshot().open === 0);
    expect(taken).toBe(1);
  });

  it('gives the error of the source of requests by identity, and ends the call', async () => {
    const seen = await startHanging();
    const mine = new Error('mine');
    async function* broken(): AsyncGenerator<Note> {
      yield { text: 'one' };
      throw mine;
    }
    const functions = createGrpcClient(client);

    await expect(functions.upload(Context.background, broken())).rejects.toBe(mine);
    await expect(kinds[3]?.[1](functions, Context.background, broken())).rejects.toBe(mine);
    await until(() => seen.ended === seen.begun && shop.serving.snapshot().open === 0);
  });
});

describe('an end with OK', () => {
  it('cancels nothing', async () => {
    const contexts: Context[] = [];
    let cancelledEvents = 0;
    shop = await startShop(() => ({
      get: (
        call: Parameters<typeof contextOf>[0] & NodeJS.EventEmitter & { request: Note },
        callback: (error: null, value: Note) => void,
      ) => {
        contexts.push(contextOf(call));
        call.on('cancelled', () => (cancelledEvents += 1));
        callback(null, call.request);
      },
    }));
    client = openClient(shop.port);
    const functions = createGrpcClient(client);
    const context = Context.background.withCancel();

    for (let count = 0; count < 20; count++) await functions.get(context, { text: 'x' });
    await until(() => cancelledEvents === 20); // grpc-js says so after every end

    expect(contexts.filter(({ cancelled }) => cancelled)).toEqual([]);
    expect(context.cancelled).toBe(false);
    expect(shop.serving.snapshot()).toMatchObject({ open: 0, admitted: 20, answered: 20, cancelled: 0 });
  });
});

describe('2,000 calls', () => {
  it('leave no listener, no timer and no open call', async () => {
    shop = await startShop((serving) => ({
      get: serving.handleUnary<Note, Note>((context, request) => {
        context.onCancel(() => {})(); // as a handler that watches, and is done
        return request;
      }),
    }));
    client = openClient(shop.port);
    const functions = createGrpcClient(client);
    const warnings: Error[] = [];
    const onWarning = (warning: Error): number => warnings.push(warning);
    process.on('warning', onWarning);
    const abort = new AbortController();
    const root = Context.from(abort.signal).withTimeout(600_000);
    await functions.get(root, { text: 'x' });
    const timersBefore = timerCount();

    for (let batch = 0; batch < 40; batch++)
      await Promise.all(Array.from({ length: 50 }, () => functions.get(root, { text: 'x' })));
    await until(() => shop.serving.snapshot().open === 0);
    await new Promise((resolve) => setImmediate(resolve));

    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
    expect(timerCount()).toBeLessThanOrEqual(timersBefore + 2);
    expect(shop.serving.snapshot()).toMatchObject({ admitted: 2001, answered: 2001, cancelled: 0 });
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });
});

function timerCount(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
}
