/** Deadlines over hops: inherited, capped, never prolonged, and never killed by being long. */

import { connect } from 'node:http2';

import { Metadata } from '@grpc/grpc-js';
import { Context, DeadlineExceededError, isTimeout } from '@holdfast/core';
import { clientInterceptor, contextOf, createGrpcClient, grpcStatusOf, withCallContext } from '@holdfast/grpc';
import { afterEach, describe, expect, it } from 'vitest';

import { type Note, openClient, type ShopClient, type ShopServer, startShop, until } from './shop.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});
async function shop(...args: Parameters<typeof startShop>): Promise<ShopServer> {
  const started = await startShop(...args);
  open.push({ close: () => started.stop() });
  return started;
}
function clientOf(...args: Parameters<typeof openClient>): ShopClient {
  const client = openClient(...args);
  open.push(client);
  return client;
}

/** A shop that tells the time that its handler has. */
function clockShop(options: Parameters<typeof startShop>[1] = {}): Promise<ShopServer> {
  return shop(
    (serving) => ({
      get: serving.handleUnary<Note, Note>((context) => ({ text: 'left', count: context.remainingMs() })),
      list: serving.handleServerStream<Note, Note>((context) => [{ text: 'left', count: context.remainingMs() }]),
      upload: serving.handleClientStream<Note, Note>(() => ({ text: '' })),
      chat: serving.handleBidi<Note, Note>(() => []),
    }),
    options,
  );
}

