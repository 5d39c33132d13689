import { getEventListeners } from 'node:events';

import { ConfigError, Context } from '@holdfast/core';
import { describe, expect, it } from 'vitest';

import { type FetchLike, createFetch } from './fetch.ts';

/** A fetch that notes what it was called with. */
function fake(answer: (init: RequestInit) => Response = () => new Response('fine')) {
  const calls: { url: string; init: RequestInit }[] = [];
  const fetch: FetchLike = async (url, init = {}) => {
    calls.push({ url: url instanceof Request ? url.url : url.toString(), init });
    return answer(init);
  };
  return { calls, fetch };
}

describe('createFetch', () => {
  it('(1): hands fetch a signal of its own, for each request', async () => {
    const { calls, fetch } = fake();
    const controller = new AbortController();
    const send = createFetch({ fetch });
    for (let i = 0; i < 3; i++)
      await (await send(Context.from(controller.signal), 'http://a', { signal: controller.signal })).text();
    const signals = calls.map(({ init }) => init.signal);

    expect(new Set([...signals, controller.signal]).size).toBe(4);
  });

  it('(2): leaves nothing that listens once the body has ended', async () => {
    const { fetch } = fake();
    const controller = new AbortController();
    const listening = (): number => getEventListeners(controller.signal, 'abort').length;
    const send = createFetch({ fetch });
    const context = Context.from(controller.signal);

    const response = await send(context, 'http://a');
    expect(listening()).toBe(1);

    await response.text();
    expect(listening()).toBe(0);

    await (await send(context, 'http://a')).body?.cancel();
    await createFetch({ fetch: () => Promise.reject(new Error('no')) })(context, 'http://a').catch(() => {});
    await createFetch({ fetch: async () => new Response(null, { status: 204 }) })(context, 'http://a');
    expect(listening()).toBe(0);
  });

  it('resolves against a base, and takes what fetch takes', async () => {
    const { calls, fetch } = fake();
    const send = createFetch({ fetch, baseUrl: 'http://a/api/' });
    const request = new Request('http://b/x', { method: 'PUT', headers: { 'x-own': '1' }, body: 'text' });

    await send(Context.background, 'orders?a=1', null as never); // as fetch does
    await send(Context.background, '/orders', { method: 'patch', cache: 'no-store' } as never);
    await send(Context.background, new URL('http://c/'));
    await send(Context.background, request);

    expect(calls.map(({ url, init }) => [url, init.method])).toEqual([
      ['http://a/api/orders?a=1', 'GET'],
      ['http://a/orders', 'PATCH'],
      ['http://c/', 'GET'],
      ['http://b/x', 'PUT'],
    ]);
    expect(calls[1]?.init).toMatchObject({ cache: 'no-store', redirect: 'manual' });
    expect(new Headers(calls[3]?.init.headers).get('x-own')).toBe('1');
    expect(await new Response(calls[3]?.init.body).text()).toBe('text');
  });

  it('says of an answer whether it was redirected to', async () => {
    let turn = 0;
    const send = createFetch({
      fetch: async () =>
        turn++ === 0 ? new Response(null, { status: 302, headers: { location: '/next' } }) : new Response('x'),
    });

    const redirected = await send(Context.background, 'http://a');
    const plain = await send(Context.background, 'http://a');

    expect([redirected.redirected, redirected.clone().redirected, plain.redirected]).toEqual([true, true, false]);
  });

  it('makes a body for each request, and tells fetch of a stream', async () => {
    const { calls, fetch } = fake();
    let made = 0;
    const send = createFetch({ fetch });

    await send(Context.background, 'http://a', { method: 'PUT', body: () => `body ${++made}` });
    await send(Context.background, 'http://a', { method: 'PUT', body: () => new ReadableStream() });

    expect(calls[0]?.init.body).toBe('body 1');
    expect(calls[1]?.init).toMatchObject({ duplex: 'half' });
  });

  it('tells the time that is left, and no more than there is', async () => {
    const { calls, fetch } = fake();
    await createFetch({ fetch, timeoutMs: 500 })(Context.background.withTimeout(60_000), 'http://a', {
      headers: { 'x-request-timeout': '2h' },
    });

    const told = Number.parseInt(String(new Headers(calls[0]?.init.headers).get('x-request-timeout')), 10);
    expect(told).toBeGreaterThan(100);
    expect(told).toBeLessThanOrEqual(500);
  });

  it('gives the error of fetch as it is, also where it throws', async () => {
    const error = new TypeError('fetch failed');
    const throwing = createFetch({
      fetch: () => {
        throw error;
      },
    });

    await expect(throwing(Context.background, 'http://a')).rejects.toBe(error);
  });

  it('takes the answers of a test as they are', async () => {
    const answer = { ok: true, status: 200, headers: new Headers(), json: async () => ({ a: 1 }) };
    const send = createFetch({ fetch: async () => answer as never });

    expect(await (await send(Context.background, 'http://a')).json()).toEqual({ a: 1 });
  });

  it('refuses misuse', async () => {
    for (const options of [
      { fetch: 5 },
      { baseUrl: '/relative' },
      { policy: {} },
      { timeoutMs: 0 },
      { timeoutMs: NaN },
      { minTimeLeftMs: -1 },
      { maxRedirects: 1.5 },
      { maxRedirects: 21 },
      { propagateTo: 'http://a' },
    ])
      expect(() => createFetch(options as never)).toThrow(ConfigError);
    expect(() => createFetch({ timeout: 5 } as never)).toThrow(/no option "timeout"/);
    await expect(createFetch()('http://a' as never, 'http://a')).rejects.toThrow(/needs a Context/);
    await expect(createFetch()(Context.background, '/relative')).rejects.toThrow(
      new TypeError('fetch needs a valid URL, got "/relative"; a relative one needs the option baseUrl of createFetch'),
    );
  });
});
