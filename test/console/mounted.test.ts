/**
 * The handler on servers that are there already: node:http, Express and Fastify, below a path of their own.
 *
 * @module
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import express from 'express';
import fastify from 'fastify';
import { describe, expect, it, onTestFinished } from 'vitest';

import { type Admin, createAdmin } from '@holdfast/console';
import { circuitBreaker, createRegistry } from '@holdfast/core';

import { tokens } from './shop.ts';

type Mount = (handler: Admin['handler']) => Promise<string>;

const onNode: Mount = async (handler) => {
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/admin/')) {
      request.url = request.url.slice('/admin'.length);
      handler(request, response);
    } else response.end('hello');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const onExpress =
  (parsesFirst: boolean): Mount =>
  async (handler) => {
    const app = express();
    if (parsesFirst) app.use(express.json());
    app.use('/admin', handler);
    app.get('/', (_request, response) => void response.send('hello'));
    const server = app.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    onTestFinished(() => server.close().closeAllConnections());
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

const onFastify: Mount = async (handler) => {
  const app = fastify({ forceCloseConnections: true });
  app.get('/', () => 'hello');
  void app.register(
    (scope, _options, done) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', (_request, _body, parsed) => parsed(null)); // the handler reads bodies itself
      scope.all('/*', (request, reply) => {
        reply.hijack();
        request.raw.url = request.raw.url?.slice('/admin'.length) ?? '/';
        handler(request.raw, reply.raw);
      });
      done();
    },
    { prefix: '/admin' },
  );
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => app.close());
  return url;
};

describe.each<[string, Mount]>([
  ['node:http', onNode],
  ['Express', onExpress(false)],
  ['Express, after a body parser', onExpress(true)],
  ['Fastify', onFastify],
])('mounted in %s', (_framework, mount) => {
  async function start() {
    const registry = createRegistry();
    const prices = registry.create(circuitBreaker, { name: 'prices' });
    const admin = createAdmin({ registry, tokens });
    onTestFinished(() => admin.close());
    const url = await mount(admin.handler);
    const ask = (path: string, init: RequestInit = {}) =>
      fetch(`${url}/admin${path}`, {
        ...init,
        headers: { Authorization: `Bearer ${tokens.operator}`, 'Content-Type': 'application/json' },
      });
    return { url, admin, prices, ask };
  }

  it('shows, acts and refuses as by itself, and leaves other paths alone', async () => {
    const { url, prices, ask } = await start();
    const hold = { state: 'open', actor: 'alice', reason: 'INC-4711', expiresInMs: 60_000 };
    const put = (body: object) => ask('/circuits/prices/hold', { method: 'PUT', body: JSON.stringify(body) });

    expect(await (await ask('/circuits/prices')).json()).toMatchObject({ state: 'closed' });
    expect((await put({ ...hold, expiresInMs: 0 })).status).toBe(400);
    expect((await put(hold)).status).toBe(200);
    expect(prices.state).toBe('forced-open');
    const release = { method: 'DELETE', body: JSON.stringify({ actor: 'alice', reason: 'over' }) };
    expect((await ask('/circuits/prices/hold', release)).status).toBe(200);
    expect((await fetch(`${url}/admin/circuits`)).status).toBe(401);
    expect((await ask('/nothing')).status).toBe(404);
    expect(await (await fetch(`${url}/`)).text()).toBe('hello');
  });

  it('streams what changes', async () => {
    const { prices, ask, admin } = await start();
    const stream = (await ask('/events')).body?.pipeThrough(new TextDecoderStream()).getReader();
    const until = async (part: string): Promise<string> => {
      let text = '';
      while (!text.includes(part)) {
        const { value, done } = (await stream?.read()) ?? { done: true };
        if (done) break;
        text += value;
      }
      return text;
    };
    expect(await until('event: hello')).toContain('"isResumed":false');

    prices.hold('open', { owner: 'me', forMs: 60_000 });

    expect(await until('"to":"forced-open"')).toContain('event: circuit');
    await admin.close();
    expect(await until('never')).not.toContain('never');
  });
});
