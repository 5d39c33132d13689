import { type Server, createServer } from 'node:http';
import { type AddressInfo, type Socket, connect } from 'node:net';

import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';

import { createRegistry } from '@holdfast/core';
import { recordEvents, settle, virtualClock } from '@holdfast/core/testing';
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

async function listenOn(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUps.push(() => new Promise((resolve) => server.close(resolve).closeAllConnections()));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('bodies', () => {
  const head = (more: string) =>
    `PUT /features/recommendations HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n${more}\r\n`;

  it('(2) that do not arrive in time are cut off, and the client is told', async () => {
    const { port, clock, degradation } = await start({ bodyTimeoutMs: 2000 });
    const { socket, answer } = openRaw(port);
    socket.write(`${head('Content-Length: 100\r\n')}{"mode":`);
    while (clock.pendingCount === 0) await settle();
    await clock.advance(1999);
    expect(clock.pendingCount).toBe(1);

    await clock.advance(1);

    expect(await answer).toMatch(/^HTTP\/1\.1 408 [\s\S]*Connection: close[\s\S]*must arrive within 2000 ms/);
    expect(clock.pendingCount).toBe(0);
    expect(degradation.audit()).toEqual([]);
  });

  it('(2) that trickle in are cut off as well', async () => {
    const { port, clock } = await start({ bodyTimeoutMs: 2000 });
    const { socket, answer } = openRaw(port);
    socket.write(head('Transfer-Encoding: chunked\r\n'));
    while (clock.pendingCount === 0) await settle();
    for (let tick = 0; tick < 20; tick++) {
      socket.write('1\r\n \r\n');
      await clock.advance(100);
    }

    expect(await answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('(1) that are too large are refused without being read to the end, chunked ones too', async () => {
    const { port } = await start();
    const { socket, answer } = openRaw(port);
    socket.write(head('Transfer-Encoding: chunked\r\n'));
    const chunk = `1000\r\n${' '.repeat(4096)}\r\n`;
    for (let count = 0; count < 6; count++) socket.write(chunk);
    socket.write('0\r\n\r\n');

    expect(await answer).toMatch(/^HTTP\/1\.1 413 [\s\S]*Connection: close[\s\S]*at most 16384 bytes/);
  });

  it.each([
    [16_384, 200],
    [16_385, 413],
  ])('(1) of %i bytes: %i', async (size, status) => {
    const { url } = await start();
    const body = JSON.stringify(change).padEnd(size);

    const response = await fetch(`${url}/features/recommendations`, { method: 'PUT', headers: json, body });

    expect(response.status).toBe(status);
  });

  it('(3) of any bytes are the problem of the client', async () => {
    const { url, degradation, registry } = await start();
    const recorder = recordEvents(registry.events);
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.json().map((text) => new TextEncoder().encode(text)),
    );

    await fc.assert(
      fc.asyncProperty(bytes, async (body) => {
        const response = await fetch(`${url}/features/recommendations`, {
          method: 'PUT',
          headers: json,
          body: Buffer.from(body),
        });
        await response.text();

        expect(response.status).toBe(400);
      }),
      { numRuns: 200 },
    );

    expect([degradation.audit(), recorder.events]).toEqual([[], []]);
  });

  it('whose sender goes away leave nothing behind', async () => {
    const { port, clock, degradation, admin } = await start();
    const { socket, answer } = openRaw(port);
    socket.write(`${head('Content-Length: 100\r\n')}{"mode":`);
    while (clock.pendingCount === 0) await settle();

    socket.destroy();
    await answer;
    while (clock.pendingCount > 0) await settle();

    expect(degradation.audit()).toEqual([]);
    await admin.close();
  });

  it('that somebody else has read are an error of the service, told as an event', async () => {
    const { admin, registry } = setUp();
    const recorder = recordEvents(registry.events);
    const url = await listenOn(
      createServer((request, response) => {
        request.resume().on('end', () => setImmediate(() => admin.handler(request, response)));
      }),
    );

    const response = await fetch(`${url}/features/checkout`, { method: 'PUT', headers: json, body: '{}' });

    expect(response.status).toBe(500);
    expect(recorder.types).toEqual(['admin.failed']);
    expect(await response.text()).not.toContain('somebody');
  });
});
