import { request as httpRequest } from 'node:http';

import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { circuitBreaker, onHookError, retry } from '@holdfast/core';
import { settle } from '@holdfast/core/testing';

import {
  auth,
  change,
  createAdminUnderTest,
  json,
  openRaw,
  startAdminUnderTest,
  token,
} from '../testing/admin-under-test.ts';
import type { AdminOptions } from '../admin.ts';
import { EventLog } from './event-log.ts';
import { Ribbon } from './ribbon.ts';

const author = { actor: 'alice', reason: 'why' } as const;

/** A client of `/events`: what it has heard, as far as it has come. */
function watch(url: string, headers: Record<string, string> = {}) {
  const heard: { readonly id: string | undefined; readonly type: string; readonly data: Record<string, unknown> }[] =
    [];
  let text = '';
  let ended = false;
  const request = httpRequest(`${url}/events`, { headers: { ...auth, ...headers } }, (response) => {
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
        const type = field('event');
        if (type === undefined) continue;
        heard.push({ id: field('id'), type, data: JSON.parse(field('data') ?? '{}') as Record<string, unknown> });
      }
    });
    response.on('close', () => (ended = true)).on('error', () => {});
  });
  request.on('error', () => {}).end();
  onTestFinished(() => void request.destroy());
  const until = (test: () => boolean) => vi.waitFor(() => expect(test()).toBe(true), { timeout: 30_000, interval: 5 });
  return {
    heard,
    leave: () => request.destroy(),
    types: () => heard.map(({ type }) => type),
    lastId: () => heard.findLast(({ id }) => id !== undefined)?.id ?? '',
    greeted: () => until(() => heard.length > 0),
    until,
    isEnded: () => ended,
  };
}

async function start(options: Partial<Omit<AdminOptions, 'clock'>> = {}) {
  const parts = await startAdminUnderTest(options);
  const breaker = parts.registry.create(circuitBreaker, { name: 'prices', minimumCalls: 1, openForMs: 1000 });
  const tries = parts.registry.create(retry, { name: 'prices', maxAttempts: 1 });
  const prices = parts.registry.pipeline('prices', tries, breaker);
  return { ...parts, breaker, prices };
}

