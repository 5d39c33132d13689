/**
 * Clients that leave: each is seen exactly once, in whatever state its request is, and nobody else is taken for one.
 *
 *   HOLDFAST_HTTP_DISCONNECTS=1000   of each kind, on each framework; 100 by default
 *   HOLDFAST_HTTP_BODIES=10000       POSTs with bodies on each framework; 1,000 by default
 *
 * @module
 */

import { once } from 'node:events';
import { Agent, type IncomingMessage, request as httpRequest } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';

import type { Context } from '@holdfast/core';
import { isClientGone, type RequestContextsOptions } from '@holdfast/http';
import { afterEach, describe, expect, it } from 'vitest';

import { eventually } from '../redis-lab/eventually.ts';
import { getHead, type Leaving, postHead, sendRaw, type SentRequest } from './raw-client.ts';
import { type Kind, kinds, type LiveServer, startServer } from './servers.ts';

const DISCONNECTS = Number(process.env['HOLDFAST_HTTP_DISCONNECTS'] ?? 100);
const BODIES = Number(process.env['HOLDFAST_HTTP_BODIES'] ?? 1000);
const AT_ONCE = 50;
const LIMIT_MS = 60_000;

let live: LiveServer | undefined;
afterEach(() => live?.close());

/** Notes why contexts end. */
class Ends {
  readonly causes: unknown[] = [];
  readonly options: RequestContextsOptions = {
    enrich: (context) => {
      context.onCancel((cause) => this.causes.push(cause));
      return context;
    },
  };

  get gone(): number {
    return this.causes.filter(isClientGone).length;
  }
}

const waiting = (context: Context): Promise<string> => new Promise((_resolve, reject) => context.onCancel(reject));

const body = JSON.stringify({ goods: 'x'.repeat(2000) });

/** The states in which a request is left. */
const states: Readonly<Record<string, (port: number) => Promise<SentRequest>>> = {
  'waiting for the answer': (port) => sendRaw(port, postHead('/', body.length), body),
  'in the middle of the body': (port) => sendRaw(port, postHead('/', body.length * 10), body),
  'in the middle of a stream': async (port) => {
    const sent = await sendRaw(port, getHead('/events', 'Accept: text/event-stream\r\n'));
    await sent.answered;
    return sent;
  },
};

const events = async function* tick(context: Context): AsyncGenerator<string> {
  for (;;) {
    yield 'tick';
    await Promise.race([waiting(context), new Promise((resolve) => setTimeout(resolve, 20))]);
  }
};

describe.each(kinds)('clients of %s that leave', (kind) => {
  it.each(
    Object.keys(states).flatMap((state) =>
      (['destroy', 'reset', 'half close'] as const).map((how) => [state, how] as const),
    ),
  )('%s, by %s, are seen once each', async (state, how: Leaving) => {
    const ends = new Ends();
    const outcomes: string[] = [];
    const options = { ...ends.options, onEnded: ({ outcome }: { outcome: string }) => outcomes.push(outcome) };
    live = await startServer(kind, { answer: waiting, events }, options);
    const { requests, port } = live;
    for (let begun = 0; begun < DISCONNECTS; begun += AT_ONCE) {
      const count = Math.min(AT_ONCE, DISCONNECTS - begun);
      const sent = await Promise.all(Array.from({ length: count }, async () => states[state]?.(port)));
      await eventually(() => requests.counts().running === count, { what: 'the requests', limitMs: LIMIT_MS });
      for (const each of sent) each?.leave(how);
      await eventually(() => requests.counts().running === 0, { what: 'the end of the requests', limitMs: LIMIT_MS });
    }

    expect(requests.counts()).toMatchObject({
      running: 0,
      ended: { 'client-gone': DISCONNECTS, answered: 0, failed: 0 },
    });
    expect([ends.causes.length, ends.gone]).toEqual([DISCONNECTS, DISCONNECTS]);
    expect(outcomes).toEqual(Array.from({ length: DISCONNECTS }, () => 'client-gone'));
  });

  it('are none when they send a body and wait: POST after POST', async () => {
    const ends = new Ends();
    let early = 0;
    const answer = async (context: Context): Promise<string> => {
      await new Promise(setImmediate); // a turn in which a body that was read could be taken for a client that has gone
      if (context.cancelled) early++;
      return 'ok';
    };
    live = await startServer(kind, { answer }, ends.options);
    const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
    let left = BODIES;
    const post = async (): Promise<void> => {
      while (left-- > 0) await postOnce(live?.port ?? 0, agent);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, post));
    agent.destroy();

    await eventually(() => live?.requests.counts().running === 0, { what: 'the end of the requests' });
    expect(live.requests.counts().ended).toMatchObject({ answered: BODIES, 'client-gone': 0, failed: 0 });
    expect([ends.causes.length, ends.gone, early]).toEqual([BODIES, 0, 0]);
  });
});

