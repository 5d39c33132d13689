import { request as httpRequest } from 'node:http';
import { type Socket, connect } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import { createRegistry } from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { createDegradation, defineFeatures } from '@holdfast/degradation';

import { type AdminOptions, createAdmin } from './admin.ts';

const token = 'correct-horse-battery-staple';
const auth = { Authorization: `Bearer ${token}` };
const json = { ...auth, 'Content-Type': 'application/json' };
const change = { mode: 'cached', actor: 'alice', reason: 'INC-4711', expiresInMs: 60_000 };
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

function setUp(options: Partial<AdminOptions> = {}) {
  const clock = virtualClock();
  const registry = createRegistry({ clock });
  const features = defineFeatures({
    recommendations: { modes: ['full', 'cached', 'off'] },
    checkout: { modes: ['full', 'deferred'] },
  });
  const degradation = createDegradation({ features, clock, wallClock: () => 0 });
  const admin = createAdmin({ registry, degradation, token, clock, ...options });
  cleanUps.push(() => admin.close());
  return { admin, clock, registry, degradation };
}

async function start(options: Partial<AdminOptions> = {}) {
  const parts = setUp(options);
  return { ...parts, ...(await parts.admin.listen()) };
}

/** Sends bytes and collects what comes back until the connection ends. */
function openRaw(port: number): { socket: Socket; answer: Promise<string> } {
  const socket = connect(port, '127.0.0.1');
  cleanUps.push(() => socket.destroy());
  const answer = new Promise<string>((resolve) => {
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    socket.on('error', () => {}).on('close', () => resolve(text));
  });
  return { socket, answer };
}

describe('listen and close', () => {
  it('listens once, on a port of the system', async () => {
    const { admin, port, url } = await start();

    expect(await admin.listen()).toEqual({ url, port });
    expect(url).toBe(`http://127.0.0.1:${port}`);
  });

  it('listens on IPv6', async () => {
    const { url } = await start({ host: '::1' });

    expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect((await fetch(url, { headers: auth })).status).toBe(200);
  });

  it('rejects a port that is taken, and can then be closed', async () => {
    const { port } = await start();
    const { admin } = setUp({ port });

    await expect(admin.listen()).rejects.toThrow(/EADDRINUSE/);
    await admin.close();
  });

  it('(1) ends connections that are idle, half-open or silent, whoever holds them', async () => {
    const { admin, port } = await start();
    const raws = [openRaw(port), openRaw(port), openRaw(port)];
    raws[0]?.socket.write(`GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    raws[1]?.socket.write('GET / HTTP/1.1\r\nHost: loc');
    await new Promise((resolve) => raws[0]?.socket.once('data', resolve));

    await admin.close();

    const answers = await Promise.all(raws.map(({ answer }) => answer));
    expect(answers.map((answer) => answer.slice(0, 12))).toEqual(['HTTP/1.1 200', '', '']);
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow('fetch failed');
  });

  it('(1) answers requests that are under way', async () => {
    const { admin, port, clock, degradation } = await start();
    const body = JSON.stringify(change);
    const answer = new Promise<[number | undefined, string | undefined]>((resolve, reject) => {
      const headers = { ...json, 'Content-Length': body.length };
      const sent = httpRequest({ port, host: '127.0.0.1', method: 'PUT', path: '/features/recommendations', headers });
      sent
        .on('response', (response) => resolve([response.resume().statusCode, response.headers.connection]))
        .on('error', reject);
      sent.write(body.slice(0, 10));
      void (async () => {
        while (clock.pendingCount === 0) await settle();
        closing = admin.close();
        await settle();
        sent.end(body.slice(10));
      })();
    });
    let closing: Promise<void> | undefined;

    expect(await answer).toEqual([200, 'close']);
    await closing;
    expect(degradation.mode('recommendations')).toBe('cached');
  });

  it('(2) does not wait longer for a request under way than its body may take', async () => {
    const { admin, port, clock } = await start({ bodyTimeoutMs: 2000 });
    const { socket, answer } = openRaw(port);
    const headers = `Host: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json`;
    socket.write(`PUT /features/checkout HTTP/1.1\r\n${headers}\r\nContent-Length: 100\r\n\r\n{`);
    while (clock.pendingCount === 0) await settle();

    const closing = admin.close();
    await clock.advance(2000);
    await closing;

    expect(await answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('closes twice, unstarted, and for good', async () => {
    const { admin } = setUp();
    await admin.close();
    await admin.close();

    await expect(admin.listen()).rejects.toThrow(/closed/);
  });

  it('closes with its scope, and leaves no handle', async () => {
    const count = () => process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP')).length;
    const before = count();
    {
      await using scope = setUp().admin;
      const { port } = await scope.listen();
      const { socket } = openRaw(port);
      await new Promise((resolve) => socket.once('connect', resolve));
      expect(count()).toBeGreaterThan(before);
    }
    for (let turn = 0; turn < 100 && count() > before; turn++) await settle();

    expect(count()).toBe(before);
  });
});
