/**
 * Edges of each framework: answers of which half was prepared, taken over or on its way; middleware that is used twice; upgrades
 * that are reset; answers whose body nobody reads.
 *
 * @module
 */

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

import { CircuitOpenError, Context, contextKey, type HookError, onHookError } from '@holdfast/core';
import { contextOf, createRequestContexts, extendContext, type RequestContexts } from '@holdfast/http';
import { requestContexts as expressContexts } from '@holdfast/http/express';
import { requestContexts as fastifyContexts } from '@holdfast/http/fastify';
import { requestContexts as honoContexts } from '@holdfast/http/hono';
import { handleRequests, handleUpgrades } from '@holdfast/http/node';
import express from 'express';
import Fastify, { type FastifyInstance } from 'fastify';
import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { eventually, sleep } from '../redis-lab/eventually.ts';
import { getHead, sendRaw } from './raw-client.ts';

const open = (): CircuitOpenError => new CircuitOpenError('prices', 'open', 1000);
const user = contextKey<string>('user');

let hookErrors: HookError[];
let server: Server | undefined;
beforeEach(() => {
  hookErrors = [];
  onHookError((error) => hookErrors.push(error));
});
afterEach(() => {
  onHookError(undefined);
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

async function listen(made: Server): Promise<{ url: string; port: number }> {
  server = made;
  made.listen(0, '127.0.0.1');
  await once(made, 'listening');
  const { port } = made.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port };
}

describe('node:http', () => {
  it('answers a problem in place of what its handler had prepared', async () => {
    const { url } = await listen(
      createServer(
        handleRequests(createRequestContexts(), (_context, _request, response) => {
          response.statusMessage = 'Fine';
          response.setHeader('trailer', 'x-sum').setHeader('content-disposition', 'attachment').setHeader('x-own', '1');
          throw open();
        }),
      ),
    );
    const response = await fetch(url);

    expect([response.status, response.statusText]).toEqual([503, 'Service Unavailable']);
    expect(['trailer', 'content-disposition', 'x-own'].map((name) => response.headers.get(name))).toEqual([
      null,
      null,
      '1',
    ]);
  });

  it('tells of what its handler throws after the answer, unless it comes of the end', async () => {
    const thrown: unknown[] = [];
    const { url } = await listen(
      createServer(
        handleRequests(createRequestContexts(), async (context, request, response) => {
          response.end('ok');
          while (!context.cancelled) await sleep(5);
          const error = request.url === '/bug' ? new TypeError('bug') : context.cause;
          thrown.push(error);
          throw error;
        }),
      ),
    );
    for (const path of ['/end', '/bug']) await (await fetch(url + path)).text();
    await eventually(() => thrown.length === 2 && hookErrors.length > 0, { what: 'what is told' });

    expect(hookErrors).toMatchObject([{ hook: 'handler', cause: { message: 'bug' } }]);
  });

  it.each(['served', 'refused'])('lives on when an upgrade that it has %s is reset', async (how) => {
    const requests = createRequestContexts();
    if (how === 'refused') await requests.drain(Context.background);
    const accept = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    const made = createServer();
    const errors: number[] = [];
    made.on('upgrade', (_request, socket) => socket.on('close', () => errors.push(socket.listenerCount('error'))));
    made.on(
      'upgrade',
      handleUpgrades(requests, (_context, _request, socket) => socket.resume().write(accept)),
    );
    const { port } = await listen(made);
    const sent = await sendRaw(port, getHead('/', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'));
    await sent.answered;
    sent.leave('reset');
    await eventually(() => requests.counts().running === 0 && errors.length === 1, { what: 'the end of the upgrade' });

    expect(errors).toEqual([1]); // without a listener, the error of a reset would end the process
  });
});

describe('an upgrade that is refused', () => {
  it('is over, and its connection closed, also where the client leaves its side open', async () => {
    const requests = createRequestContexts();
    await requests.drain(Context.background);
    const made = createServer();
    made.on(
      'upgrade',
      handleUpgrades(requests, () => {}),
    );
    const { port } = await listen(made);
    const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    client.write(getHead('/', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'));
    let text = '';
    client.on('data', (chunk) => (text += String(chunk)));
    await once(client, 'end');

    expect(text).toContain('server-draining');
    await eventually(() => requests.counts().running === 0, { what: 'the end of the upgrade' });
    expect(client.destroyed).toBe(false);
    client.destroy();
  });
});

describe('fastify', () => {
  let app: FastifyInstance;
  let requests: RequestContexts;
  beforeEach(async () => {
    app = Fastify();
    requests = createRequestContexts({ defaultTimeoutMs: 50, answerGraceMs: 10 });
    await app.register(fastifyContexts, { requests });
  });
  afterEach(() => app.close());

  it('answers a problem in place of what its handler had prepared', async () => {
    app.get('/', (_request, reply) => {
      void reply.header('content-encoding', 'gzip').header('etag', '"1"').header('x-own', '1');
      throw open();
    });
    const { statusCode, headers } = await app.inject('/');

    expect([statusCode, headers['content-encoding'], headers.etag, headers['x-own']]).toEqual([
      503,
      undefined,
      undefined,
      '1',
    ]);
  });

  it('answers for a handler that has taken its reply over, and drops what it does later', async () => {
    let isLate = false;
    app.get('/', (_request, reply) => {
      reply.hijack();
      setTimeout(() => {
        reply.raw.setHeader('x-late', '1');
        reply.raw.end('late');
        isLate = true;
      }, 1000);
    });
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    const response = await fetch(url);

    expect([response.status, await response.text()]).toEqual([504, expect.stringContaining('deadline-exceeded')]);
    await eventually(() => isLate, { what: 'the late answer' });
  });

  it.each([
    ['rejects', async () => Promise.reject(open())],
    [
      'throws',
      () => {
        throw open();
      },
    ],
  ] as const)('answers at once for a handler that has taken its reply over and then %s', async (_how, fail) => {
    requests = createRequestContexts(); // with 30 seconds
    await app.close();
    app = Fastify();
    await app.register(fastifyContexts, { requests });
    app.get('/', (_request, reply) => {
      reply.hijack();
      return fail();
    });
    app.get('/unknown', async (_request, reply) => {
      reply.hijack();
      throw new Error('a secret');
    });
    app.get('/begun', async (_request, reply) => {
      reply.hijack();
      reply.raw.write('half');
      throw new Error('a secret');
    });
    app.get('/done', async (_request, reply) => {
      reply.hijack();
      reply.raw.end('whole');
      throw new Error('too late to be told to anybody else');
    });
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    const since = Date.now();

    expect((await fetch(url)).status).toBe(503);
    const unknown = await fetch(`${url}/unknown`);
    expect([unknown.status, (await unknown.text()).includes('secret')]).toEqual([500, false]);
    await expect(fetch(`${url}/begun`).then((response) => response.text())).rejects.toBeInstanceOf(TypeError);
    expect(await (await fetch(`${url}/done`)).text()).toBe('whole');
    expect(Date.now() - since).toBeLessThan(20_000); // long before any deadline
    expect(hookErrors.map(({ hook, cause }) => [hook, (cause as Error).message])).toEqual([
      ['handler', 'a secret'],
      ['handler', 'a secret'],
      ['handler', 'too late to be told to anybody else'],
    ]);
  });

  it('drops what a handler that was answered for does on the raw response', async () => {
    let isLate = false;
    app.get('/', (_request, reply) => {
      setTimeout(() => {
        reply.raw.setHeader('x-late', '1').end('late');
        isLate = true;
      }, 1000);
    });
    const url = await app.listen({ port: 0, host: '127.0.0.1' });

    expect((await fetch(url)).status).toBe(504);
    await eventually(() => isLate, { what: 'the late answer' });
  });

  it('does not answer for a handler whose answer is on its way through the hooks of others', async () => {
    app.addHook('onSend', async (_request, _reply, payload) => {
      await sleep(150); // beyond the deadline and the grace
      return payload;
    });
    app.get('/', (_request, reply) => reply.send('mine'));
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    const response = await fetch(url);

    expect([response.status, await response.text()]).toEqual([200, 'mine']);
  });

  it('answers where such a hook fails in the end', async () => {
    let failures = 0;
    app.addHook('onSend', async (_request, _reply, payload) => {
      if (failures++ > 0) return payload;
      await sleep(150);
      throw open();
    });
    app.get('/', (_request, reply) => reply.send('mine'));
    const url = await app.listen({ port: 0, host: '127.0.0.1' });

    expect((await fetch(url)).status).toBe(504);
  });

  it('begins a request once, however often its plugin is registered', async () => {
    await app.register(async (within) => {
      await within.register(fastifyContexts, { requests });
      within.get('/', () => requests.counts().running);
    });

    expect((await app.inject('/')).body).toBe('1');
  });
});

describe('express', () => {
  it('begins a request once, also where apps that are mounted use the middleware: what was added and the deadline stay', async () => {
    const requests = createRequestContexts({ defaultTimeoutMs: 60_000 });
    const app = express();
    app.use(expressContexts(requests));
    app.use((request, _response, next) => {
      extendContext(request, (context) => context.withValue(user, 'ada').withTimeout(30_000));
      next();
    });
    const mounted = express();
    mounted.use(expressContexts(requests));
    mounted.get('/', (request, response) => {
      const context = contextOf(request);
      response.json([context.value(user), context.remainingMs() <= 30_000, requests.counts().running]);
    });
    app.use('/mounted', mounted);
    const { url } = await listen(createServer(app));

    expect(await (await fetch(`${url}/mounted`)).json()).toEqual(['ada', true, 1]);
  });
});

describe('hono without a server', () => {
  const start = (requests: RequestContexts): Hono => new Hono().use(honoContexts(requests));

  it('has a request over whose body nobody reads, as of HEAD', async () => {
    const requests = createRequestContexts();
    const app = start(requests).get('/', (c) => c.text('ok'));
    expect((await app.request('/', { method: 'HEAD' })).status).toBe(200);

    expect(requests.counts()).toMatchObject({ running: 0, ended: { answered: 1 } });
  });

  it('has a request over whose body fails, and says so', async () => {
    const requests = createRequestContexts();
    const pull = (): never => {
      throw new Error('the source failed');
    };
    const app = start(requests).get('/', () => new Response(new ReadableStream({ pull })));
    await expect((await app.request('/')).text()).rejects.toThrow('the source failed');

    expect(requests.counts()).toMatchObject({ running: 0, ended: { failed: 1 } });
  });

  it('hands on what is no usual answer, as that of an upgrade', async () => {
    const requests = createRequestContexts();
    const upgraded = Object.defineProperty(new Response(null), 'status', { value: 101 });
    const app = start(requests).get('/', () => upgraded);

    expect(await app.request('/')).toBe(upgraded);
    expect(requests.counts().running).toBe(0);
  });

  it('answers also where what the Degraded header should say is no text of a header', async () => {
    const degraded = { collect: (context: Context) => context, headerOf: () => 'a\r\nset-cookie: b' };
    const app = start(createRequestContexts({ degraded })).get('/', (c) => c.text('ok'));
    const response = await app.request('/');

    expect([await response.text(), response.headers.get('degraded')]).toEqual(['ok', null]);
    expect(hookErrors).toMatchObject([{ hook: 'degraded' }]);
  });

  it('begins a request once, however often its middleware is used', async () => {
    const requests = createRequestContexts();
    const within = start(requests).get('/', (c) => c.json([contextOf(c).value(user), requests.counts().running]));
    const app = start(requests);
    app.use(async (c, next) => {
      extendContext(c, (context) => context.withValue(user, 'ada'));
      await next();
    });
    app.route('/within', within);

    expect(await (await app.request('/within')).json()).toEqual(['ada', 1]);
  });
});
