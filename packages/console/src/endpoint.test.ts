import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';

import { describe, expect, it, onTestFinished } from 'vitest';

import { circuitBreaker } from '@holdfast/core';
import { recordEvents } from '@holdfast/core/testing';

import {
  auth,
  change,
  changeHead,
  createAdminUnderTest,
  json,
  jsonAs,
  listenOn,
  openRaw,
  startAdminUnderTest,
  token,
  tokens,
} from './testing/admin-under-test.ts';

describe('refusals', () => {
  const feature = '/features/recommendations';

  it.each<[string, number, string, string, unknown, Record<string, string>?]>([
    ['no token', 401, 'PUT', feature, change, { 'Content-Type': 'application/json' }],
    ['a wrong token', 401, 'PUT', feature, change, { ...json, Authorization: `Bearer ${token}x` }],
    ['another scheme', 401, 'PUT', feature, change, { ...json, Authorization: `Basic ${btoa(`admin:${token}`)}` }],
    ['no token on a path that is not there', 401, 'GET', '/nothing', undefined, {}],
    ['no token and an unknown method', 401, 'PATCH', feature, change, {}],
    ['an unknown path', 404, 'PUT', '/feature/recommendations', change],
    ['a slash too many', 404, 'PUT', `${feature}/`, change],
    ['an unknown feature', 404, 'PUT', '/features/nothing', change],
    ['an inherited name', 404, 'PUT', '/features/__proto__', change],
    ['a path that is not UTF-8', 400, 'PUT', '/features/%ff', change],
    ['a query', 400, 'PUT', `${feature}?mode=off`, change],
    ['an unknown method', 405, 'POST', feature, change],
    ['a change of all features', 405, 'PUT', '/features', change],
    ['a preflight', 405, 'OPTIONS', feature, undefined],
    ['no content type', 415, 'PUT', feature, new TextEncoder().encode(JSON.stringify(change)), auth],
    ['a form', 415, 'PUT', feature, 'mode=off', { ...auth, 'Content-Type': 'application/x-www-form-urlencoded' }],
    ['another charset', 415, 'PUT', feature, change, { ...auth, 'Content-Type': 'application/json; charset=latin1' }],
    ['a compressed body', 415, 'PUT', feature, change, { ...json, 'Content-Encoding': 'gzip' }],
    ['an empty body', 400, 'PUT', feature, ''],
    ['malformed JSON', 400, 'PUT', feature, '{"mode":'],
    ['JSON that is no object', 400, 'PUT', feature, '[]'],
    ['null', 400, 'PUT', feature, 'null'],
    [
      'bytes that are not UTF-8',
      400,
      'PUT',
      feature,
      Buffer.from(JSON.stringify({ ...change, reason: '\u00ff' }), 'latin1'),
    ],
    ['a body that is too large', 413, 'PUT', feature, { ...change, reason: 'x'.repeat(20_000) }],
    ['no mode', 400, 'PUT', feature, { ...change, mode: undefined }],
    ['a mode that is no string', 400, 'PUT', feature, { ...change, mode: ['off'] }],
    ['an unknown mode', 400, 'PUT', feature, { ...change, mode: 'deferred' }],
    ['no actor', 400, 'PUT', feature, { ...change, actor: undefined }],
    ['an empty reason', 400, 'PUT', feature, { ...change, reason: ' ' }],
    ['no expiry', 400, 'PUT', feature, { ...change, expiresInMs: undefined }],
    ['an expiry that is too long', 400, 'PUT', feature, { ...change, expiresInMs: 86_400_001 }],
    ['an expiry that is a string', 400, 'PUT', feature, { ...change, expiresInMs: '60000' }],
    ['an expiry in the past', 400, 'PUT', feature, { ...change, expiresInMs: -60_000 }],
    ['an expiry that is an instant', 400, 'PUT', feature, { ...change, expiresInMs: Date.UTC(2026, 0, 1) }],
    ['a share of nobody', 400, 'PUT', feature, { ...change, shareRatio: 0 }],
    ['a share above all', 400, 'PUT', feature, { ...change, shareRatio: 1.01 }],
    ['a share in percent', 400, 'PUT', feature, { ...change, shareRatio: 25 }],
    ['a negative share', 400, 'PUT', feature, { ...change, shareRatio: -0.1 }],
    ['a share that is a string', 400, 'PUT', feature, { ...change, shareRatio: '0.5' }],
    ['an unknown kind', 400, 'PUT', feature, { ...change, kind: 'exactly' }],
    ['a controller', 400, 'PUT', feature, { ...change, source: 'automatic' }],
    ['a schedule that is a bound', 400, 'PUT', feature, { ...change, source: 'schedule', kind: 'atLeast' }],
    ['a scope that there is not', 400, 'PUT', feature, { ...change, scope: { tenant: 'a' } }],
    ['a condition that is none', 400, 'PUT', feature, { ...change, match: [{ attribute: 'plan', equals: 'free' }] }],
    [
      'a plan to restore that rises',
      400,
      'PUT',
      feature,
      { ...change, restore: { shareRatios: [0.1, 0.5], stepMs: 1 } },
    ],
    ['a revision that is none', 400, 'PUT', feature, { ...change, ifRevision: -1 }],
    ['a role of its own choice', 400, 'PUT', feature, { ...change, role: 'break-glass' }],
    ['break-glass by an operator', 403, 'PUT', feature, { ...change, source: 'break-glass' }],
    ['a restoration with a role', 400, 'DELETE', feature, { actor: 'bob', reason: 'over', role: 'operator' }],
    ['an unknown field', 400, 'PUT', feature, { ...change, percent: 10 }],
    [
      'a prototype',
      400,
      'PUT',
      feature,
      `{"__proto__":{"mode":"off"},"mode":"off","actor":"a","reason":"b","expiresInMs":5}`,
    ],
    ['another revision', 409, 'PUT', feature, { ...change, ifRevision: 7 }],
    ['a restoration without a body', 400, 'DELETE', feature, undefined],
    ['a restoration without a reason', 400, 'DELETE', feature, { actor: 'bob' }],
    ['a restoration of another revision', 409, 'DELETE', feature, { actor: 'bob', reason: 'over', ifRevision: 7 }],
  ])('(4) change nothing: %s, %i', async (...[_what, status, method, path, body, headers = json]) => {
    const { ask, degradation, admin } = await startAdminUnderTest();
    degradation.set('recommendations', 'off', { actor: 'bob', reason: 'slow', expiresInMs: 60_000 });
    const before = [degradation.list(), degradation.audit()];
    const isRaw = typeof body === 'string' || body instanceof Uint8Array || body === undefined;

    const answer = await ask(path, {
      method,
      headers,
      body: isRaw ? (body ?? null) : JSON.stringify(body),
    });

    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    const problem = answer.body as { status: number; detail: string; title: string; code: string };
    expect(problem).toMatchObject({ type: 'about:blank', status });
    expect([problem.title, problem.detail, problem.code].every((text) => text.length > 3)).toBe(true);
    expect(JSON.stringify(problem)).not.toContain(token);
    expect(answer.headers.get('www-authenticate')?.startsWith('Bearer')).toBe(status === 401 ? true : undefined);
    expect(answer.headers.has('allow')).toBe(status === 405);
    expect([degradation.list(), degradation.audit()]).toEqual(before);
    await admin.close();
  });

  it('says which field is wrong, and what it may be', async () => {
    const { put } = await startAdminUnderTest();

    expect((await put(feature, { ...change, expiresInMs: 0 })).body).toEqual({
      type: 'about:blank',
      title: 'Bad Request',
      status: 400,
      detail: 'expiresInMs must be an integer from 1 to 86400000, got 0',
      code: 'INVALID_CHANGE',
      field: 'expiresInMs',
    });
    expect((await put(feature, { ...change, ifRevision: 7 })).body).toMatchObject({
      code: 'STALE_REVISION',
      revision: 0,
    });
  });

  it('says 409 where there are too many overrides', async () => {
    const { put, degradation } = await startAdminUnderTest();
    const setFor = (n: number): object => ({ ...change, match: matchOf(n) });
    for (let n = 0; n < 32; n++) degradation.set('recommendations', 'cached', { ...author, match: matchOf(n) });

    expect(await put(feature, setFor(32))).toMatchObject({ status: 409, body: { code: 'TOO_MANY_OVERRIDES' } });
  });

  it('says 503 once the features are closed', async () => {
    const { put, degradation } = await startAdminUnderTest();
    degradation.close();

    expect(await put(feature, change)).toMatchObject({ status: 503, body: { code: 'CLOSED' } });
  });
});

