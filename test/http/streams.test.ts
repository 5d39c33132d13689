/**
 * Long answers: they outlive the default deadline, end with their client, and run the `finally` of what they send.
 *
 * @module
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

import { Context, onHookError } from '@holdfast/core';
import { createRequestContexts, isClientGone, isServerClosing, sendStream, type StreamEnding } from '@holdfast/http';
import { handleRequests, handleUpgrades } from '@holdfast/http/node';
import { afterEach, describe, expect, it } from 'vitest';

import { eventually, sleep } from '../redis-lab/eventually.ts';
import { getHead, sendRaw } from './raw-client.ts';
import { kinds, type LiveServer, startServer } from './servers.ts';

let live: LiveServer | undefined;
afterEach(async () => {
  await live?.close();
  live = undefined;
});

/** Ticks until its context ends; counts what it did. */
class Ticker {
  begun = 0;
  finished = 0;
  readonly endings: StreamEnding[] = [];

  readonly tick = async function* (this: Ticker, context: Context): AsyncGenerator<string> {
    this.begun++;
    try {
      for (let number = 0; ; number++) {
        yield String(number);
        await new Promise((resolve, reject) => {
          context.onCancel(reject);
          setTimeout(resolve, 10);
        });
      }
    } finally {
      this.finished++;
    }
  };
}

describe.each(kinds)('event streams of %s', (kind) => {
  it('outlive the default deadline, end with their client, and run their finally', async () => {
    const ticker = new Ticker();
    const work = {
      answer: () => '',
      events: ticker.tick.bind(ticker),
      onStreamEnd: (end: StreamEnding) => ticker.endings.push(end),
    };
    live = await startServer(kind, work, { defaultTimeoutMs: 50 });
    const sent = await Promise.all(
      Array.from({ length: 10 }, () => sendRaw(live?.port ?? 0, getHead('/events', 'Accept: text/event-stream\r\n'))),
    );
    await Promise.all(sent.map(({ answered }) => answered));
    await sleep(200); // four times the deadline that a plain request has
    expect([ticker.begun, ticker.finished]).toEqual([10, 0]);
    for (const each of sent) each.leave('destroy');
    await eventually(() => ticker.finished === 10 && ticker.endings.length === 10, { what: 'the end of the streams' });

    expect(ticker.endings.every(({ reason }) => reason === 'client-gone')).toBe(true);
    expect(ticker.endings.every(({ count }) => count > 1)).toBe(true);
    expect(live.requests.counts().ended['client-gone']).toBe(10);
  });

  it('are ended by a drain before its end, in order', async () => {
    const ticker = new Ticker();
    const work = {
      answer: () => '',
      events: ticker.tick.bind(ticker),
      onStreamEnd: (end: StreamEnding) => ticker.endings.push(end),
    };
    live = await startServer(kind, work, { drainGraceMs: 1500 });
    const response = await fetch(`${live.url}/events`, { headers: { accept: 'text/event-stream' } });
    const text = response.text();
    await eventually(() => ticker.begun === 1, { what: 'the stream' });

    expect(await live.requests.drain(Context.background.withTimeout(3000))).toMatchObject({ isComplete: true });
    expect(await text).toMatch(/^:\n\ndata: 0\n\n/); // it came to an end: else this throws
    expect([ticker.finished, ticker.endings[0]?.reason]).toEqual([1, 'server-closing']);
  });
});

describe('streams of node:http', () => {
  it('wait for a client that reads slowly, and hold no more than it has room for', async () => {
    let taken = 0;
    const chunk = 'x'.repeat(64 * 1024);
    const requests = createRequestContexts();
    const endings: StreamEnding[] = [];
    const server = createServer(
      handleRequests(requests, async (context, _request, response) => {
        const source = async function* endless(): AsyncGenerator<string> {
          for (;;) {
            taken++;
            yield chunk;
          }
        };
        endings.push(await sendStream(context, response, source, { idleMs: 500 }));
      }),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const sent = await sendRaw((server.address() as AddressInfo).port, getHead('/'));
    sent.pause();
    await eventually(() => endings.length === 1, { what: 'the end of a stream that nobody reads' });

    expect(endings[0]?.reason).toBe('idle');
    expect(taken).toBeLessThan(1000); // 64 MB
    sent.leave('destroy');
    server.closeAllConnections();
    server.close();
  });
});

describe('upgrades of node:http', () => {
  async function start(handler: Parameters<typeof handleUpgrades>[1]) {
    const requests = createRequestContexts({ defaultTimeoutMs: 50, drainGraceMs: 1500 });
    const server = createServer(handleRequests(requests, () => {}));
    const sockets: Socket[] = [];
    server.on('connection', (socket: Socket) => sockets.push(socket));
    server.on('upgrade', handleUpgrades(requests, handler));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const stop = (): void => {
      for (const socket of sockets) socket.destroy();
      server.close();
    };
    return { requests, port: (server.address() as AddressInfo).port, stop };
  }
  const upgrade = getHead('/', 'Connection: Upgrade\r\nUpgrade: websocket\r\n');
  const accept = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

  it('outlive the default deadline, and end with their client', async () => {
    const causes: unknown[] = [];
    const { requests, port, stop } = await start((context, _request, socket) => {
      socket.resume(); // who does not read does not hear of the end either
      socket.write(accept);
      context.onCancel((cause) => causes.push(cause));
    });
    const sent = await sendRaw(port, upgrade);
    expect(await sent.answered).toContain('101');
    await sleep(200);
    expect([causes.length, requests.counts().running]).toEqual([0, 1]);
    sent.leave('destroy');
    await eventually(() => causes.length === 1, { what: 'the end of the context' });

    expect(isClientGone(causes[0])).toBe(true);
    expect(requests.counts()).toMatchObject({ running: 0, ended: { 'client-gone': 1 } });
    stop();
  });

  it('are ended by a drain, and refused while it lasts', async () => {
    const { requests, port, stop } = await start((context, _request, socket) => {
      socket.write(accept);
      context.onCancel((cause) => socket.end(isServerClosing(cause) ? 'bye' : 'why'));
    });
    await (
      await sendRaw(port, upgrade)
    ).answered;
    const drained = requests.drain(Context.background.withTimeout(3000));
    const refused = await sendRaw(port, upgrade);

    expect(await refused.answered).toMatch(
      /^HTTP\/1\.1 503 [\s\S]*retry-after: 1[\s\S]*connection: close[\s\S]*server-draining/,
    );
    expect(await drained).toMatchObject({ isComplete: true });
    stop();
  });

  it('whose handler throws are closed', async () => {
    onHookError(() => {});
    const { requests, port, stop } = await start(() => Promise.reject(new Error('secret')));
    const sent = await sendRaw(port, upgrade);
    await sent.closed;
    onHookError(undefined);

    expect(requests.counts()).toMatchObject({ running: 0, ended: { failed: 1 } });
    stop();
  });
});