describe('live feed', () => {
  it('tells what changes, each once, with an id to go on from', async () => {
    const { url, clock, breaker, degradation, put, ask } = await start();
    const client = watch(url);
    await client.greeted();

    breaker.hold('open', { owner: 'me', forMs: 500 });
    await clock.advance(100);
    await put('/features/recommendations', change);
    degradation.setLevel(1.5, { actor: 'brownout', reason: 'slow' });
    await clock.advance(100);
    await ask('/policies/circuit-breaker%2Fprices', {
      method: 'PATCH',
      headers: json,
      body: JSON.stringify({ changes: { openForMs: 5 }, ...author }),
    });
    await client.until(() => client.types().includes('action'));

    expect(client.heard[0]).toMatchObject({ type: 'hello', data: { sampleMs: 0, isResumed: false } });
    expect(client.heard.find(({ type }) => type === 'circuit')?.data).toMatchObject({
      id: 'prices',
      from: 'closed',
      to: 'forced-open',
      atMs: Date.UTC(2026, 0, 1) + 100,
    });
    expect(client.heard.find(({ type }) => type === 'feature')?.data).toMatchObject({
      name: 'recommendations',
      mode: 'cached',
      override: { actor: 'alice', reason: 'INC-4711' },
    });
    expect(client.heard.find(({ type }) => type === 'action')?.data).toMatchObject({ kind: 'feature.set' });
    const numbers = client.heard.map(({ id = '' }) => Number(id.split('-')[1]));
    expect(numbers).toEqual(numbers.toSorted((one, other) => one - other));
  });

  it('takes samples of outcomes and latencies, of what had calls only, and keeps the last minute', async () => {
    const { url, clock, registry, breaker, prices, ask } = await start({ sampleMs: 1000 });
    registry.create(circuitBreaker, { name: 'idle' });
    const client = watch(url);
    await client.greeted();
    await clock.advance(1000);

    const slow = prices.execute(() => new Promise((resolve) => void clock.setTimer(() => resolve(1), 100)));
    await clock.advance(100);
    await slow;
    await prices.execute(() => Promise.reject(new Error('down'))).catch(() => {});
    expect(breaker.state).toBe('open');
    await prices.execute(() => 1).catch(() => {});
    await clock.advance(900);
    await client.until(() => client.types().filter((type) => type === 'sample').length >= 2);

    const sample = client.heard.findLast(({ type }) => type === 'sample')?.data;
    expect(sample).toMatchObject({
      spanMs: 1000,
      level: 0,
      circuits: { prices: [1, 1, 0, 1] },
      pipelines: { 'pipeline/prices': [1, 1, 1, 0, 0] },
    });
    const { latencies } = sample as { latencies: Record<string, number[]> };
    const [p50Ms = 0, , p99Ms = 0] = latencies['pipeline/prices'] ?? [];
    expect([p50Ms < 1, p99Ms > 90 && p99Ms < 110]).toEqual([true, true]);
    expect(client.heard.findLast(({ type }) => type === 'sample')?.id).toBeUndefined();
    await clock.advance(90_000);
    const history = (await ask('/history')).body as {
      samples: unknown[];
      circuits: Record<string, [number, string][]>;
    };
    expect(history.samples.length).toBe(60);
    expect(history.circuits['prices']?.map(([, state]) => state)).toEqual(['closed', 'open', 'half-open']);
    expect(history.circuits['idle']?.length).toBe(1);
  });

  it('(1) listens only while somebody watches', async () => {
    const { url, registry, clock } = await start();
    expect(registry.events.active).toBe(false);
    const client = watch(url);
    await client.greeted();
    expect(registry.events.active).toBe(true);

    client.leave();
    await client.until(() => !registry.events.active);

    expect(clock.pendingCount).toBe(0);
  });

  it('goes on after the last event that a client has heard, and says so where it cannot', async () => {
    const { url, breaker, clock } = await start();
    const client = watch(url);
    await client.greeted();
    const first = breaker.hold('open', { owner: 'me', forMs: 5000 });
    await clock.advance(100);
    await client.until(() => client.types().includes('circuit'));
    client.leave();
    await settle();
    first.release();

    const again = watch(url, { 'Last-Event-ID': client.lastId() });
    await again.until(() => again.heard.length > 1);
    expect(again.heard.map(({ type, data }) => [type, data['to'] ?? data['isResumed']])).toEqual([
      ['hello', true],
      ['circuit', 'closed'],
    ]);
    for (const id of ['0-0', 'nonsense', `${client.lastId()}9`]) {
      const lost = watch(url, { 'Last-Event-ID': id });
      await lost.greeted();
      expect(lost.heard[0]?.data).toMatchObject({ isResumed: false });
    }
  });

  it('(2) refuses one client more than may watch, until one has left', async () => {
    const { url, ask, registry } = await start({ maxWatchers: 1 });
    const client = watch(url);
    await client.greeted();

    expect(await ask('/events')).toMatchObject({ status: 503, body: { code: 'TOO_MANY_WATCHERS' } });
    client.leave();
    await client.until(() => !registry.events.active);
    const next = watch(url);
    await next.greeted();
    expect(next.types()).toEqual(['hello']);
  });

  it('(2) keeps places for those who act', async () => {
    const roles = { viewer: 'a-token-that-only-looks', operator: token };
    const { url, ask } = await start({ maxWatchers: 4, tokens: roles });
    const asViewer = { Authorization: `Bearer ${roles.viewer}` };
    for (let count = 0; count < 3; count++) await watch(url, asViewer).greeted();

    expect((await ask('/events', { headers: asViewer })).status).toBe(503);
    await watch(url).greeted();
    expect((await ask('/events')).status).toBe(503);
  });

  it('(2) lets one client with many requests on one connection take one place, and frees it when that ends', async () => {
    const { url, port, ask } = await start({ maxWatchers: 4 });
    const { socket, answer } = openRaw(port);
    socket.write(`GET /events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`.repeat(20));
    await new Promise((resolve) => socket.once('data', resolve));

    for (let count = 0; count < 3; count++) await watch(url).greeted();
    expect((await ask('/events')).status).toBe(503);

    socket.destroy();
    await answer;
    await vi.waitFor(async () => expect((await ask('/events', { method: 'HEAD' })).status).toBe(200), 30_000);
    await watch(url).greeted();
  });

  it('(3) tells once what changes many times within a moment', async () => {
    const { url, breaker, clock } = await start();
    const client = watch(url);
    await client.greeted();

    for (let count = 0; count < 51; count++) {
      const held = breaker.hold('open', { owner: 'me', forMs: 5000 });
      if (count < 50) held.release();
    }
    await clock.advance(100);
    await client.until(() => client.types().includes('circuit'));
    await clock.advance(1000);

    expect(client.heard.filter(({ type }) => type === 'circuit').map(({ data }) => data['to'])).toEqual([
      'forced-open',
    ]);
  });

  it('(4) ends every stream and timer when the endpoint closes', async () => {
    const { url, admin, clock, registry } = await start({ sampleMs: 1000 });
    const client = watch(url);
    await client.greeted();

    await admin.close();
    await client.until(() => client.isEnded());

    expect([clock.pendingCount, registry.events.active]).toEqual([0, false]);
  });

  it('keeps no process alive, and nothing at all before it is used', async () => {
    const { admin, clock, registry } = createAdminUnderTest({ sampleMs: 1000 });
    await clock.advance(0); // the features have begun
    expect([clock.pendingCount, registry.events.active]).toEqual([0, false]);
    await admin.listen();
    await settle();

    expect([clock.pendingCount, clock.referencedCount]).toEqual([1, 0]);
  });

  it('(5) survives a policy that cannot be read, and reports it once', async () => {
    const { registry, clock, ask } = await start({ sampleMs: 1000 });
    const report = vi.fn<() => void>();
    const before = onHookError(report);
    onTestFinished(() => void onHookError(before));
    const broken = { kind: 'circuit-breaker', name: 'broken', snapshot: () => ({ calls: 1 }), execute: () => 1 };
    registry.add(broken as never);

    await clock.advance(5000);

    expect(report).toHaveBeenCalledTimes(1);
    expect((await ask('/history')).body).toMatchObject({ circuits: { prices: [[expect.any(Number), 'closed']] } });
  });

  it('answers HEAD without a stream', async () => {
    const { ask } = await start();

    const { status, headers } = await ask('/events', { method: 'HEAD' });

    expect([status, headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  });
});

describe('event log', () => {
  it('(1) (2) knows the last events, and says so where it does not', () => {
    const log = new EventLog();
    const first = log.lastId;
    for (let count = 0; count < 4096; count++) log.add('circuit', String(count), {});
    expect(log.after(first)?.length).toBe(4096);
    log.add('circuit', 'more', {});

    expect(log.after(first)).toBeUndefined();
    expect(log.after(log.lastId)).toEqual([]);
    const { lastId } = log;
    log.restart();
    expect(log.after(lastId)).toBeUndefined();
  });
});

describe('ribbon', () => {
  it('(1) (2) holds the last changes, each to another state', () => {
    const ribbon = new Ribbon(0, 'a');
    expect([ribbon.note(1, 'a'), ribbon.note(2, 'b'), ribbon.state]).toEqual([false, true, 'b']);
    for (let at = 3; at < 1000; at++) ribbon.note(at, String(at));

    expect([ribbon.list().length, ribbon.list().at(-1)]).toEqual([256, [999, '999']]);
  });
});