describe('roles', () => {
  const feature = '/features/recommendations';
  const off = { ...change, mode: 'off' };
  const glass = { ...off, source: 'break-glass' };

  it.each<[keyof typeof tokens, string, number, string, object]>([
    ['viewer', 'an override', 403, 'PUT', off],
    ['viewer', 'a restoration', 403, 'DELETE', { actor: 'eve', reason: 'why not' }],
    ['viewer', 'something invalid', 403, 'PUT', { nothing: 'of that' }],
    ['viewer', 'break-glass', 403, 'PUT', glass],
    ['operator', 'break-glass', 403, 'PUT', glass],
    ['operator', 'a better mode than controllers ask for', 403, 'PUT', { ...change, mode: 'full' }],
    ['operator', 'an override', 200, 'PUT', off],
    ['operator', 'a bound against controllers', 200, 'PUT', { ...change, mode: 'full', kind: 'atMost' }],
    ['operator', 'a restoration', 200, 'DELETE', { actor: 'bob', reason: 'over' }],
    ['break-glass', 'a better mode than controllers ask for', 200, 'PUT', { ...change, mode: 'full' }],
    ['break-glass', 'break-glass', 200, 'PUT', glass],
    ['break-glass', 'break-glass for longer than a quarter of an hour', 400, 'PUT', { ...glass, expiresInMs: 900_001 }],
  ])('(1) (4) %s, %s: %i', async (...[role, _what, status, method, body]) => {
    const { ask, degradation } = await startAdminUnderTest({ tokens });
    degradation.setAutomatic('recommendations', 'cached', { actor: 'controller', reason: 'slow', expiresInMs: 60_000 });
    const before = [degradation.list(), degradation.audit()];

    const answer = await ask(feature, { method, headers: jsonAs(role), body: JSON.stringify(body) });

    expect(answer.status).toBe(status);
    const after = [degradation.list(), degradation.audit()];
    if (status !== 200) expect(after).toEqual(before);
    if (status === 403) expect(answer.body).toMatchObject({ code: 'FORBIDDEN', field: 'role' });
    if (status === 200 && method === 'PUT') expect(after).not.toEqual(before);
  });

  it('shows everything to all of them, and who they are', async () => {
    const { ask } = await startAdminUnderTest({ tokens });
    for (const role of ['viewer', 'operator', 'break-glass'] as const) {
      const headers = jsonAs(role);
      for (const path of ['/circuits', '/features', feature, `${feature}/explanation`, '/brownout', '/audit'])
        expect((await ask(path, { headers })).status).toBe(200);
      const body = JSON.stringify({ key: 'ada' });
      expect((await ask(`${feature}/explanation`, { method: 'POST', headers, body })).status).toBe(200);
      expect((await ask('/', { headers })).body).toMatchObject({ role });
    }
  });

  it('ends what break-glass has set only for break-glass', async () => {
    const { ask, degradation } = await startAdminUnderTest({ tokens });
    const end = { method: 'DELETE', body: JSON.stringify({ actor: 'bob', reason: 'over' }) };
    await ask(feature, { method: 'PUT', headers: jsonAs('break-glass'), body: JSON.stringify(glass) });

    expect(await ask(feature, { ...end, headers: jsonAs('operator') })).toMatchObject({ status: 403 });
    expect(degradation.mode('recommendations')).toBe('off');
    expect(await ask(feature, { ...end, headers: jsonAs('break-glass') })).toMatchObject({ status: 200 });
    expect(degradation.mode('recommendations')).toBe('full');
  });

  it('(5) tells of everybody who was refused, without the token', async () => {
    const { ask, registry } = await startAdminUnderTest({ tokens });
    const heard = recordEvents(registry.events);
    await ask('/audit', { headers: { Authorization: 'Bearer hunter2-hunter2-hunter2' } });
    await ask(feature, { method: 'PUT', headers: jsonAs('viewer'), body: '{}' });
    await ask(feature, { method: 'PUT', headers: jsonAs('operator'), body: JSON.stringify(glass) });
    await ask(feature, { method: 'PUT', headers: jsonAs('operator'), body: '{}' });

    expect(heard.events).toEqual([
      { ...denied, status: 401, method: 'GET', path: '/audit', role: undefined },
      { ...denied, status: 403, method: 'PUT', path: feature, role: 'viewer' },
      { ...denied, status: 403, method: 'PUT', path: feature, role: 'operator' },
    ]);
  });
});

