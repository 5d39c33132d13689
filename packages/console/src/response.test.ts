import { describe, expect, it } from 'vitest';

import { settle } from '@holdfast/core/testing';

import { auth, changeHead, openRaw, startAdminUnderTest, token } from './testing/admin-under-test.ts';

describe('answers', () => {
  it('(1) marks every answer as not to be stored, sniffed or framed', async () => {
    const { url } = await startAdminUnderTest();

    for (const path of ['/', '/nothing']) {
      const { headers } = await fetch(url + path, { headers: auth });
      expect([headers.get('cache-control'), headers.get('x-content-type-options')]).toEqual(['no-store', 'nosniff']);
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    }
  });

  it('(2) serves one request on a connection whose body was not read, and the next on others', async () => {
    const { port } = await startAdminUnderTest();
    const get = `GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n`;
    const refused = openRaw(port);
    refused.socket.write(changeHead('Content-Length: 20000'));
    refused.socket.write(`${' '.repeat(20_000)}${get}\r\n`);
    const served = openRaw(port);
    served.socket.write(`${get}\r\n${get}Connection: close\r\n\r\n`);

    expect((await refused.answer).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 413']);
    expect((await served.answer).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200']);
  });

  it('(3) holds a connection whose request never ends after its refusal for a second and a megabyte at most', async () => {
    const { port, clock } = await startAdminUnderTest();
    const timed = openRaw(port);
    timed.socket.write(changeHead('Content-Length: 99999999'));
    while (clock.pendingCount === 0) await settle();
    await clock.advance(1000);
    expect(await timed.answer).toMatch(/^HTTP\/1\.1 413 /);

    const flooded = openRaw(port);
    flooded.socket.write(changeHead('Content-Length: 99999999'));
    for (let count = 0; count < 20; count++) flooded.socket.write(' '.repeat(100_000));
    expect(await flooded.answer).toMatch(/^(HTTP\/1\.1 413 [\s\S]*)?$/); // a reset may overtake the answer here
    expect(clock.pendingCount).toBe(0);
  });
});