describe('clients of node:http that have sent several requests at once', () => {
  it('are seen once for each, also where its turn to be answered had not come', async () => {
    const ends = new Ends();
    live = await startServer('node', { answer: waiting }, ends.options);
    const sent = await sendRaw(live.port, getHead('/1') + getHead('/2') + getHead('/3'));
    await eventually(() => live?.requests.counts().running === 3, { what: 'the requests' });
    sent.leave('destroy');
    await eventually(() => live?.requests.counts().running === 0, { what: 'the end of the requests' });

    expect(live.requests.counts().ended['client-gone']).toBe(3);
    expect([ends.causes.length, ends.gone]).toEqual([3, 3]);
  });
});

describe('clients of node:http2', () => {
  let session: ClientHttp2Session | undefined;
  afterEach(() => session?.destroy());

  async function start(kind: Kind, ends: Ends, answer = waiting): Promise<LiveServer> {
    live = await startServer(kind, { answer, events }, ends.options);
    session = connectHttp2(live.url);
    session.on('error', () => {});
    return live;
  }

  it.each(['/', '/events'])('that cancel their streams are seen once each: %s', async (path) => {
    const ends = new Ends();
    const { requests } = await start('node http2', ends);
    for (let begun = 0; begun < DISCONNECTS; begun += AT_ONCE) {
      const count = Math.min(AT_ONCE, DISCONNECTS - begun);
      const streams = Array.from({ length: count }, () => {
        const stream = session?.request({ ':method': path === '/' ? 'POST' : 'GET', ':path': path });
        stream?.on('error', () => {});
        stream?.end(path === '/' ? body : undefined);
        return stream;
      });
      await eventually(() => requests.counts().running === count, { what: 'the requests', limitMs: LIMIT_MS });
      for (const stream of streams) stream?.close(8); // CANCEL
      await eventually(() => requests.counts().running === 0, { what: 'the end of the requests', limitMs: LIMIT_MS });
    }

    expect(requests.counts().ended).toMatchObject({ 'client-gone': DISCONNECTS, answered: 0, failed: 0 });
    expect([ends.causes.length, ends.gone]).toEqual([DISCONNECTS, DISCONNECTS]);
  });

  it('that drop their session are seen once for each stream', async () => {
    const ends = new Ends();
    const { requests } = await start('node http2', ends);
    for (let index = 0; index < AT_ONCE; index++) session?.request({ ':path': '/' }).on('error', () => {});
    await eventually(() => requests.counts().running === AT_ONCE, { what: 'the requests' });
    session?.destroy();
    await eventually(() => requests.counts().running === 0, { what: 'the end of the requests' });

    expect([ends.causes.length, ends.gone]).toEqual([AT_ONCE, AT_ONCE]);
  });

  it('are none when they send a body and wait', async () => {
    const ends = new Ends();
    const { requests } = await start('node http2', ends, async () => 'ok');
    const post = async (): Promise<void> => {
      const stream = session?.request({ ':method': 'POST', ':path': '/' });
      stream?.end(body);
      stream?.resume();
      await once(stream as NonNullable<typeof stream>, 'close');
    };
    for (let sent = 0; sent < BODIES; sent += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, post));
    await eventually(() => requests.counts().running === 0, { what: 'the end of the requests' });

    expect(requests.counts().ended).toMatchObject({ answered: BODIES, 'client-gone': 0 });
    expect(ends.gone).toBe(0);
  });
});

async function postOnce(port: number, agent: Agent): Promise<void> {
  const request = httpRequest({ port, method: 'POST', agent, headers: { 'content-type': 'application/json' } });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
}