describe('who is answered', () => {
  const rawGet = (port: number, host: string) => {
    const { socket, answer } = openRaw(port);
    socket.write(`GET /features HTTP/1.1\r\n${host}Authorization: Bearer ${token}\r\nConnection: close\r\n\r\n`);
    return answer;
  };

  it.each(['evil.example', 'evil.example:80', '127.0.0.1.evil.example', ''])(
    '(2) not a request for the host %j',
    async (host) => {
      const { port } = await startAdminUnderTest();

      expect(await rawGet(port, `Host: ${host}\r\n`)).toMatch(/^HTTP\/1\.1 421 /);
    },
  );

  it.each(['127.0.0.1', 'localhost:80', '[::1]:5'])('a request for the host %s', async (host) => {
    const { port } = await startAdminUnderTest();

    expect(await rawGet(port, `Host: ${host}\r\n`)).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('any host, if told so', async () => {
    const { port } = await startAdminUnderTest({ allowRemote: true });

    expect(await rawGet(port, 'Host: evil.example\r\n')).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('(2) not another machine, where the handler is mounted on a server that is open to all', async () => {
    const { admin, degradation } = createAdminUnderTest();
    const statuses: number[] = [];
    const server = createServer((request, response) => {
      Object.defineProperty(request.socket, 'remoteAddress', { value: '10.0.0.7' });
      response.on('finish', () => statuses.push(response.statusCode));
      admin.handler(request, response);
    });
    const url = await listenOn(server);

    const response = await fetch(`${url}/features/recommendations`, {
      method: 'PUT',
      headers: json,
      body: JSON.stringify(change),
    });

    expect(response.status).toBe(421);
    expect(degradation.mode('recommendations')).toBe('full');
  });

  it('(2) (4) nobody who sends a change and resets the connection at once, wherever that came from', async () => {
    const { admin, degradation } = createAdminUnderTest();
    const addresses: unknown[] = [];
    const server = createServer((request, response) => {
      addresses.push(request.socket.remoteAddress);
      admin.handler(request, response);
    });
    const { port } = new URL(await listenOn(server));
    const reset = new Promise((resolve) => server.on('connection', (socket) => socket.on('close', resolve)));

    const body = JSON.stringify(change);
    const { socket } = openRaw(Number(port));
    // The server must find bytes and reset together, as it does under load: this thread is not its own until both are sent.
    socket.on('connect', () => {
      socket.write(`${changeHead(`Content-Length: ${body.length}`)}${body}`);
      socket.resetAndDestroy();
    });
    await reset;
    await new Promise((resolve) => setImmediate(resolve));

    expect(addresses).toEqual([undefined]);
    expect(degradation.mode('recommendations')).toBe('full');
    expect(degradation.audit()).toEqual([]);
  });

  it('who comes by a Unix domain socket, which only this machine has', async () => {
    const { admin, degradation } = createAdminUnderTest();
    const server = createServer(admin.handler);
    const folder = mkdtempSync(`${tmpdir()}/admin-`);
    onTestFinished(() => rmSync(folder, { recursive: true }));
    await new Promise<void>((resolve) => server.listen(`${folder}/admin.sock`, resolve));
    onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve()).closeAllConnections()));

    const body = JSON.stringify(change);
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      connect(`${folder}/admin.sock`)
        .setEncoding('latin1')
        .on('data', (chunk: string) => (text += chunk))
        .on('close', () => resolve(text))
        .write(`${changeHead(`Connection: close\r\nContent-Length: ${body.length}`)}${body}`);
    });

    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(degradation.mode('recommendations')).toBe('cached');
  });

  it.each(['0.0.0.0', '::', 'example.com', '10.0.0.1'])('(2) nobody on %s, unless told so', (host) => {
    expect(() => createAdminUnderTest({ host })).toThrow(
      /admin\.host must be a loopback address unless admin\.allowRemote is true/,
    );
    expect(() => createAdminUnderTest({ host, allowRemote: true })).not.toThrow();
  });
});

