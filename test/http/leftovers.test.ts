/**
 * What requests leave behind, which is nothing, and what the context of one costs.
 *
 *   HOLDFAST_HTTP_LEFTOVERS=100000   requests of which nothing is to stay; 30,000 by default
 *
 * @module
 */

import { EventEmitter, once } from 'node:events';
import { Agent, type IncomingMessage, request as httpRequest } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { Context } from '@holdfast/core';
import { contextOf, createRequestContexts, type RequestContexts, sendStream } from '@holdfast/http';
import { afterEach, describe, expect, it } from 'vitest';

import { eventually } from '../redis-lab/eventually.ts';
import { fakeExchange } from './fake-exchange.ts';
import { kinds, type LiveServer, startServer } from './servers.ts';

const REQUESTS = Number(process.env['HOLDFAST_HTTP_LEFTOVERS'] ?? 30_000);
const REAL_REQUESTS = 1000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

let live: LiveServer | undefined;
afterEach(async () => {
  await live?.close();
  live = undefined;
});

/** Bytes in use after what is garbage has been collected. */
async function heapBytes(): Promise<number> {
  await new Promise(setImmediate);
  for (let round = 0; round < 3; round++) collectGarbage();
  return process.memoryUsage().heapUsed;
}

const headers = { 'x-request-timeout': '2s', 'x-request-id': 'abc123', accept: '*/*', 'user-agent': 'test' };

/** One request from its head to its end: with a deadline, a listener and a signal, answered or left. */
function serve(requests: RequestContexts, socket: EventEmitter, number: number): Context {
  const { request, response } = fakeExchange(headers, socket);
  const life = requests.begin(request, response);
  life.start(() => {
    contextOf(request).onCancel(() => {});
    if (number % 10 === 0) void contextOf(request).signal;
  });
  if (number % 3 !== 0) response.end('ok');
  response.close();
  return life.context;
}

describe('requests that are over', () => {
  it(`leave nothing: ${REQUESTS} of them on connections that are kept`, async () => {
    const requests = createRequestContexts();
    const sockets = Array.from({ length: 10 }, () => new EventEmitter());
    const serveAll = (count: number): void => {
      for (let number = 0; number < count; number++) serve(requests, sockets[number % 10] as EventEmitter, number);
    };
    const growth: number[] = [];
    for (let part = -1; part < 2; part++) {
      const before = await heapBytes();
      serveAll(REQUESTS / 2);
      if (part >= 0) growth.push((await heapBytes()) - before); // the first part is for warming up
    }

    expect(Math.min(...growth)).toBeLessThan(5 * (REQUESTS / 2)); // bytes; a context has hundreds
    expect(requests.counts().running).toBe(0);
    expect(sockets.map((socket) => socket.listenerCount('close'))).toEqual(sockets.map(() => 1));
  });

  it.each(kinds)('leave no context behind on %s', async (kind) => {
    const contexts: WeakRef<Context>[] = [];
    const enrich = (context: Context): Context => {
      contexts.push(new WeakRef(context));
      return context;
    };
    live = await startServer(kind, { answer: () => 'ok' }, { enrich });
    const agent = new Agent({ keepAlive: true, maxSockets: 10 });
    let left = REAL_REQUESTS;
    const get = async (): Promise<void> => {
      while (left-- > 0) await getOnce(live?.port ?? 0, agent);
    };
    await Promise.all(Array.from({ length: 10 }, get));
    await eventually(() => live?.requests.counts().running === 0, { what: 'the end of the requests' });
    const alive = async (): Promise<number> => {
      await heapBytes();
      return contexts.filter((each) => each.deref() !== undefined).length;
    };

    expect(contexts).toHaveLength(REAL_REQUESTS);
    await eventually(async () => (await alive()) <= 10, { what: 'the end of the contexts' }); // the last of each connection
    agent.destroy();
  });
});

describe('a long answer', () => {
  it('keeps nothing of what it has sent, however long it lasts', async () => {
    const { response } = fakeExchange();
    response.write = () => true;
    const chunks: WeakRef<Uint8Array>[] = [];
    let alive = Infinity;
    await sendStream(Context.background, response, async function* () {
      for (let number = 0; number < 1000; number++) {
        const chunk = new Uint8Array(8);
        chunks.push(new WeakRef(chunk));
        yield chunk;
      }
      await heapBytes();
      alive = chunks.filter((each) => each.deref() !== undefined).length;
    });

    expect(alive).toBeLessThan(10);
  });
});

describe('the context of a request', () => {
  it('costs less than 50 microseconds, from the head of the request to its end', () => {
    const requests = createRequestContexts();
    const socket = new EventEmitter();
    const runs = Array.from({ length: 30 }, () => cpuMicroseconds(() => serve(requests, socket, 1), 1000));

    expect(Math.min(...runs)).toBeLessThan(50); // the least, since the machine has other things to do
  });
});

/** Microseconds of the processor that one operation takes, over a batch. */
function cpuMicroseconds(operation: () => unknown, count: number): number {
  const before = process.cpuUsage();
  for (let index = 0; index < count; index++) operation();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

async function getOnce(port: number, agent: Agent): Promise<void> {
  const request = httpRequest({ port, agent, headers });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
}
