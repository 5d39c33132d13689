/**
 * Stopping over HTTP/2, of node:http2 and of Fastify: sessions are told to go, what is stuck is answered, nothing new is begun.
 *
 * @module
 */

import { once } from 'node:events';
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2';

import { Context } from '@holdfast/core';
import { contextOf, createRequestContexts } from '@holdfast/http';
import { requestContexts } from '@holdfast/http/fastify';
import Fastify from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';

import { eventually } from '../redis-lab/eventually.ts';
import { startServer } from './servers.ts';

const sessions: ClientHttp2Session[] = [];
afterEach(() => {
  for (const session of sessions.splice(0)) session.destroy();
});

function connectTo(url: string): ClientHttp2Session {
  const session = connect(url);
  session.on('error', () => {});
  sessions.push(session);
  return session;
}

async function get(session: ClientHttp2Session, path: string): Promise<[number | undefined, string]> {
  const stream = session.request({ ':path': path });
  const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders & { readonly ':status'?: number }];
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk;
  return [headers[':status'], text];
}

const waiting = (context: Context): Promise<string> => new Promise((_resolve, reject) => context.onCancel(reject));
const options = { drainGraceMs: 1500, answerGraceMs: 20 };
const isClosing = expect.stringContaining('server-closing') as string;

describe('a drain over HTTP/2', () => {
  it('of node:http2 tells sessions to go, answers what is stuck, and refuses what is new', async () => {
    const answer = (context: Context, path: string): string | Promise<string> =>
      path === '/waits' ? waiting(context) : 'ok';
    const live = await startServer('node http2', { answer }, options);
    const { url, requests } = live;
    const session = connectTo(url);
    expect(await get(session, '/')).toEqual([200, 'ok']);
    const stuck = get(session, '/waits');
    await eventually(() => requests.counts().running === 1, { what: 'the request' });
    const goaway = once(session, 'goaway');
    const drained = requests.drain(Context.background.withTimeout(3000));

    await goaway;
    expect(await stuck).toEqual([503, isClosing]);
    expect(await drained).toMatchObject({ isComplete: true, abandoned: [] });
    const other = connectTo(url);
    const closed = once(other, 'close');
    expect(await get(other, '/')).toEqual([503, expect.stringContaining('server-draining')]);
    await closed; // also of a session that came late
    expect(requests.counts().ended).toMatchObject({ answered: 1, refused: 1, 'server-closing': 1 });
    await live.close();
  });

  it('of Fastify ends with app.close(), which answers what is stuck', async () => {
    const requests = createRequestContexts(options);
    const app = Fastify({ http2: true });
    await app.register(requestContexts, { requests, drainTimeoutMs: 3000 });
    app.get('/', (request) => String(contextOf(request).remainingMs() > 0));
    app.get('/waits', (request) => waiting(contextOf(request)));
    const session = connectTo(await app.listen({ port: 0, host: '127.0.0.1' }));
    expect(await get(session, '/')).toEqual([200, 'true']);
    const stuck = get(session, '/waits');
    await eventually(() => requests.counts().running === 1, { what: 'the request' });
    const closed = app.close();

    expect(await stuck).toEqual([503, isClosing]);
    await closed;
    expect(requests.counts()).toMatchObject({ running: 0, ended: { answered: 1, 'server-closing': 1 } });
  });

  it('is not needed for a client that cancels its stream: Fastify sees it, too', async () => {
    const causes: unknown[] = [];
    const requests = createRequestContexts();
    const app = Fastify({ http2: true });
    await app.register(requestContexts, { requests });
    app.get('/', (request) => {
      contextOf(request).onCancel((cause) => causes.push(cause));
      return waiting(contextOf(request));
    });
    const session = connectTo(await app.listen({ port: 0, host: '127.0.0.1' }));
    const stream = session.request({ ':path': '/' });
    stream.on('error', () => {});
    await eventually(() => requests.counts().running === 1, { what: 'the request' });
    stream.close(8); // CANCEL
    await eventually(() => causes.length === 1, { what: 'the end of the context' });

    expect(requests.counts()).toMatchObject({ running: 0, ended: { 'client-gone': 1 } });
    session.close(); // Fastify waits for idle sessions
    await app.close();
  });
});
