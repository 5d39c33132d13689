import { describe, expect, it } from 'vitest';

import { type FetchHop, type RedirectRules, followRedirects } from './redirects.ts';

const rules: RedirectRules = { mode: 'follow', maxRedirects: 3, hasOneShotBody: false };
const hopOf = (method: string, hasBody = false): FetchHop => ({
  url: new URL('http://a/start?x=1'),
  method,
  headers: new Headers({ authorization: 's', cookie: 'c', 'content-type': 'text/plain', 'x-own': '1' }),
  hasBody,
});

/** Follows from `first`, where the server answers with `answers` in turn, and then with 200. */
async function follow(
  first: FetchHop,
  answers: readonly [number, string | undefined][],
  own: Partial<RedirectRules> = {},
) {
  const hops: FetchHop[] = [];
  const cancelled: number[] = [];
  const response = await followRedirects(first, { ...rules, ...own }, async (hop) => {
    hops.push(hop);
    const [status, location] = answers[hops.length - 1] ?? [200, undefined];
    const body = new ReadableStream({ cancel: () => void cancelled.push(status) });
    return new Response(body, { status, headers: location === undefined ? {} : { location } });
  }).catch((error: unknown) => error as Error & { reason: string });
  return { hops, cancelled, response };
}

describe('redirects', () => {
  it.each([
    [301, 'GET', 'GET'],
    [301, 'POST', 'GET'],
    [302, 'POST', 'GET'],
    [302, 'PUT', 'PUT'],
    [303, 'PUT', 'GET'],
    [303, 'HEAD', 'HEAD'],
    [307, 'POST', 'POST'],
    [308, 'DELETE', 'DELETE'],
  ])('%i turns a %s into a %s', async (status, method, expected) => {
    const { hops } = await follow(hopOf(method, method !== 'GET' && method !== 'HEAD'), [[status, '/next']]);

    expect(hops.map((hop) => [hop.method, hop.url.href])).toEqual([
      [method, 'http://a/start?x=1'],
      [expected, 'http://a/next'],
    ]);
    expect(hops[1]?.hasBody).toBe(expected !== 'GET' && expected !== 'HEAD');
    expect(hops[1]?.headers.has('content-type')).toBe(expected === method);
  });

  it('(1): are followed no more often than may be', async () => {
    const three: [number, string][] = [1, 2, 3].map((n) => [307, `/${n}`]);
    const { hops, response } = await follow(hopOf('GET'), three);
    expect([hops.length, (response as Response).status]).toEqual([4, 200]);

    const refused = await follow(hopOf('GET'), [...three, [307, '/4']]);
    expect([refused.hops.length, refused.response]).toMatchObject([
      4,
      { code: 'REDIRECT_REFUSED', reason: 'too-many' },
    ]);

    const none = await follow(hopOf('GET'), three, { maxRedirects: 0 });
    expect(none.response).toMatchObject({ reason: 'too-many', status: 307 });
  });

  it('(2): take no body along that is spent', async () => {
    const { hops, response } = await follow(hopOf('POST', true), [[307, '/next']], { hasOneShotBody: true });

    expect([hops.length, response]).toMatchObject([1, { reason: 'body' }]);
    const dropped = await follow(hopOf('POST', true), [[303, '/next']], { hasOneShotBody: true });
    expect(dropped.hops).toHaveLength(2);
  });

  it('(3): throw their answers away', async () => {
    const { cancelled } = await follow(hopOf('GET'), [
      [301, '/1'],
      [302, '/2'],
    ]);

    expect(cancelled).toEqual([301, 302]);
  });

  it('(4): take credentials to the same origin only, and never again', async () => {
    const { hops } = await follow(hopOf('GET'), [
      [307, '/near'],
      [307, 'http://b/far'],
      [307, 'http://a/back'],
    ]);
    const told = hops.map(({ headers }) => ['authorization', 'cookie', 'x-own'].filter((name) => headers.has(name)));

    expect(told).toEqual([
      ['authorization', 'cookie', 'x-own'],
      ['authorization', 'cookie', 'x-own'],
      ['x-own'],
      ['x-own'],
    ]);
  });

  it.each(['http://[', 'mailto:a', 'file:///etc/passwd', 'javascript:1'])('lead to no %s', async (location) => {
    const { response } = await follow(hopOf('GET'), [[302, location]]);

    expect(response).toMatchObject({ reason: 'location' });
  });

  it('are the caller’s matter, or none at all', async () => {
    const manual = await follow(hopOf('GET'), [[302, '/next']], { mode: 'manual' });
    expect([(manual.response as Response).status, manual.cancelled]).toEqual([302, []]);

    const forbidden = await follow(hopOf('GET'), [[302, '/next']], { mode: 'error' });
    expect(forbidden.response).toMatchObject({ reason: 'forbidden' });

    const nowhere = await follow(hopOf('GET'), [[302, undefined]]);
    expect((nowhere.response as Response).status).toBe(302);
  });
});