describe('the handler', () => {
  it('can be mounted on a server that is there already', async () => {
    const { admin, degradation } = createAdminUnderTest();
    const url = await listenOn(createServer(admin.handler));

    const response = await fetch(`${url}/features/checkout`, {
      method: 'PUT',
      headers: json,
      body: JSON.stringify({ ...change, mode: 'deferred' }),
    });

    expect(response.status).toBe(200);
    expect(degradation.mode('checkout')).toBe('deferred');
  });

  it('(4) answers a hold with success also where the circuit cannot be read any more', async () => {
    const { ask, registry } = await startAdminUnderTest({ tokens });
    const held: string[] = [];
    const hold = (state: string) => {
      held.push(state);
      return { release: () => true };
    };
    const snapshot = () => {
      throw new Error('secret: hunter2');
    };
    registry.add({ kind: 'circuit-breaker', name: 'broken', snapshot, hold } as never);

    const answer = await ask('/circuits/broken/hold', {
      method: 'PUT',
      headers: jsonAs('operator'),
      body: JSON.stringify({ state: 'open', actor: 'alice', reason: 'INC', expiresInMs: 1000 }),
    });

    expect(answer).toMatchObject({ status: 200, body: { state: 'unreadable', actionId: '1', confirmedBy: 'process' } });
    expect(held).toEqual(['open']);
  });

  it('(3) survives a policy whose snapshot throws or cannot be written, and tells of it', async () => {
    const { ask, registry } = await startAdminUnderTest();
    const recorder = recordEvents(registry.events);
    const broken = { kind: 'circuit-breaker', name: 'broken', snapshot: (): unknown => ({ calls: 1n }) };
    registry.add(broken as never);
    registry.create(circuitBreaker, { name: 'prices' });
    const circuits = [
      { id: 'broken', state: 'unreadable', hold: null },
      { id: 'prices', state: 'closed' },
    ];

    expect(await ask('/circuits')).toMatchObject({ status: 200, body: { circuits } });
    broken.snapshot = () => {
      throw new Error('secret: hunter2');
    };
    const list = await ask('/circuits');
    const answer = await ask('/circuits/broken');

    expect([list.status, answer.status]).toEqual([200, 500]);
    expect(JSON.stringify([list.body, answer.body])).not.toContain('hunter2');
    expect(recorder.types).toEqual(['admin.failed', 'admin.failed', 'admin.failed']);
  });

  it('(3) survives a policy and a pipeline that cannot be described, and tells of them', async () => {
    const { ask, registry } = await startAdminUnderTest();
    const recorder = recordEvents(registry.events);
    const broken = {
      kind: 'tarpit',
      name: 'broken',
      execute: (): never => Promise.reject(new Error('unused')) as never,
      describe(): never {
        throw new Error('secret: hunter2');
      },
    };
    registry.add(broken as never);
    registry.pipeline('bad', broken as never);
    registry.pipeline('good', registry.create(circuitBreaker, { name: 'prices' }));
    const answers = [await ask('/policies'), await ask('/pipelines'), await ask('/pipelines/good')];

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(answers.map(({ body }) => body)).toMatchObject([
      {
        policies: [
          { id: 'tarpit/broken', enforcement: 'unreadable', isChangeable: false },
          { id: 'pipeline/bad', enforcement: 'unreadable' },
          { id: 'circuit-breaker/prices', enforcement: 'enforce' },
          { id: 'pipeline/good' },
        ],
      },
      { pipelines: [{ name: 'good' }], unreadable: ['pipeline/bad'] },
      { name: 'good' },
    ]);
    expect(JSON.stringify(answers)).not.toContain('hunter2');
    expect(recorder.types).toContain('admin.failed');
  });

  it('(5) are told of without the query, where some put their token', async () => {
    const { registry, url } = await startAdminUnderTest();
    const { events } = recordEvents(registry.events);

    await fetch(`${url}/events?access_token=${token}`);

    expect(events).toEqual([{ ...denied, status: 401, method: 'GET', path: '/events', role: undefined }]);
  });
});

const denied = { type: 'admin.denied', policy: 'admin', name: 'admin' };

const author = { actor: 'alice', reason: 'INC-4711', expiresInMs: 1000 };

function matchOf(n: number) {
  return [{ attribute: 'n', in: [n] }];
}
