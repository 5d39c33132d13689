/** Stopping a server: what has come is answered, what comes is refused, and it ends in time. */

import { type AddressInfo, connect, createServer } from 'node:net';

import { Server, ServerCredentials } from '@grpc/grpc-js';
import { Context, DrainIncompleteError, retry } from '@holdfast/core';
import { createGrpcClient, createGrpcServing, isRetryableGrpc } from '@holdfast/grpc';
import { createLifecycle } from '@holdfast/service';
import { afterEach, describe, expect, it } from 'vitest';

import { certificate, privateKey } from '../postgres-lab/self-signed.ts';
import { all, type Note, openClient, shopService, until } from './shop.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Listens as a balancer does that hands each connection to whoever is ready when it comes, and leaves it there. Returns its port. */
async function balance(portNow: () => number): Promise<number> {
  const balancer = createServer((client) => {
    const upstream = connect(portNow(), '127.0.0.1');
    client.pipe(upstream).pipe(client);
    for (const each of [client, upstream]) each.on('error', () => {});
  });
  await new Promise<void>((resolve) => balancer.listen(0, '127.0.0.1', resolve));
  open.push(balancer);
  return (balancer.address() as AddressInfo).port;
}

async function* slowly(texts: readonly string[]): AsyncGenerator<Note> {
  for (const text of texts) {
    yield { text };
    await pause(5);
  }
}

/** A server as a component; its unary calls take `request.count` milliseconds, its streams last until they are cancelled. */
function component(options: { graceMs?: number; address?: string; credentials?: ServerCredentials } = {}) {
  const serving = createGrpcServing({ onHandlerError: () => {} });
  const server = new Server({ interceptors: [serving.interceptor] });
  server.addService(shopService, {
    get: serving.handleUnary<Note, Note>(async (_context, request) => (await pause(request.count ?? 0), request)),
    list: serving.handleServerStream<Note, Note>(async function* (context) {
      yield { text: 'first' };
      await new Promise((resolve) => context.onCancel(resolve));
      yield { text: 'last' };
    }),
    upload: serving.handleClientStream<Note, Note>(() => new Promise<Note>(() => {})),
    chat: serving.handleBidi<Note, Note>((_context, requests) => requests),
  });
  const made = serving.component(server, {
    address: '127.0.0.1:0',
    credentials: ServerCredentials.createInsecure(),
    ...options,
  });
  open.push({ close: () => made.close() });
  return { serving, server, made };
}
function clientOf(target: string | number, policy?: Parameters<typeof createGrpcClient>[1]) {
  const client = openClient(target);
  open.push(client);
  return createGrpcClient(client, policy);
}

describe('a stop of a service', () => {
  it('fails no call of clients that retry nothing, streams included, and has kept connections move on before it drains', async () => {
    const [one, two] = [component(), component()];
    const haveMoved = (): boolean => two.serving.snapshot().admitted > 20;
    const lifecycle = createLifecycle({ signals: [], stopTimeoutMs: 60_000, notReadyForMs: 100 });
    lifecycle.add(one.made).add({ name: 'gate', drain: () => until(haveMoved) }); // drained before what it may use
    await lifecycle.start();
    await two.made.start();
    let ready = one;
    const functions = clientOf(await balance(() => ready.made.port));
    await functions.get(Context.background, { text: 'warm' });
    expect(two.serving.snapshot().admitted).toBe(0);
    const load = { isOver: false };
    const failures: unknown[] = [];
    const again = async (call: (context: Context) => Promise<unknown>): Promise<void> => {
      while (!load.isOver)
        await call(Context.background.withTimeout(20_000)).catch((error: unknown) => failures.push(error));
    };
    const texts = ['a', 'b', 'c'];
    const callers = Array.from({ length: 10 }, () => [
      again((context) => functions.get(context, { text: 'x', count: 10 })),
      again(async (context) => {
        const chat = all(functions.chat(context, slowly(texts)));
        expect((await chat).map(({ text }) => text)).toEqual(texts);
      }),
    ]).flat();
    await pause(200);
    ready = two;
    const report = await lifecycle.stop();
    await pause(100);
    load.isOver = true;
    await Promise.all(callers);

    expect(failures).toEqual([]);
    expect(report).toMatchObject({ isComplete: true, exitCode: 0 });
    expect(one.serving.snapshot()).toMatchObject({ open: 0, cancelled: 0 });
  });

  it('goes on serving clients that know no other server, until it drains', async () => {
    const { made, serving } = component();
    await made.start();
    const functions = clientOf(made.port);
    const stream = functions.list(Context.background, { text: '' });
    await stream.next();
    made.quiesce();
    made.quiesce();
    const since = Date.now();
    let answered = 0;
    const failures: unknown[] = [];
    const callers = Array.from({ length: 10 }, async () => {
      while (Date.now() - since < 1500)
        // those that have come back are sent away again meanwhile
        await functions.get(Context.background.withTimeout(20_000), { text: 'x', count: 2 }).then(
          () => (answered += 1),
          (error: unknown) => failures.push(error),
        );
    });
    await Promise.all(callers);

    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(50);
    expect(serving.snapshot().open).toBe(1); // the stream has outlived its connection's end
    const left = stream.next().catch((error: unknown) => error);
    const report = await made.drain(Context.background.withTimeout(6000));
    expect(report).toMatchObject({ isComplete: true, finished: [{ name: '/shop.Shop/list', count: 1 }] });
    expect(await left).toMatchObject({ status: 'CANCELLED' });
  });

  it('does without a word to clients where grpc-js has none, or nothing is bound', async () => {
    const { made, server } = component();
    made.quiesce();
    await made.start();
    Object.defineProperty(server, 'drain', { value: undefined });
    made.quiesce();
    const functions = clientOf(made.port);

    expect(await functions.get(Context.background, { text: 'x' })).toMatchObject({ text: 'x' });
    expect(await made.drain(Context.background.withTimeout(5000))).toMatchObject({ isComplete: true });
  });
});

