/** The interceptor for code that calls the client itself, and what createGrpcClient refuses. */

import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { ambient, requestId } from '@holdfast/context';
import { CancelledError, Context, onHookError } from '@holdfast/core';
import { clientInterceptor, type ClientInterceptorOptions, createGrpcClient, withCallContext } from '@holdfast/grpc';
import { afterEach, describe, expect, it } from 'vitest';

import { all, type Note, openClient, startShop, until } from './shop.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  onHookError(undefined);
  for (const each of open.splice(0)) each.close();
});

async function setUp(options: ClientInterceptorOptions = {}) {
  const shop = await startShop((serving) => ({
    get: serving.handleUnary<Note, Note>(async (context, request) => {
      if (request.text === 'hang') await new Promise((resolve) => context.onCancel(resolve));
      return { text: context.value(requestId) ?? 'none', count: context.remainingMs() };
    }),
    list: serving.handleServerStream<Note, Note>(async function* (context) {
      yield { text: 'first' };
      await new Promise((resolve) => context.onCancel(resolve));
    }),
  }));
  const client = openClient(shop.port, { interceptors: [clientInterceptor(options)] });
  open.push(client, { close: () => shop.stop() });
  const call = (request: Note, callOptions: object = {}): Promise<Note> =>
    new Promise((resolve, reject) => {
      (client.get as (...args: unknown[]) => unknown)(request, callOptions, (error: ServiceError | null, note: Note) => error === null ? resolve(note) : reject(error)); // prettier-ignore
    });
  return { shop, client, call };
}

describe('the client interceptor', () => {
  it('has a call end with the context of its options, and carries its values', async () => {
    const { call, shop } = await setUp();
    const context = Context.background.withValue(requestId, 'r-7').withTimeout(5000);

    const note = await call({ text: '' }, withCallContext(context));
    expect(note.text).toBe('r-7');
    expect(note.count).toBeLessThanOrEqual(5000);

    const cancelled = Context.background.withCancel();
    const calling = call({ text: 'hang' }, withCallContext(cancelled));
    await until(() => shop.serving.snapshot().open === 1);
    cancelled.cancel(new CancelledError('left'));
    await expect(calling).rejects.toMatchObject({ code: 1 });
    await expect(call({ text: 'hang' }, withCallContext(Context.background.withTimeout(50)))).rejects.toMatchObject({ code: 4 }); // prettier-ignore
    await until(() => shop.serving.snapshot().open === 0);
  });

  it('starts no call under a context that has ended, also a stream', async () => {
    const { call, client, shop } = await setUp();
    const ended = withCallContext(Context.background.withTimeout(0));

    await expect(call({ text: '' }, ended)).rejects.toMatchObject({ code: 4 });
    await expect(call({ text: '' }, withCallContext(Context.from(AbortSignal.abort())))).rejects.toMatchObject({ code: 1 }); // prettier-ignore
    const stream = (client.list as (...args: unknown[]) => AsyncIterable<Note>)({ text: '' }, ended);
    await expect(all(stream)).rejects.toMatchObject({ code: 4 });

    expect(shop.serving.snapshot()).toMatchObject({ admitted: 0, refused: { expired: 0 } });
  });

  it('takes the ambient context, if it is told to', async () => {
    const { call } = await setUp({ context: () => ambient.current() });
    const context = Context.background.withValue(requestId, 'ambient').withTimeout(5000);

    expect((await ambient.run(context, () => call({ text: '' }))).text).toBe('ambient');
    expect((await call({ text: '' })).text).toBe('none');
  });

  it('lets calls without a context pass, and those whose hook throws', async () => {
    const hooks: string[] = [];
    onHookError(({ hook }) => hooks.push(hook));
    const plain = await setUp();
    expect((await plain.call({ text: '' })).text).toBe('none');
    const throwing = await setUp({ context: () => { throw new Error('mine'); } }); // prettier-ignore
    expect((await throwing.call({ text: '' })).text).toBe('none');
    const wrong = await setUp({ context: () => ({}) as never });
    expect((await wrong.call({ text: '' })).text).toBe('none');

    expect(hooks).toEqual(['context', 'context']);
  });

  it('ends a stream with its context', async () => {
    const { client, shop } = await setUp();
    const context = Context.background.withCancel();
    const stream = (client.list as (...args: unknown[]) => AsyncIterable<Note>)({ text: '' }, withCallContext(context));
    await expect(
      (async () => {
        for await (const each of stream) {
          expect(each.text).toBe('first');
          context.cancel();
        }
      })(),
    ).rejects.toMatchObject({ code: 1 });
    await until(() => shop.serving.snapshot().open === 0);
  });

  it('refuses options that are not valid', () => {
    expect(() => clientInterceptor({ context: 1 as never })).toThrow('clientInterceptor.context');
    expect(() => clientInterceptor({ contexts: 1 } as never)).toThrow('no option');
    expect(() => withCallContext(new AbortController().signal as never)).toThrow('Context.from(signal)');
  });
});

describe('createGrpcClient', () => {
  it('refuses what it cannot wrap', () => {
    const bare = new Client('127.0.0.1:1', credentials.createInsecure());
    open.push(bare);

    expect(() => createGrpcClient(bare)).toThrow('grpcClient.client must be a client of grpc-js with methods');
    for (const client of [undefined, null, 7, {}])
      expect(() => createGrpcClient(client as never)).toThrow('grpcClient');
    const client = openClient(1);
    open.push(client);
    expect(() => createGrpcClient(client, { policy: {} as never })).toThrow('grpcClient.policy');
    expect(() => createGrpcClient(client, { policies: [] } as never)).toThrow('no option');
  });

  it('refuses calls without a context, and parent calls', async () => {
    const client = openClient(1);
    open.push(client);
    const functions = createGrpcClient(client);

    await expect(functions.get({ text: '' } as never, { text: '' })).rejects.toThrow('get needs a Context');
    expect(() => functions.list(undefined as never, { text: '' })).toThrow('list needs a Context');
    await expect(functions.upload(Context.background, 7 as never)).rejects.toThrow('iterable');
    await expect(functions.get(Context.background, { text: '' }, { options: { parent: {} } as never })).rejects.toThrow('parent'); // prettier-ignore
  });

  it('fails calls of a client that was closed, or whose server is not there', async () => {
    const client = openClient(1);
    const functions = createGrpcClient(client);

    await expect(functions.get(Context.background.withTimeout(10_000), { text: '' })).rejects.toMatchObject({ status: 'UNAVAILABLE' }); // prettier-ignore
    client.close();
    await expect(functions.get(Context.background, { text: '' })).rejects.toThrow(/shut ?down|closed/i);
    await expect(functions.list(Context.background, { text: '' }).next()).rejects.toThrow(/shut ?down|closed/i);
  });
});
