/**
 * The interceptor in dispatchers of undici, beside its own interceptors, and in the fetch of undici.
 *
 * @module
 */

import { ambient } from '@holdfast/context';
import { Context, bulkhead, isTimeout } from '@holdfast/core';
import { takeLatest } from '@holdfast/http';
import { createFetch } from '@holdfast/http/fetch';
import { contextInterceptor, createRequest, underContext } from '@holdfast/http/undici';
import { Agent, Client, Pool, RetryAgent, interceptors, fetch as undiciFetch } from 'undici';
import { describe, expect, it } from 'vitest';

import { startBareServer, startServer } from './http-lab.ts';

const silence = async (): Promise<{ url: string } & AsyncDisposable> => {
  const server = await startBareServer((socket) => socket.resume());
  return { url: `http://127.0.0.1:${server.port}`, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
};

describe('the interceptor', () => {
  it.each([
    ['an agent', () => new Agent()],
    ['a pool', (url: string) => new Pool(url, { connections: 1 })],
    ['a client', (url: string) => new Client(url)],
  ])('bounds each request of %s, also one that waits for its turn', async (_name, make) => {
    await using server = await silence();
    const dispatcher = make(server.url);
    const client = dispatcher.compose(contextInterceptor());
    const options = { origin: server.url, path: '/', method: 'GET' } as const;
    const long = Context.background.withCancel();
    const first = client.request(underContext(long, options)).catch((error: unknown) => error);
    const context = Context.background.withTimeout(100);

    await expect(client.request(underContext(context, options))).rejects.toSatisfy(isTimeout);
    const cause = new Error('enough');
    long.cancel(cause);

    expect(await first).toBe(cause);
    await dispatcher.destroy();
  });

  it('takes the ambient context, in fetch, too', async () => {
    await using server = await startServer((_request, response) => response.end('fine'));
    const agent = new Agent();
    const dispatcher = agent.compose(contextInterceptor({ current: () => ambient.current() }));
    const context = Context.background.withTimeout(5000);

    const text = await ambient.run(context, async () => (await undiciFetch(server.url, { dispatcher })).text());
    await (await undiciFetch(server.url, { dispatcher })).text();

    expect(text).toBe('fine');
    const told = server.requests.map(({ headers }) => headers['x-request-timeout']);
    expect([Number.parseInt(String(told[0]), 10) <= 5000, told[1]]).toEqual([true, undefined]);
    await agent.destroy();
  });

  it('stands inside of a retry of undici, which asks for another try by an error', async () => {
    let count = 0;
    await using server = await startServer((_request, response) => {
      count++;
      response.writeHead(count < 3 ? 503 : 200).end('fine');
    });
    const agent = new Agent();
    const retrying = new RetryAgent(agent.compose(contextInterceptor()), { minTimeout: 1, maxTimeout: 5 });
    const options = { origin: server.url, path: '/', method: 'GET' } as const;

    const { statusCode, body } = await retrying.request(underContext(Context.background.withTimeout(5000), options));

    expect([statusCode, await body.text(), count]).toEqual([200, 'fine', 3]);
    const told = server.requests.map(({ headers }) => Number.parseFloat(String(headers['x-request-timeout'])));
    expect(told.toSorted((a, b) => b - a)).toEqual(told);
    await agent.destroy();
  });

  it('tells nobody that undici redirects to, where it stands inside', async () => {
    await using away = await startServer((_request, response) => response.end('away'));
    await using server = await startServer((_request, response) =>
      response.writeHead(302, { location: away.url }).end(),
    );
    const agent = new Agent();
    const client = agent.compose([contextInterceptor(), interceptors.redirect({ maxRedirections: 2 })]);
    const context = Context.background.withTimeout(5000);
    const options = underContext(context, { origin: server.url, path: '/', method: 'GET' } as const);

    expect(await (await client.request(options)).body.text()).toBe('away');

    expect(server.requests[0]?.headers).toHaveProperty('x-request-timeout');
    expect(away.requests[0]?.headers).not.toHaveProperty('x-request-timeout');
    await agent.destroy();
  });

  it('ends the body of an answer that was begun', async () => {
    await using server = await startServer((_request, response) => void response.write('begun'));
    const agent = new Agent();
    const request = createRequest(agent);
    const context = Context.background.withCancel();
    const { body } = await request(context, server.url);
    const cause = new Error('left');

    const reading = body.text();
    context.cancel(cause);

    await expect(reading).rejects.toBe(cause);
    await server.answersGone();
    await agent.destroy();
  });
});

it('takeLatest drops the requests of a search that has moved on', async () => {
  let aborted = 0;
  await using server = await startServer((request, response) => {
    response.on('close', () => (aborted += response.writableEnded ? 0 : 1));
    if (request.url === '/?q=abc') response.end('found');
  });
  const send = createFetch();
  const search = takeLatest(async (context, text: string) => (await send(context, `${server.url}/?q=${text}`)).text());
  const seen: unknown[] = [];

  for (const text of ['a', 'ab', 'abc']) {
    const calling = search(Context.background, text);
    seen.push(calling.catch((error: unknown) => (error as Error).name));
    while (!server.requests.some(({ path }) => path === `/?q=${text}`)) await new Promise((r) => setTimeout(r, 2));
  }

  expect(await Promise.all(seen)).toEqual(['AbortError', 'AbortError', 'found']);
  await server.answersGone();
  expect(aborted).toBe(2);
});

describe('a small pool', () => {
  it('is told of requests by a bulkhead as they get their turn, with what is left then', async () => {
    await using server = await startServer((_request, response) => void setTimeout(() => response.end('fine'), 150));
    const agent = new Agent({ connections: 1 });
    const request = createRequest(agent, { policy: bulkhead({ maxConcurrent: 1, maxQueued: 10 }) });
    const context = Context.background.withTimeout(60_000);
    const ask = async (): Promise<string> => (await request(context, server.url)).body.text();

    await Promise.all([ask(), ask(), ask()]);

    const told = server.requests.map(({ headers }) => Number.parseInt(String(headers['x-request-timeout']), 10));
    expect(told[0]).toBeLessThanOrEqual(60_000);
    expect(told[1]).toBeLessThanOrEqual((told[0] as number) - 140);
    expect(told[2]).toBeLessThanOrEqual((told[1] as number) - 140);
    await agent.destroy();
  });
});
