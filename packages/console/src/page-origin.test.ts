import { request } from 'node:http';

import { describe, expect, it } from 'vitest';

import { change, json, startAdminUnderTest } from './testing/admin-under-test.ts';
import { isOfAnotherPage } from './page-origin.ts';

describe('page origin', () => {
  const host = '127.0.0.1:9090';

  it.each([
    [{}, false],
    [{ 'sec-fetch-site': 'same-origin', origin: 'http://127.0.0.1:9090' }, false],
    [{ 'sec-fetch-site': 'none' }, false],
    [{ origin: 'HTTP://127.0.0.1:9090' }, false],
    [{ 'sec-fetch-site': 'cross-site' }, true],
    [{ 'sec-fetch-site': 'same-site' }, true],
    [{ 'sec-fetch-site': 'anything' }, true],
    [{ origin: 'null' }, true],
    [{ origin: '' }, true],
    [{ origin: 'http://evil.example' }, true],
    [{ origin: 'http://127.0.0.1:9091' }, true],
    [{ origin: 'http://127.0.0.1:9090.evil.example' }, true],
    [{ origin: 'http://127.0.0.1:9090@evil.example' }, true],
    [{ 'sec-fetch-site': 'same-origin', origin: 'http://evil.example' }, true],
  ])('(1) (2) of %j is that of another page: %s', (headers, expected) => {
    expect(isOfAnotherPage({ host, ...headers })).toBe(expected);
  });

  it('keeps pages of others out, even with the token', async () => {
    const { port, degradation } = await startAdminUnderTest();
    const send = (headers: Record<string, string>) =>
      new Promise<number | undefined>((resolve, reject) => {
        const options = { port, method: 'PUT', path: '/features/recommendations', headers: { ...json, ...headers } };
        const sent = request(options, (response) => resolve(response.resume().statusCode));
        sent.on('error', reject).end(JSON.stringify(change));
      });

    expect(await send({ Origin: 'http://evil.example' })).toBe(403);
    expect(await send({ 'Sec-Fetch-Site': 'cross-site' })).toBe(403);
    expect(degradation.mode('recommendations')).toBe('full');
    expect(await send({ Origin: `http://localhost:${port}`, Host: `localhost:${port}` })).toBe(200);
    expect(degradation.mode('recommendations')).toBe('cached');
  });
});
