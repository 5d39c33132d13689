import { ConfigError, Context } from '@holdfast/core';
import { describe, expect, it } from 'vitest';

import type { UndiciInterceptor } from './undici-client.ts';
import { createRequest } from './undici-request.ts';

/** A dispatcher that notes what is asked of it. */
function fake() {
  const asked: Record<string, unknown>[] = [];
  const composed: unknown[] = [];
  const dispatcher = {
    compose: (interceptors: unknown[]) => {
      composed.push(...interceptors);
      return {
        request: async (options: Record<string, unknown>) => {
          asked.push(options);
          return { statusCode: 200, body: { on: () => ({ destroy: () => {} }) } };
        },
      };
    },
  };
  return { asked, composed, dispatcher };
}

describe('createRequest', () => {
  it('says to undici where the URL is, and whatever else it was told', async () => {
    const { asked, dispatcher } = fake();
    const request = createRequest(dispatcher);

    await request(Context.background, 'http://a:8080/orders?x=1', { method: 'post', body: 'text', opaque: 5 });
    await request(Context.background, new URL('http://a/'), { body: () => 'made' });

    expect(asked[0]).toMatchObject({
      origin: 'http://a:8080',
      path: '/orders?x=1',
      method: 'POST',
      body: 'text',
      opaque: 5,
    });
    expect(asked[1]).toMatchObject({ origin: 'http://a', path: '/', method: 'GET', body: 'made' });
    expect(asked[1]).not.toHaveProperty('signal');
  });

  it('stands inside of the interceptors that it was given', () => {
    const { composed, dispatcher } = fake();
    const outer: UndiciInterceptor = (dispatch) => dispatch;

    createRequest(dispatcher, { interceptors: [outer] });

    expect([composed.length, composed[1]]).toEqual([2, outer]);
  });

  it('refuses misuse', async () => {
    const { dispatcher } = fake();
    for (const options of [{ policy: 5 }, { timeoutMs: 0 }, { minTimeLeftMs: -1 }, { interceptors: 5 }])
      expect(() => createRequest(dispatcher, options as never)).toThrow(ConfigError);
    expect(() => createRequest({} as never)).toThrow(/createRequest\.dispatcher/);
    await expect(createRequest(dispatcher)('http://a' as never, 'http://a')).rejects.toThrow(/needs a Context/);
    await expect(createRequest(dispatcher)(Context.background, '/orders/7')).rejects.toThrow(
      new TypeError('request needs an absolute URL, also where the dispatcher is a pool, got "/orders/7"'),
    );
  });
});