describe('a drain', () => {
  it('under load fails no call: what has come is answered, and the rest goes to the other server', async () => {
    const [one, two] = [component(), component()];
    await one.made.start();
    await two.made.start();
    const functions = clientOf(`ipv4:127.0.0.1:${one.made.port},127.0.0.1:${two.made.port}`, {
      policy: retry({ isRetryable: isRetryableGrpc, maxAttempts: 5, baseDelayMs: 5, maxRetryRatio: Infinity }),
    });
    await functions.get(Context.background, { text: 'warm' });
    expect(one.serving.snapshot().admitted).toBe(1);

    const load = { isOver: false };
    let answered = 0;
    const failures: unknown[] = [];
    const callers = Array.from({ length: 20 }, async () => {
      while (!load.isOver)
        await functions.get(Context.background.withTimeout(20_000), { text: 'x', count: 10 }).then(
          () => (answered += 1),
          (error: unknown) => failures.push(error),
        );
    });
    await pause(150);
    const report = await one.made.drain(Context.background.withTimeout(10_000));
    await pause(150);
    load.isOver = true;
    await Promise.all(callers);

    expect(failures).toEqual([]);
    expect(report).toMatchObject({ isComplete: true, abandoned: [], error: undefined });
    expect(report.finished.every(({ failedCount }) => failedCount === 0)).toBe(true);
    expect(one.serving.snapshot().open).toBe(0);
    expect(two.serving.snapshot().admitted).toBeGreaterThan(0);
    expect(answered).toBeGreaterThan(20);
  });

  it('answers what has come, also when it takes its time', async () => {
    const { made, serving } = component();
    await made.start();
    const functions = clientOf(made.port);
    expect(made.isIdle()).toBe(true);
    const calling = functions.get(Context.background, { text: 'slow', count: 300 });
    await until(() => serving.snapshot().open === 1);
    expect(made.isIdle()).toBe(false);

    const report = await made.drain(Context.background.withTimeout(20_000));

    expect(await calling).toEqual({ text: 'slow', count: 300 });
    expect(report).toMatchObject({
      isComplete: true,
      finished: [{ name: '/shop.Shop/get', count: 1, failedCount: 0 }],
    });
    expect(report.durationMs).toBeGreaterThan(0);
  });

  it('refuses what comes while it drains, before the handler runs', async () => {
    const { made, serving } = component();
    await made.start();
    const functions = clientOf(made.port);
    const stream = functions.list(Context.background, { text: '' });
    await stream.next();

    const draining = made.drain(Context.background.withTimeout(400));
    await expect(functions.get(Context.background.withTimeout(20_000), { text: '' })).rejects.toMatchObject({
      status: 'UNAVAILABLE',
    });
    await draining;

    expect(serving.snapshot().admitted).toBe(1);
  });

  it('cancels what still runs before its end, so that it can tidy up', async () => {
    const { made, serving } = component({ graceMs: 60_000 });
    await made.start();
    const functions = clientOf(made.port);
    const stream = functions.list(Context.background, { text: '' });
    await stream.next();

    const report = await made.drain(Context.background.withTimeout(6000)); // a fifth of it is grace

    expect(report).toMatchObject({ isComplete: true, abandoned: [] });
    expect(report.durationMs).toBeLessThan(6000);
    await expect(stream.next()).rejects.toMatchObject({ status: 'CANCELLED' });
    expect(serving.snapshot().open).toBe(0);
  });

  it('ends with its context, whatever handlers do, and says whom it has cut off', async () => {
    const { made, serving } = component({ graceMs: 10 });
    await made.start();
    const functions = clientOf(made.port);
    const calling = functions.upload(Context.background, []).catch((error: unknown) => error);
    await until(() => serving.snapshot().open === 1);

    const context = Context.background.withTimeout(200);
    const report = await made.drain(context);

    expect(report.isComplete).toBe(false);
    expect(report.abandoned).toMatchObject([{ name: '/shop.Shop/upload', place: undefined }]);
    expect(report.error).toBeInstanceOf(DrainIncompleteError);
    expect(report.error?.cause).toBe(context.cause);
    expect(report.durationMs).toBeLessThan(20_000);
    expect(await calling).toBeInstanceOf(Error);
    await until(() => serving.snapshot().open === 0);
    expect(await made.drain(Context.background)).toBe(report);
  });

  it('that was begun ends with the first of the contexts that it was given', async () => {
    const { made, serving } = component({ graceMs: 10 });
    await made.start();
    const calling = clientOf(made.port)
      .upload(Context.background, [])
      .catch((error: unknown) => error);
    await until(() => serving.snapshot().open === 1);
    const hurry = Context.background.withCancel();

    const patient = made.drain(Context.background);
    const hurried = made.drain(hurry);
    hurry.cancel('second signal');

    expect((await hurried).error?.cause).toBe('second signal');
    expect(await patient).toBe(await hurried);
    expect(await calling).toBeInstanceOf(Error);
  });

  it('does not wait for connections that never say a word', async () => {
    const pair = { private_key: Buffer.from(privateKey), cert_chain: Buffer.from(certificate) };
    const { made } = component({ credentials: ServerCredentials.createSsl(null, [pair]) });
    await made.start();
    const silent = connect(made.port, '127.0.0.1');
    open.push({ close: () => silent.destroy() });
    await new Promise((resolve) => silent.on('connect', resolve));
    await pause(50); // until it has been taken

    const since = Date.now();
    const report = await made.drain(Context.background.withTimeout(60_000));

    expect(report.isComplete).toBe(true);
    expect(Date.now() - since).toBeLessThan(30_000);
  });

  it('with a context that has ended, or without a start, ends at once', async () => {
    const { made } = component();
    await made.start();
    expect(await made.drain(Context.background.withTimeout(0))).toMatchObject({ isComplete: true });
    made.close();
    made.close();

    const unstarted = component();
    expect(await unstarted.made.drain(Context.background.withTimeout(1000))).toMatchObject({ isComplete: true });
  });
});

