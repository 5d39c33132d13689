import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { describe, expect, it, onTestFinished } from 'vitest';

import { systemClock } from '@holdfast/core';

import { runIn } from '../testing/command-under-test.ts';
import { adminClient } from './admin-client.ts';
import type { CommandWorld } from './command-world.ts';

function world(fetched: typeof fetch): CommandWorld {
  return {
    env: { HOLDFAST_TOKEN: 'correct-horse-battery-staple' },
    clock: systemClock,
    fetch: fetched,
    readFile: () => '',
    fileMode: () => undefined,
    print: () => {},
    warn: () => {},
    untilStopped: () => new Promise(() => {}),
  };
}

describe('admin client', () => {
  it('(1) follows no redirect, so that the token goes nowhere else', async () => {
    const seen: RequestInit[] = [];
    const client = adminClient(
      { options: {} },
      world((_url, init) => {
        seen.push(init ?? {});
        return Promise.resolve(new Response('{}'));
      }),
    );

    await client.ask('GET', '/');

    expect([client.url, seen[0]?.redirect]).toEqual(['http://127.0.0.1:9090', 'error']);
    expect(new Headers(seen[0]?.headers).get('authorization')).toBe('Bearer correct-horse-battery-staple');
  });

  it.each(['https://example.com', 'http://localhost:1', 'http://[::1]:1', 'http://127.0.0.2'])(
    '(1) sends a token to %s',
    (url) => {
      expect(adminClient({ options: { url } }, world(fetch)).url).toBe(url);
    },
  );

  it('(1) sends a token unencrypted to another machine only where somebody insists', () => {
    const url = 'http://example.com';

    expect(() => adminClient({ options: { url } }, world(fetch))).toThrow('unencrypted');
    expect(adminClient({ options: { url, insecure: true } }, world(fetch)).url).toBe(url);
  });

  it.each(['http://:secret@localhost:1', 'http://me@localhost:1', 'http://localhost:1/#a', 'http://localhost:1/?a=b'])(
    '(1) refuses %s, and shows none of it',
    (url) => {
      const make = () => adminClient({ options: { url } }, world(fetch));

      expect(make).toThrow('--url must be an http or https address');
      expect(make).not.toThrow('secret');
    },
  );

  it('(2) makes one kind of error of whatever goes wrong', async () => {
    for (const failing of [
      () => Promise.reject(new TypeError('fetch failed')),
      () => Promise.reject(new Error('odd')),
      () => Promise.resolve(new Response('no', { status: 502 })),
      () =>
        Promise.resolve(new Response('{}', { status: 400, headers: { 'Content-Type': 'application/problem+json' } })),
    ])
      await expect(adminClient({ options: {} }, world(failing)).ask('GET', '/')).rejects.toMatchObject({
        exitCode: expect.any(Number) as number,
      });
  });

  it('(3) says of a change that got no answer that it may have been made, and of one that was not sent that nobody is there', async () => {
    const server = createServer((request) => (request.method === 'PUT' ? undefined : request.socket.destroy()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => server.close().closeAllConnections());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const hold = ['hold', 'prices', '--for', '1m', '--reason', 'INC'];

    expect(await runIn({ url }, [...hold, '--timeout', '50ms'])).toMatchObject({
      code: 6,
      err: expect.stringMatching(/no answer within 50 ms; it may have been done/) as string,
    });
    expect(await runIn({ url }, ['release', 'prices', '--reason', 'INC'])).toMatchObject({
      code: 6,
      err: expect.stringMatching(/the connection broke before the answer came; it may have been done/) as string,
    });
    expect(await runIn({ url }, ['ls'])).toMatchObject({ code: 3 });
    expect(await runIn({}, hold)).toMatchObject({ code: 3 });
  });
});
