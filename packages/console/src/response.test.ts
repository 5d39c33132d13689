import { type Socket, connect } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import { createRegistry } from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { createDegradation, defineFeatures } from '@holdfast/degradation';

import { type AdminOptions, createAdmin } from './admin.ts';

const token = 'correct-horse-battery-staple';
const auth = { Authorization: `Bearer ${token}` };
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

describe('answers', () => {
  const head = (more: string) =>
    `PUT /features/recommendations HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n${more}\r\n`;

  it('(1) marks every answer as not to be stored, sniffed or framed', async () => {
    const { url } = await start();

    for (const path of ['/', '/nothing']) {
      const { headers } = await fetch(url + path, { headers: auth });
      expect([headers.get('cache-control'), headers.get('x-content-type-options')]).toEqual(['no-store', 'nosniff']);
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    }
  });

  it('(2) serves one request on a connection whose body was not read, and the next on others', async () => {
    const { port } = await start();
    const get = `GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n`;
    const refused = openRaw(port);
    refused.socket.write(head('Content-Length: 20000\r\n'));
    refused.socket.write(`${' '.repeat(20_000)}${get}\r\n`);
    const served = openRaw(port);
    served.socket.write(`${get}\r\n${get}Connection: close\r\n\r\n`);

    expect((await refused.answer).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 413']);
    expect((await served.answer).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200']);
  });

  it('(3) holds a connection whose request never ends after its refusal for a second and a megabyte at most', async () => {
    const { port, clock } = await start();
    const timed = openRaw(port);
    timed.socket.write(head('Content-Length: 99999999\r\n'));
    while (clock.pendingCount === 0) await settle();
    await clock.advance(1000);
    expect(await timed.answer).toMatch(/^HTTP\/1\.1 413 /);

    const flooded = openRaw(port);
    flooded.socket.write(head('Content-Length: 99999999\r\n'));
    for (let count = 0; count < 20; count++) flooded.socket.write(' '.repeat(100_000));
    expect(await flooded.answer).toMatch(/^(HTTP\/1\.1 413 [\s\S]*)?$/); // a reset may overtake the answer here
    expect(clock.pendingCount).toBe(0);
  });
});
