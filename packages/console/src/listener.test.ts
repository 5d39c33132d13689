import { request as httpRequest } from 'node:http';

import { describe, expect, it } from 'vitest';

import { settle } from '@holdfast/core/testing';

import {
  auth,
  change,
  createAdminUnderTest,
  json,
  openRaw,
  startAdminUnderTest,
  token,
} from './testing/admin-under-test.ts';

describe('listen and close', () => {
  it('listens once, on a port of the system', async () => {
    const { admin, port, url } = await startAdminUnderTest();

    expect(await admin.listen()).toEqual({ url, port });
    expect(url).toBe(`http://127.0.0.1:${port}`);
  });

  it('listens on IPv6', async () => {
    const { url } = await startAdminUnderTest({ host: '::1' });

    expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect((await fetch(url, { headers: auth })).status).toBe(200);
  });

  it('rejects a port that is taken, and can then be closed', async () => {
    const { port } = await startAdminUnderTest();
    const { admin } = createAdminUnderTest({ port });

    await expect(admin.listen()).rejects.toThrow(/EADDRINUSE/);
    await admin.close();
  });

  it('(1) ends connections that are idle, half-open or silent, whoever holds them', async () => {
    const { admin, port } = await startAdminUnderTest();
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
    const { admin, port, clock, degradation } = await startAdminUnderTest();
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
    const { admin, port, clock } = await startAdminUnderTest({ bodyTimeoutMs: 2000 });
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
    const { admin } = createAdminUnderTest();
    await admin.close();
    await admin.close();

    await expect(admin.listen()).rejects.toThrow(/closed/);
  });

  it('closes with its scope, and leaves no handle', async () => {
    const count = () => process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP')).length;
    const before = count();
    {
      await using scope = createAdminUnderTest().admin;
      const { port } = await scope.listen();
      const { socket } = openRaw(port);
      await new Promise((resolve) => socket.once('connect', resolve));
      expect(count()).toBeGreaterThan(before);
    }
    for (let turn = 0; turn < 100 && count() > before; turn++) await settle();

    expect(count()).toBe(before);
  });
});