describe('a component', () => {
  it('is one of a lifecycle, which starts and stops it, and counts its report', async () => {
    const { made, serving } = component();
    const lifecycle = createLifecycle({ signals: [], stopTimeoutMs: 10_000, notReadyForMs: 0 });
    lifecycle.add(made);
    await lifecycle.start();
    const functions = clientOf(made.port);
    const calling = functions.get(Context.background, { text: 'x', count: 100 });
    await until(() => serving.snapshot().open === 1);

    const report = await lifecycle.stop();

    expect(await calling).toEqual({ text: 'x', count: 100 });
    expect(report.isComplete).toBe(true);
    expect(report.steps.find(({ kind }) => kind === 'drain')?.drained).toMatchObject({ isComplete: true });
  });

  it('is started once: a second start would listen at another port, which nobody is told of', async () => {
    const { made } = component();
    const both = await Promise.allSettled([made.start(), made.start()]);

    expect(both).toMatchObject([{ status: 'fulfilled' }, { status: 'rejected', reason: { code: 'INVALID_CONFIG' } }]);
    await expect(made.start()).rejects.toThrow('grpc.start must be called once');
    const late = component();
    await late.made.drain(Context.background.withTimeout(1000));
    await expect(late.made.start()).rejects.toThrow('grpc.start must be called before its drain');
  });

  it('tells when its address is in use', async () => {
    const first = component();
    await first.made.start();
    const second = component({ address: `127.0.0.1:${first.made.port}` });

    await expect(second.made.start()).rejects.toThrow(/EADDRINUSE|No address added/);
  });

  it('refuses options that are not valid', () => {
    const serving = createGrpcServing();
    const credentials = ServerCredentials.createInsecure();
    const server = new Server();

    expect(() => serving.component({} as never, { address: 'x', credentials })).toThrow('a Server of grpc-js');
    expect(() => serving.component(server, { address: '', credentials })).toThrow('grpcComponent.address');
    expect(() => serving.component(server, { address: 'x', credentials, graceMs: -1 })).toThrow(
      'grpcComponent.graceMs',
    );
    expect(() => serving.component(server, { address: 'x', credentials: undefined as never })).toThrow('credentials');
    expect(() => serving.component(server, { address: 'x', credentials, port: 1 } as never)).toThrow(
      'no option "port"',
    );
    server.forceShutdown();
  });
});
