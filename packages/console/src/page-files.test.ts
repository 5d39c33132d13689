import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { beforeAll, describe, expect, it } from 'vitest';

import { auth, openRaw, startAdminUnderTest } from './testing/admin-under-test.ts';

beforeAll(() => {
  const build = fileURLToPath(new URL('../page/build.ts', import.meta.url));
  execFileSync(process.execPath, ['--import', 'tsx', build]);
});

const html = { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

/** The names of the files that the page refers to. */
async function filesOf(url: string): Promise<readonly string[]> {
  const page = await (await fetch(`${url}/console/`)).text();
  return [...page.matchAll(/(?:href|src)="\.\/([^"]+)"/g)].map(([, name = '']) => name);
}

describe('page files', () => {
  it('serves the page and its files without a token', async () => {
    const { url } = await startAdminUnderTest();
    const page = await fetch(`${url}/console/`);

    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers.get('cache-control')).toBe('no-store');
    const names = await filesOf(url);
    expect(names.map((name) => name.replace(/-.*\./, '.')).toSorted()).toEqual(['console.js', 'icon.svg', 'style.css']);
    for (const name of names) {
      const file = await fetch(`${url}/console/${name}`);
      expect([file.status, file.headers.get('cache-control')]).toEqual([200, 'public, max-age=31536000, immutable']);
      expect(file.headers.get('x-content-type-options')).toBe('nosniff');
      expect(Number(file.headers.get('content-length'))).toBe((await file.arrayBuffer()).byteLength);
    }
  });

  it('leads a browser from the root to the page, and a program with a token to the API', async () => {
    const { url, ask } = await startAdminUnderTest();

    const led = await fetch(`${url}/`, { headers: html, redirect: 'manual' });
    expect([led.status, led.headers.get('location')]).toEqual([303, 'console/']);
    expect((await fetch(`${url}/console`, { redirect: 'manual' })).headers.get('location')).toBe('console/');
    expect((await ask('/', { headers: { ...html, ...auth } })).body).toMatchObject({ service: 'service' });
    expect((await ask('/', { headers: {} })).status).toBe(401);
  });

  it.each(['%2e%2e%2findex.js', '..%2findex.js', 'nothing.js', '__proto__', '%00', 'index.html/'])(
    '(1) serves nothing but files of the folder: %s',
    async (name) => {
      const { url } = await startAdminUnderTest();

      const { status, headers } = await fetch(`${url}/console/${name}`);

      expect([status, headers.get('content-type')]).toEqual([404, 'application/problem+json']);
    },
  );

  it('(1) serves nothing from above the folder, whatever the path of the request is', async () => {
    const { port } = await startAdminUnderTest();
    const raw = openRaw(port);
    raw.socket.write('GET /console/../index.js HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');

    expect(await raw.answer).toMatch(/^HTTP\/1\.1 404 /);
  });

  it('(2) lets the page run and load what came from here only, and nothing that is written into it', async () => {
    const { url } = await startAdminUnderTest();
    const { headers } = await fetch(`${url}/console/`);
    const page = await (await fetch(`${url}/console/`)).text();

    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).not.toMatch(/unsafe|data:|https?:|\*/);
    expect(page).not.toMatch(/<style|style=|<script>|\son\w+=|https?:\/\//);
  });

  it.each([
    ['POST', 401],
    ['HEAD', 200],
  ])('answers a %s with %i', async (method, status) => {
    const { url } = await startAdminUnderTest();

    const response = await fetch(`${url}/console/`, { method });

    expect([response.status, method === 'HEAD' ? await response.text() : '']).toEqual([status, '']);
  });

  it('can be reached by a link on a page of others, and not be loaded into one', async () => {
    const { port } = await startAdminUnderTest();
    const statusOf = async (...headers: readonly string[]): Promise<string> => {
      const raw = openRaw(port);
      const lines = ['GET /console/ HTTP/1.1', 'Host: localhost', 'Connection: close', ...headers];
      raw.socket.write(`${lines.join('\r\n')}\r\n\r\n`);
      return (await raw.answer).slice(9, 12);
    };
    const [site, link] = ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate'];

    expect(await statusOf(site, link, 'Sec-Fetch-Dest: document')).toBe('200');
    expect(await statusOf(site, link, 'Sec-Fetch-Dest: iframe')).toBe('403');
    expect(await statusOf(site, 'Sec-Fetch-Mode: no-cors', 'Sec-Fetch-Dest: script')).toBe('403');
  });
});
