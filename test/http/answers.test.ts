/**
 * What clients are answered, on every framework: the same.
 *
 * @module
 */

import { ambient, requestId } from '@holdfast/context';
import {
  bulkhead,
  circuitBreaker,
  CircuitOpenError,
  Context,
  contextKey,
  onHookError,
  rateLimiter,
} from '@holdfast/core';
import {
  createDegradation,
  defineFeatures,
  degradedHeader,
  noticesOf,
  publicNotices,
  withNotices,
} from '@holdfast/degradation';
import {
  checkedContextOf,
  contextOf,
  createRequestContexts,
  extendContext,
  hasContext,
  type RequestContextsOptions,
  type RequestEnding,
} from '@holdfast/http';
import {
  requestContexts as expressContexts,
  requestErrors,
  requireRequestContext as requireOnExpress,
} from '@holdfast/http/express';
import { requestContexts as fastifyContexts, requireRequestContext as requireOnFastify } from '@holdfast/http/fastify';
import { requestContexts as honoContexts, requireRequestContext as requireOnHono } from '@holdfast/http/hono';
import { handleRequests, handleUpgrades } from '@holdfast/http/node';
import express from 'express';
import Fastify from 'fastify';
import { Hono } from 'hono';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';

import { eventually } from '../redis-lab/eventually.ts';
import { kinds, type LiveServer, startServer } from './servers.ts';

let live: LiveServer | undefined;
beforeEach(() => void onHookError(() => {}));
afterEach(async () => {
  onHookError(undefined);
  await live?.close();
  live = undefined;
});

const breaker = circuitBreaker({ name: 'secret-prices', openForMs: 3_600_000 });
breaker.hold('open', { forMs: 3_600_000, owner: 'test' });
const pool = bulkhead({ name: 'secret-pool', maxConcurrent: 1, maxQueued: 0 });
void pool.execute(() => new Promise(() => {}));
const limiter = rateLimiter({ name: 'secret-limit', maxPerInterval: 1, intervalMs: 3_600_000 });
void limiter.execute(() => 1);

const features = defineFeatures({
  news: { modes: ['full', 'off'], isPublic: true },
  secret: { modes: ['full', 'off'] },
});
const degradation = createDegradation({ features });
for (const feature of ['news', 'secret'] as const)
  degradation.set(feature, 'off', { actor: 'alice', reason: 'test', expiresInMs: 3_600_000 });
afterAll(() => degradation.close());

const works: Readonly<Record<string, (context: Context) => string | Promise<string>>> = {
  '/ok': () => 'ok',
  '/id': (context) => context.value(requestId) ?? 'none',
  '/left': (context) => String(context.remainingMs()),
  '/waits': (context) => new Promise((_resolve, reject) => context.onCancel(reject)),
  '/wraps': (context) => new Promise((_resolve, reject) => context.onCancel(() => reject(new Error('57014')))),
  '/deaf': () => new Promise(() => {}),
  '/late': () => new Promise((resolve) => setTimeout(() => resolve('late'), 500)),
  '/open': (context) => breaker.execute(() => 'ok', context),
  '/full': (context) => pool.execute(() => 'ok', context),
  '/limited': (context) => limiter.execute(() => 'ok', context),
  '/bug': () => Promise.reject(new Error('secret-bug')),
};
const work = { answer: (context: Context, path: string) => works[path]?.(context) ?? '' };

async function start(kind: (typeof kinds)[number], options: RequestContextsOptions = {}): Promise<LiveServer> {
  return (live = await startServer(kind, work, options));
}

