import { createServer } from 'node:http';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { recordEvents, settle } from '@holdfast/core/testing';

import {
  change,
  changeHead,
  createAdminUnderTest,
  json,
  listenOn,
  openRaw,
  startAdminUnderTest,
} from './testing/admin-under-test.ts';

describe('bodies', () => {
  it('(2) that do not arrive in time are cut off, and the client is told', async () => {
    const { port, clock, degradation } = await startAdminUnderTest({ bodyTimeoutMs: 2000 });
    const { socket, answer } = openRaw(port);
    socket.write(`${changeHead('Content-Length: 100')}{"mode":`);
    while (clock.pendingCount === 0) await settle();
    await clock.advance(1999);
    expect(clock.pendingCount).toBe(1);

    await clock.advance(1);

    expect(await answer).toMatch(/^HTTP\/1\.1 408 [\s\S]*Connection: close[\s\S]*must arrive within 2000 ms/);
    expect(clock.pendingCount).toBe(0);
    expect(degradation.audit()).toEqual([]);
  });

  it('(2) that trickle in are cut off as well', async () => {
    const { port, clock } = await startAdminUnderTest({ bodyTimeoutMs: 2000 });
    const { socket, answer } = openRaw(port);
    socket.write(changeHead('Transfer-Encoding: chunked'));
    while (clock.pendingCount === 0) await settle();
    for (let tick = 0; tick < 20; tick++) {
      socket.write('1\r\n \r\n');
      await clock.advance(100);
    }

    expect(await answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('(1) that are too large are refused without being read to the end, chunked ones too', async () => {
    const { port } = await startAdminUnderTest();
    const { socket, answer } = openRaw(port);
    socket.write(changeHead('Transfer-Encoding: chunked'));
    const chunk = `1000\r\n${' '.repeat(4096)}\r\n`;
    for (let count = 0; count < 6; count++) socket.write(chunk);
    socket.write('0\r\n\r\n');

    expect(await answer).toMatch(/^HTTP\/1\.1 413 [\s\S]*Connection: close[\s\S]*at most 16384 bytes/);
  });

  it.each([
    [16_384, 200],
    [16_385, 413],
  ])('(1) of %i bytes: %i', async (size, status) => {
    const { url } = await startAdminUnderTest();
    const body = JSON.stringify(change).padEnd(size);

    const response = await fetch(`${url}/features/recommendations`, { method: 'PUT', headers: json, body });

    expect(response.status).toBe(status);
  });

  it('(3) of any bytes are the problem of the client', async () => {
    const { url, degradation, registry } = await startAdminUnderTest();
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
  }, 60_000);

  it('whose sender goes away leave nothing behind', async () => {
    const { port, clock, degradation, admin } = await startAdminUnderTest();
    const { socket, answer } = openRaw(port);
    socket.write(`${changeHead('Content-Length: 100')}{"mode":`);
    while (clock.pendingCount === 0) await settle();

    socket.destroy();
    await answer;
    while (clock.pendingCount > 0) await settle();

    expect(degradation.audit()).toEqual([]);
    await admin.close();
  });

  it('that somebody else has read are an error of the service, told as an event', async () => {
    const { admin, registry } = createAdminUnderTest();
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
