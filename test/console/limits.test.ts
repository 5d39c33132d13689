/**
 * Large requests, slow ones, and too many at once: cut off, while others are answered.
 *
 * @module
 */

import type { Socket } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Shop, exchange, openShop, tokens } from './shop.ts';

let shop: Shop;

beforeAll(async () => {
  shop = await openShop({ bodyTimeoutMs: 300, maxWatchers: 3 });
});
afterAll(() => shop.close());

const auth = `Authorization: Bearer ${tokens.operator}`;
const change = JSON.stringify({ mode: 'off', actor: 'a', reason: 'b', expiresInMs: 60_000 });
const head = (framing: string): string =>
  `PUT /features/recommendations HTTP/1.1\r\nHost: localhost\r\n${auth}\r\nContent-Type: application/json\r\n${framing}\r\n\r\n`;
const get = `GET /features HTTP/1.1\r\nHost: localhost\r\n${auth}\r\nConnection: close\r\n\r\n`;

const others = async (): Promise<void> => {
  const { status, tookMs } = await exchange(shop.port, (socket) => socket.write(get));
  expect([status, tookMs < 5000]).toEqual([200, true]);
};

describe('limits', () => {
  it.each<[string, number, (socket: Socket) => void]>([
    ['a body that is announced to be large', 413, (socket) => socket.write(head('Content-Length: 16385'))],
    [
      'a body of a hundred megabytes',
      413,
      (socket) => {
        socket.write(head('Transfer-Encoding: chunked'));
        const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`;
        const more = (): void => {
          while (!socket.destroyed && socket.write(chunk));
        };
        socket.on('drain', more);
        more();
      },
    ],
    ['a body that does not come', 408, (socket) => socket.write(head(`Content-Length: ${change.length}`))],
    [
      'a body that trickles in',
      408,
      (socket) => {
        socket.write(head(`Content-Length: ${change.length}`));
        let sent = 0;
        const timer = setInterval(() => socket.write(change[sent++] ?? ''), 100);
        socket.on('close', () => clearInterval(timer));
      },
    ],
    [
      'headers without an end',
      431,
      (socket) => socket.write(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}`),
    ],
  ])('cut off %s, with a %i', async (_what, status, write) => {
    const answer = exchange(shop.port, write, 20_000);

    await others();

    expect((await answer).status).toBe(status);
    expect(shop.degradation.mode('recommendations')).toBe('full');
  });

  it('cut off headers that trickle in, while others are answered', { timeout: 60_000 }, async () => {
    const slow = exchange(
      shop.port,
      (socket) => {
        socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n');
        const timer = setInterval(() => socket.write('X: 1\r\n'), 200);
        socket.on('close', () => clearInterval(timer));
      },
      40_000,
    );

    await others();

    expect([408, 0]).toContain((await slow).status);
  });

  it('refuse one watcher more than may watch', async () => {
    const controllers = Array.from({ length: 3 }, () => new AbortController());
    const watch = (signal: AbortSignal | null) =>
      fetch(`${shop.url}/events`, { headers: { Authorization: `Bearer ${tokens.viewer}` }, signal });
    for (const { signal } of controllers) expect((await watch(signal)).status).toBe(200);

    const { status, headers } = await watch(null);

    expect([status, headers.get('retry-after')]).toEqual([503, '5']);
    for (const controller of controllers) controller.abort();
  });
});