describe.each(kinds)('answers of %s', (kind) => {
  it.each([
    ['/waits', 504, 'deadline-exceeded', null],
    ['/wraps', 504, 'deadline-exceeded', null],
    ['/deaf', 504, 'deadline-exceeded', null],
    ['/late', 504, 'deadline-exceeded', null],
    ['/open', 503, 'circuit-open', /^3[56]\d\d$/],
    ['/full', 503, 'overloaded', /^1$/],
    ['/limited', 503, 'rate-limited', /^3[56]\d\d$/],
  ])('%s: %i, %s', async (path, status, slug, retryAfter) => {
    const { url } = await start(kind, { defaultTimeoutMs: 200, answerGraceMs: 20 });
    const response = await fetch(url + path, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    });

    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    if (retryAfter === null) expect(response.headers.get('retry-after')).toBeNull();
    else expect(response.headers.get('retry-after')).toMatch(retryAfter);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ type: `https://holdfast.dev/problems/${slug}`, status });
    expect(text).not.toContain('secret');
    expect((await fetch(`${url}/ok`)).status).toBe(200); // on the same connection, where it was kept
  });

  it('leaves errors that are none of ours to whoever answers them', async () => {
    const { url } = await start(kind, { onEnded: () => {} });
    const response = await fetch(`${url}/bug`);

    expect(response.status).toBe(500);
    const own = { node: 'internal', fastify: 'secret-bug', express: 'theirs', hono: 'theirs' };
    expect(await response.text()).toContain(own[kind]);
  });

  it('takes the deadline of the caller, within limits, and runs nothing where none is left', async () => {
    const ran: string[] = [];
    const answer = (context: Context, path: string): string => {
      ran.push(path);
      return String(context.remainingMs());
    };
    const { url } = (live = await startServer(kind, { answer }, { defaultTimeoutMs: 30_000, maxTimeoutMs: 90_000 }));
    const left = async (headers: Record<string, string>): Promise<number> =>
      Number(await (await fetch(`${url}/left`, { headers })).text());

    expect(await left({ 'x-request-timeout': '2s' })).toBeLessThanOrEqual(2000);
    const capped = await left({ 'x-request-timeout': '9h' });
    expect([capped <= 90_000, capped > 30_000]).toEqual([true, true]);
    const usual = await left({ 'x-request-timeout': 'nonsense' });
    expect([usual <= 30_000, usual > 2000]).toEqual([true, true]);
    const late = await fetch(`${url}/late`, { headers: { 'x-request-timeout': '0s' } });
    expect([late.status, ran.includes('/late')]).toEqual([504, false]);
  });

  it('carries the id of the caller, or makes one', async () => {
    const { url } = await start(kind);
    const given = await fetch(`${url}/id`, { headers: { 'x-request-id': 'abc123' } });

    expect(await given.text()).toBe('abc123');
    expect(await (await fetch(`${url}/id`)).text()).toMatch(/^[\da-f-]{16,}$/);
  });

  it('tells of each request how it has ended', async () => {
    const endings: RequestEnding[] = [];
    const { url } = await start(kind, {
      defaultTimeoutMs: 200,
      answerGraceMs: 20,
      statuses: { DEADLINE_EXCEEDED: 408, RATE_LIMITED: 429 },
      onEnded: (ending) => endings.push(ending),
    });
    for (const path of ['/ok', '/deaf', '/limited']) await (await fetch(url + path)).text();
    await eventually(() => endings.length === 3, { what: 'three endings' });

    expect(endings.map(({ outcome, status }) => [outcome, status])).toEqual([
      ['answered', 200],
      ['deadline', 408],
      ['answered', 429],
    ]);
    expect(endings.every(({ context }) => context.cancelled)).toBe(true);
  });

  it('runs handlers with their context as the ambient one, where that is asked for, also after a body was read', async () => {
    const answer = async (context: Context): Promise<string> => {
      await Promise.resolve();
      return String(ambient.current() === context);
    };
    const { url } = (live = await startServer(kind, { answer }, { ambient: true }));
    const post = { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } };

    for (const init of [{}, post]) expect(await (await fetch(`${url}/`, init)).text()).toBe('true');
  });

  it('tells of lesser answers in the Degraded header: of public features, that the request has read', async () => {
    const answer = (context: Context, path: string): string => {
      if (path !== '/full')
        for (const feature of ['news', 'secret'] as const) degradation.handle(feature).read(context);
      if (path === '/open') throw new CircuitOpenError('prices', 'open', 1000);
      return 'ok';
    };
    const headerOf = (context: Context): string | undefined =>
      degradedHeader(publicNotices(noticesOf(context), features));
    const { url } = (live = await startServer(kind, { answer }, { degraded: { collect: withNotices, headerOf } }));
    const told = async (path: string): Promise<string | null> => (await fetch(url + path)).headers.get('degraded');

    expect([await told('/full'), await told('/lesser')]).toEqual([null, 'news=off;by=manual']);
    expect(await told('/open')).toBe('news=off;by=manual'); // also where the rest failed
  });

  it('goes on where hooks throw', async () => {
    const boom = (): never => {
      throw new Error('boom');
    };
    const { url } = await start(kind, {
      enrich: boom,
      onEnded: boom,
      isStream: boom,
      defaultTimeoutMs: boom,
      degraded: { collect: boom, headerOf: boom },
    });

    expect(await (await fetch(`${url}/ok`)).text()).toBe('ok');
  });

  it('begins no request while it drains, closes its connections, and lets those under way end', async () => {
    const { url, requests } = await start(kind, { drainGraceMs: 2000, answerGraceMs: 20 });
    const context = Context.background.withTimeout(4000);
    const slow = fetch(`${url}/late`);
    const hanging = fetch(`${url}/waits`);
    await eventually(() => requests.counts().running === 2, { what: 'the requests' });
    const drained = requests.drain(context);
    const refused = await fetch(`${url}/ok`);

    expect(refused.status).toBe(503);
    expect([refused.headers.get('connection'), refused.headers.get('retry-after')]).toEqual(['close', '1']);
    expect(await (await slow).text()).toBe('late');
    const broken = await hanging;
    expect([broken.status, broken.headers.get('connection')]).toEqual([503, 'close']);
    expect(await broken.text()).toContain('server-closing');
    expect(await drained).toMatchObject({ isComplete: true });
    expect(context.cancelled).toBe(false);
  });
});

