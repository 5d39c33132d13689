import { getEventListeners } from 'node:events';
import { PassThrough } from 'node:stream';

import { ConfigError, Context } from '@holdfast/core';
import { describe, expect, it } from 'vitest';

import { createAxiosRequest } from './axios.ts';

interface Config {
  readonly url?: string;
  readonly method?: string;
  readonly signal: AbortSignal;
  readonly headers: Record<string, string>;
  readonly data?: unknown;
  beforeRedirect(options: Record<string, unknown>): void;
}

/** An axios that notes what is asked of it. */
function fake(answer: (config: Config) => unknown = () => ({ status: 200, data: 'fine' })) {
  const asked: Config[] = [];
  const client = {
    defaults: {},
    getUri: (config?: { url?: string; method?: string }) => `http://a${config?.url ?? ''}`,
    request: async (config: never): Promise<any> => {
      asked.push(config);
      return answer(config);
    },
  };
  return { asked, client };
}

const untilAborted = ({ signal }: Config): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('canceled'))); // as axios does
  });

describe('createAxiosRequest', () => {
  it('(1): hands axios a signal of its own, and leaves nothing that listens', async () => {
    const { asked, client } = fake();
    const controller = new AbortController();
    const request = createAxiosRequest(client);

    for (let i = 0; i < 2; i++)
      await request(Context.from(controller.signal), { url: '/', signal: controller.signal } as never);

    expect(new Set([...asked.map(({ signal }) => signal), controller.signal]).size).toBe(3);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  it.each([['/orders/7'], [undefined]])('sends nothing where %s is in the place of the config', async (config) => {
    const { asked, client } = fake();

    const calling = createAxiosRequest(client)(Context.background, config as never);

    await expect(calling).rejects.toThrow('request.config must be an object, as { url }');
    expect(asked).toEqual([]);
  });

  it('(2): fails with the cause of the context', async () => {
    const { client } = fake(untilAborted);
    const context = Context.background.withCancel();
    const calling = createAxiosRequest(client)(context, { url: '/' });
    const cause = new Error('left');

    context.cancel(cause);

    await expect(calling).rejects.toBe(cause);
  });

  it('(2): ends a stream with the cause, and listens until it has ended', async () => {
    const data = new PassThrough();
    const { client } = fake(() => ({ status: 200, data }));
    const context = Context.background.withCancel();
    await createAxiosRequest(client)(context, { url: '/' });
    const failed = new Promise((resolve) => data.once('error', resolve));
    const cause = new Error('left');

    context.cancel(cause);

    expect(await failed).toBe(cause);
  });

  it('(3): tells no origin that it is redirected to', async () => {
    const { asked, client } = fake();
    let isAsked = false;
    await createAxiosRequest(client)(Context.background.withTimeout(1000), {
      url: '/',
      headers: { 'X-Own': '1' },
      beforeRedirect: () => {
        isAsked = true;
      },
    } as never);
    const near = { href: 'http://a/next', headers: { ...asked[0]?.headers } };
    const far = { href: 'http://b/next', headers: { ...asked[0]?.headers } };

    asked[0]?.beforeRedirect(near);
    asked[0]?.beforeRedirect(far);

    expect(near.headers).toHaveProperty('x-request-timeout');
    expect([Object.keys(far.headers), isAsked]).toEqual([['X-Own'], true]);
  });

  it('takes a function that makes the body, and headers in any form', async () => {
    const { asked, client } = fake();
    const request = createAxiosRequest(client);

    await request(Context.background, { url: '/', method: 'put', data: () => 'made' });
    await request(Context.background, { url: '/', headers: { toJSON: () => ({ 'x-own': '1' }) } } as never);

    expect(asked[0]).toMatchObject({ method: 'PUT', data: 'made' });
    expect(asked[1]).toMatchObject({ method: 'GET', headers: { 'x-own': '1' } });
  });

  it('refuses misuse', async () => {
    const { client } = fake();
    for (const options of [{ policy: 5 }, { timeoutMs: 0 }, { minTimeLeftMs: -1 }])
      expect(() => createAxiosRequest(client, options as never)).toThrow(ConfigError);
    expect(() => createAxiosRequest({} as never)).toThrow(/createAxiosRequest\.client/);
    expect(() => createAxiosRequest(client, { retries: 1 } as never)).toThrow(/no option "retries"/);
    await expect(createAxiosRequest(client)({ url: '/' } as never, {})).rejects.toThrow(/needs a Context/);
  });
});