describe('a deadline', () => {
  it('is at no server later than at its caller, over three hops', async () => {
    const leftMs: number[] = [];
    const deadlines: number[] = [];
    const told = (context: Context): void => {
      leftMs.push(context.remainingMs());
      deadlines.push(context.deadline);
    };
    const last = await shop((serving) => ({
      get: serving.handleUnary<Note, Note>((context, request) => (told(context), request)),
    }));
    let target = last.port;
    for (let hop = 0; hop < 2; hop++) {
      const next = createGrpcClient(clientOf(target));
      const server = await shop((serving) => ({
        get: serving.handleUnary<Note, Note>((context, request) => {
          told(context);
          return next.get(context, request);
        }),
      }));
      target = server.port;
    }
    const first = createGrpcClient(clientOf(target));

    await first.get(Context.background, { text: 'connects' });
    for (const timeoutMs of [2800, 3500.7, 30_000]) {
      leftMs.length = 0;
      deadlines.length = 0;
      const context = Context.background.withTimeout(timeoutMs);
      const begunAt = performance.now();
      told(context);
      await first.get(context, { text: 'x' });
      const tookMs = performance.now() - begunAt;

      expect(leftMs).toHaveLength(4);
      expect(leftMs).toEqual(leftMs.toSorted((one, other) => other - one));
      for (const [hop, deadline] of deadlines.entries()) {
        expect(deadline).toBeGreaterThan((deadlines[0] as number) - 10 * hop - tookMs);
        expect(deadline).toBeLessThan((deadlines[0] as number) + tookMs); // what was on its way is not known to it
      }
    }
  });

  it.each([30 * 86_400_000, 2_147_483_648, 1e11])('of %s ms does not end the call', async (timeoutMs) => {
    const { port } = await clockShop();
    const client = createGrpcClient(clientOf(port));

    const answer = await client.get(Context.background.withTimeout(timeoutMs), { text: 'x' });

    expect(answer.count).toBeLessThanOrEqual(30_000); // as a call without a deadline
  });

  it('of 30 days does not end the call of a client that is not ours', async () => {
    const { port } = await shop((serving) => ({
      get: serving.handleUnary<Note, Note>(async (context) => {
        await new Promise((resolve) => setTimeout(resolve, 60)); // theirs would have ended it after 3 ms
        return { text: 'done', count: context.remainingMs() };
      }),
    }));
    const client = clientOf(port);
    const inThirtyDays = Date.now() + 30 * 86_400_000;

    const answer = await new Promise<Note>((resolve, reject) => {
      (client.get as (...args: unknown[]) => unknown)({ text: 'x' }, new Metadata(), { deadline: inThirtyDays }, (error: Error | null, note: Note) => error === null ? resolve(note) : reject(error)); // prettier-ignore
    });

    expect(answer.text).toBe('done');
    expect(answer.count).toBeGreaterThan(10_000);
  });

  it('that has passed starts no call, of any kind', async () => {
    const { port, serving } = await clockShop();
    let started = 0;
    const raw = clientOf(port, {
      interceptors: [
        (options, next) => {
          started += 1;
          return next(options) as never;
        },
      ],
    });
    const client = createGrpcClient(raw);
    for (const context of [Context.background.withTimeout(0), Context.background.withTimeout(-5)]) {
      await expect(client.get(context, { text: 'x' })).rejects.toBe(context.cause);
      await expect(client.upload(context, [])).rejects.toBe(context.cause);
      await expect(client.list(context, { text: 'x' }).next()).rejects.toBe(context.cause);
      await expect(client.chat(context, []).next()).rejects.toBe(context.cause);
    }
    await expect(client.get(Context.background.withTimeout(0.5), { text: 'x' })).rejects.toSatisfy(isTimeout);

    expect(started).toBe(0);
    expect(serving.snapshot().admitted).toBe(0);
  });

  it('that has passed is refused before the handler runs', async () => {
    let ran = 0;
    const { port, serving } = await shop((own) => ({
      get: own.handleUnary<Note, Note>((_context, request) => ((ran += 1), request)),
      chat: own.handleBidi<Note, Note>(() => ((ran += 1), [])),
    }));
    for (const [path, timeout] of [
      ['get', '0m'],
      ['chat', '0S'],
      ['get', '1n'],
    ] as const)
      // prettier-ignore
      expect(await rawStatus(port, { path, timeout })).toBe('4');

    expect(ran).toBe(0);
    await until(() => serving.snapshot().open === 0);
    expect(serving.snapshot()).toMatchObject({ admitted: 0, refused: { expired: 3 } });
  });

  it.each(['abc', '-5m', '999999999S', '5', 'm', '1.5S'])(
    'that is none may end the call, and the server lives: %s',
    async (timeout) => {
      const { port } = await clockShop();

      expect(['0', '4', '13']).toContain(await rawStatus(port, { path: 'get', timeout })); // grpc-js reads what it can
      expect(await rawStatus(port, { path: 'get', timeout: '5S' })).toBe('0');
    },
  );

  it('is the default for unary calls whose client gives none, and at most the cap for all', async () => {
    const capped = createGrpcClient(clientOf((await clockShop({ defaultTimeoutMs: 4000, maxTimeoutMs: 9000 })).port));
    const leftOf = async (context: Context) => (await capped.get(context, { text: '' })).count as number;

    expect(await leftOf(Context.background)).toBeLessThanOrEqual(4000);
    expect(await leftOf(Context.background.withTimeout(60_000))).toBeLessThanOrEqual(9000);
    expect(await leftOf(Context.background.withTimeout(3000))).toBeLessThanOrEqual(3000);
    const listed = await capped.list(Context.background, { text: '' }).next();
    expect((listed.value as Note).count).toBeLessThanOrEqual(9000);
    const uncapped = createGrpcClient(clientOf((await clockShop({ defaultTimeoutMs: 400 })).port));
    const endless = await uncapped.list(Context.background, { text: '' }).next();
    expect((endless.value as Note).count).toBeNull(); // Infinity, in JSON
  });

  it('is none where the options say more than contexts take, and the server lives', async () => {
    const longest = Number.MAX_SAFE_INTEGER;
    const { port } = await clockShop({ defaultTimeoutMs: longest, maxTimeoutMs: longest });
    const client = createGrpcClient(clientOf(port));

    expect((await client.get(Context.background, { text: '' })).count).toBeNull(); // Infinity, in JSON
  });

  it('of the server ends a handler that is slower, whatever it does', async () => {
    let cause: unknown;
    const { port, serving } = await shop(
      () => ({
        get: (call: Parameters<typeof contextOf>[0]) => {
          contextOf(call).onCancel((why) => (cause = why)); // and never answers
        },
      }),
      { maxTimeoutMs: 50 },
    );
    const client = createGrpcClient(clientOf(port));

    const error: unknown = await client
      .get(Context.background.withTimeout(20_000), { text: '' })
      .catch((why: unknown) => why);

    expect(error).toBeInstanceOf(DeadlineExceededError);
    expect(grpcStatusOf(error)).toBe('DEADLINE_EXCEEDED');
    expect(cause).toBeInstanceOf(DeadlineExceededError);
    await until(() => serving.snapshot().open === 0);
  });

  it('that the client has passed is told as such, also where the server says CANCELLED', async () => {
    const { port } = await shop(() => ({
      get: (call: Parameters<typeof contextOf>[0], callback: (error: object) => void) => {
        contextOf(call).onCancel(() => callback({ code: 1, details: 'cancelled' }));
      },
    }));
    const context = Context.background.withTimeout(60);
    await expect(createGrpcClient(clientOf(port)).get(context, { text: '' })).rejects.toSatisfy(isTimeout);

    const raw = clientOf(port, { interceptors: [clientInterceptor()] });
    const error = await new Promise<{ code?: number } | null>((resolve) => {
      (raw.get as (...args: unknown[]) => unknown)(
        { text: '' },
        withCallContext(Context.background.withTimeout(60)),
        resolve,
      );
    });
    expect(error?.code).toBe(4);
  });
});

/** Calls with a header as no client writes it, and returns the `grpc-status`. */
function rawStatus(port: number, { path, timeout }: { path: string; timeout: string }): Promise<string> {
  const session = connect(`http://127.0.0.1:${port}`);
  return new Promise<string>((resolve, reject) => {
    session.on('error', reject);
    const stream = session.request({
      ':method': 'POST',
      ':path': `/shop.Shop/${path}`,
      'content-type': 'application/grpc',
      te: 'trailers',
      'grpc-timeout': timeout,
    });
    stream.on('error', reject);
    const take = (headers: Readonly<Record<string, unknown>>): void => {
      if (headers['grpc-status'] !== undefined) resolve(String(Number(headers['grpc-status'])));
    };
    stream.on('response', take);
    stream.on('trailers', take);
    stream.on('close', () => resolve('none'));
    stream.resume();
    const message = Buffer.from('{"text":""}');
    stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]));
  }).finally(() => session.close());
}