const user = contextKey<string>('user');

it.each([handleRequests, handleUpgrades, expressContexts, requestErrors, honoContexts])(
  'what plugs a framework in says what it was not given: %o',
  (plugIn) => {
    for (const bad of [undefined, null, {}, createRequestContexts])
      expect(() => (plugIn as (...args: unknown[]) => unknown)(bad, () => {})).toThrow(TypeError);
  },
);

it('the handler of node:http must be a function', () => {
  expect(() => handleRequests(createRequestContexts(), undefined as never)).toThrow('handleRequests needs a handler');
});

describe('frameworks', () => {
  it('fastify: serves app.inject(), plugins within, and their own error handlers', async () => {
    const endings: RequestEnding[] = [];
    const requests = createRequestContexts({ onEnded: (ending) => endings.push(ending) });
    const app = Fastify();
    await app.register(fastifyContexts, { requests });
    app.addHook('preHandler', async (request) => {
      extendContext(request, (context) => context.withValue(user, 'ada'));
    });
    await app.register(async (within) => {
      within.setErrorHandler((error: Error, _request, reply) => reply.code(418).send(`within: ${error.message}`));
      within.get('/within', { preHandler: requireOnFastify }, (request, reply) =>
        reply.send(contextOf(request).value(user)),
      );
      within.get('/bug', () => Promise.reject(new Error('bug')));
      within.get('/open', (request) => breaker.execute(() => 'ok', contextOf(request)));
      const errorHandler = (
        _error: Error,
        _request: unknown,
        reply: { code(status: number): { send(body: string): void } },
      ): void => reply.code(409).send('of the route');
      within.get('/own', { errorHandler }, () => Promise.reject(new Error('bug')));
    });
    const got = async (url: string): Promise<[number, string]> => {
      const { statusCode, body } = await app.inject({ url });
      return [statusCode, body];
    };

    expect(await got('/within')).toEqual([200, 'ada']);
    expect(await got('/bug')).toEqual([418, 'within: bug']);
    expect(await got('/own')).toEqual([409, 'of the route']);
    expect((await got('/open'))[0]).toBe(503);
    expect((await got('/nowhere'))[0]).toBe(404);
    expect(endings.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 5 }, () => 'answered'));
    expect(requests.counts().running).toBe(0);
    await app.close();
  });

  it('fastify: answers for routes that were there before the plugin, which nobody waited for', async () => {
    const app = Fastify();
    void app.register(fastifyContexts, { requests: createRequestContexts() });
    app.get('/open', (request) => breaker.execute(() => 'ok', contextOf(request)));
    app.get('/bug', () => Promise.reject(new Error('bug')));
    const open = await app.inject('/open');

    expect([open.statusCode, open.headers['content-type']]).toEqual([503, expect.stringContaining('problem+json')]);
    expect(open.json()).toMatchObject({ status: 503, type: 'https://holdfast.dev/problems/circuit-open' });
    expect((await app.inject('/bug')).statusCode).toBe(500);
    await app.close();
  });

  it('fastify: cancels what is under way before the end of app.close()', async () => {
    const requests = createRequestContexts({ drainGraceMs: 100, answerGraceMs: 20 });
    const app = Fastify();
    await app.register(fastifyContexts, { requests, drainTimeoutMs: 500 });
    app.get('/', (request) => works['/waits']?.(contextOf(request)));
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    const hanging = fetch(url);
    await eventually(() => requests.counts().running === 1, { what: 'the request' });
    await app.close();

    expect((await hanging).status).toBe(503);
    expect(requests.counts()).toMatchObject({ running: 0, ended: { 'server-closing': 1 } });
  });

  it('fastify: says what is wrong with its options', async () => {
    await expect(Fastify().register(fastifyContexts, {} as never)).rejects.toThrow('requests');
    const options = { requests: createRequestContexts(), drainTimeoutMs: -1 };
    await expect(Fastify().register(fastifyContexts, options)).rejects.toThrow('drainTimeoutMs');
  });

  it('express: lets only requests with a context through, and shows middleware what others have added', async () => {
    const app = express();
    app.get('/before', requireOnExpress(), (_request, response) => void response.send('ok'));
    const requests = createRequestContexts({ ambient: true });
    app.use(expressContexts(requests));
    app.use((request, _response, next) => {
      extendContext(request, (context) => context.withValue(user, 'ada'));
      next();
    });
    app.use(express.json());
    app.post('/after', requireOnExpress(), (request, response) => {
      response.send(String(checkedContextOf(request).value(user)));
    });
    app.use(requestErrors(requests));
    app.use(
      (error: { readonly code?: string }, _request: express.Request, response: express.Response, _next: unknown) => {
        response.status(500).send(error.code);
      },
    );
    const server = app.listen(0, '127.0.0.1');
    const url = await eventually(() => addressOf(server), { what: 'the address' });

    expect(await (await fetch(`${url}/before`)).text()).toBe('MISSING_REQUEST_CONTEXT');
    const init = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } };
    expect(await (await fetch(`${url}/after`, init)).text()).toBe('ada');
    server.closeAllConnections();
    server.close();
  });

  it('express: a callback that comes after the answer does no harm to anybody', async () => {
    const requests = createRequestContexts({ defaultTimeoutMs: 50, answerGraceMs: 0 });
    const app = express();
    app.use(expressContexts(requests));
    let isLate = false;
    app.get('/late', (_request, response) => {
      setTimeout(() => {
        response.status(200).set('x-late', '1').json({ late: true });
        isLate = true;
      }, 1000);
    });
    app.get('/ok', (_request, response) => void response.send('ok'));
    const server = app.listen(0, '127.0.0.1');
    const url = await eventually(() => addressOf(server), { what: 'the address' });

    expect((await fetch(`${url}/late`)).status).toBe(504);
    await eventually(() => isLate, { what: 'the late callback' });
    expect(await (await fetch(`${url}/ok`)).text()).toBe('ok');
    server.closeAllConnections();
    server.close();
  });

  it('hono: serves requests that come from no server, and hears their signal, whatever its reason', async () => {
    const endings: RequestEnding[] = [];
    const requests = createRequestContexts({
      defaultTimeoutMs: 100,
      answerGraceMs: 10,
      onEnded: (ending) => endings.push(ending),
    });
    const app = new Hono();
    app.use(honoContexts(requests));
    app.onError((_error, c) => c.text('theirs', 500));
    app.get('/ok', requireOnHono(), (c) => c.text(String(hasContext(c.req.raw) && hasContext(c))));
    app.get('/none', (c) => c.body(null, 204));
    for (const path of ['/open', '/deaf', '/waits'])
      app.get(path, async (c) => c.text((await works[path]?.(contextOf(c))) ?? ''));

    expect(await (await app.request('/ok')).text()).toBe('true');
    expect((await app.request('/none')).status).toBe(204);
    expect((await app.request('/open')).status).toBe(503);
    expect((await app.request('/deaf')).status).toBe(504);
    const leaving = new AbortController();
    const left = app.request('/waits', { signal: leaving.signal });
    leaving.abort('Client connection prematurely closed.');
    await left;
    await eventually(() => endings.length >= 3, { what: 'the endings' });
    expect(endings.map(({ outcome }) => outcome)).toContain('client-gone');
    expect(endings.map(({ outcome }) => outcome)).toContain('answered');
  });

  it('hono: lets only requests with a context through', async () => {
    const app = new Hono();
    app.onError((error, c) => c.text(String((error as { code?: unknown }).code), 500));
    app.get('/', requireOnHono(), (c) => c.text('ok'));

    expect(await (await app.request('/')).text()).toBe('MISSING_REQUEST_CONTEXT');
  });
});

function addressOf(server: { address(): unknown }): string | undefined {
  const address = server.address() as { readonly port: number } | null;
  return address === null ? undefined : `http://127.0.0.1:${address.port}`;
}
