import {
  circuitBreaker,
  createEvents,
  createRegistry,
  type CircuitBreaker,
  type CircuitBreakerOptions,
} from '@holdfast/core';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { eventually } from '../../../../test/redis-lab/eventually.ts';
import { type RedisServer, startRedisServer } from '../../../../test/redis-lab/redis-server.ts';
import { type RedisCircuitStore, type RedisCircuitStoreOptions, redisCircuitStore } from './redis-circuit-store.ts';

const rules = {
  window: { kind: 'count', size: 4 },
  minimumCalls: 2,
  openForMs: 200,
  maxProbes: 1,
  probeLeaseMs: 200,
} as const;

/** So long a slow machine may take over a request, and to connect. Milliseconds. */
const [COMMAND_MS, READY_MS] = [5000, 30_000];

let server: RedisServer;
let client: Redis;
let namespace = '';
let count = 0;

beforeAll(async () => {
  server = await startRedisServer();
  client = new Redis({ port: server.port, lazyConnect: true });
});
afterAll(() => server.stop());
beforeEach(() => {
  namespace = `n${++count}`;
});

/** One process of a fleet: a store, a breaker that shares through it, and what the store tells. */
function member(options: Partial<RedisCircuitStoreOptions> = {}, own: Partial<CircuitBreakerOptions> = {}) {
  const told: { readonly type: string }[] = [];
  const events = createEvents();
  events.listen((event) => told.push(event));
  const store = redisCircuitStore(client, { namespace, events, commandTimeoutMs: COMMAND_MS, ...options });
  const breaker = createRegistry({ store }).create(circuitBreaker, { name: 'prices', ...rules, ...own });
  return { store, breaker, told };
}

function fail(breaker: CircuitBreaker): void {
  for (let call = 0; call < 4; call++) breaker.tryAcquire()?.failure();
}

/** Or is half-open already, where the machine stood still for longer than it is open. */
function opens(breaker: CircuitBreaker): Promise<unknown> {
  return eventually(() => breaker.state !== 'closed', { what: 'a breaker that is open', everyMs: 2 });
}

function becomes(breaker: CircuitBreaker, state: string): Promise<unknown> {
  return eventually(() => breaker.state === state, { what: `a breaker that is ${state}`, everyMs: 2 });
}

async function closeAll(...stores: readonly RedisCircuitStore[]): Promise<void> {
  await Promise.all(stores.map((store) => store.close()));
}

async function connectionCount(): Promise<number> {
  return ((await server.admin.client('LIST')) as string).trim().split('\n').length;
}

describe('redisCircuitStore', () => {
  it('opens a circuit for the fleet, and closes it by one probe', async () => {
    const [one, other] = [member(), member()];
    await Promise.all([one.store.ready(READY_MS), other.store.ready(READY_MS)]);
    fail(one.breaker);
    await opens(other.breaker);

    await eventually(
      () => {
        one.breaker.tryAcquire()?.success();
        return one.breaker.state === 'closed';
      },
      { what: 'a probe' },
    );
    await becomes(other.breaker, 'closed');
    expect(await one.store.explain('prices')).toMatchObject({ ruling: { state: 'closed' }, leases: 0 });
    await closeAll(one.store, other.store);
  });

  it('(1) leaves the client alone that it was given', async () => {
    const { store } = member();
    await store.ready(READY_MS);
    await store.close();

    expect(client.status).toBe('wait');
    expect(client.eventNames()).toEqual([]);
  });

  it('connects when the first breaker joins, by two connections', async () => {
    const before = await connectionCount();
    const store = redisCircuitStore(client, { namespace });
    await new Promise((resolve) => void setTimeout(resolve, 20));
    expect(await connectionCount()).toBe(before);

    createRegistry({ store }).create(circuitBreaker, { name: 'prices', ...rules });
    expect(await store.ready(READY_MS)).toBe(true);
    expect(await connectionCount()).toBe(before + 2);
    await store.close();
    await eventually(async () => (await connectionCount()) === before, { what: 'the end of the connections' });
  });

  it('(2) goes on without a server, and says so', async () => {
    const gone = new Redis({ port: 1, lazyConnect: true });
    const store = redisCircuitStore(gone, { namespace });
    const breaker = createRegistry({ store }).create(circuitBreaker, { name: 'prices', ...rules });
    fail(breaker);

    expect(breaker.state).toBe('open');
    await expect(breaker.execute(() => 1)).rejects.toMatchObject({ code: 'CIRCUIT_OPEN' });
    expect(await store.ready(50)).toBe(false);
    expect(store.health()).toMatchObject({ mode: 'local', nodes: 1, silentMs: Infinity });
    await expect(store.hold('prices', 'open', { owner: 'alice', forMs: 0 })).rejects.toThrow('hold.forMs');
    await store.close();
  });

  it('(3) is back by itself after the server was gone, and tells when', async () => {
    const { store, breaker, told } = member();
    await store.ready(READY_MS);
    await server.kill();
    await eventually(() => store.health().mode === 'local', { what: 'the local mode' });
    fail(breaker);
    await server.restart({ empty: true });

    expect(await store.ready(READY_MS)).toBe(true);
    expect(told.map(({ type }) => type)).toEqual([
      'circuit-store.mode-changed',
      'circuit-store.mode-changed',
      'circuit-store.mode-changed',
      'circuit-store.recovered',
    ]);
    const { mode, nodes, shards, problem } = store.health();
    expect({ mode, nodes, problem }).toEqual({ mode: 'shared', nodes: 1, problem: undefined });
    expect(shards.used).toBe(1);
    await store.close();
  });

  it('(4) gives its leases back, leaves the fleet and tells nothing more when it is closed', async () => {
    const [one, other] = [member({}, { probeLeaseMs: 30_000 }), member({}, { probeLeaseMs: 300 })];
    await Promise.all([one.store.ready(READY_MS), other.store.ready(READY_MS)]);
    await one.store.close();
    await one.store.close();
    const toldBefore = one.told.length;

    await eventually(() => other.store.health().nodes === 1, { what: 'a fleet of one' });
    expect(one.told).toHaveLength(toldBefore);
    expect(one.store.health().mode).toBe('local');
    expect(await one.store.ready()).toBe(false);
    await expect(one.store.hold('prices', 'open', { owner: 'alice', forMs: 1000 })).rejects.toThrow('closed');
    await other.store.close();
  });

  it('(4) lets a breaker join after close, which decides alone', async () => {
    const { store } = member();
    await store.close();
    const late = createRegistry({ store }).create(circuitBreaker, { name: 'late', ...rules });
    fail(late);

    expect(late.state).toBe('open');
  });

  it('charter L4: holds a circuit for the whole fleet, says why, releases it, and keeps a list', async () => {
    const [one, other] = [member(), member()];
    await Promise.all([one.store.ready(READY_MS), other.store.ready(READY_MS)]);
    const ruling = await one.store.hold('prices', 'open', { owner: 'alice', forMs: 60_000, reason: 'deploy 7' });
    expect(ruling).toMatchObject({ state: 'forced-open', reason: 'held', by: ['alice'], note: 'deploy 7' });
    await expect(one.store.hold('prices', 'opened' as never, { owner: 'a', forMs: 1 })).rejects.toThrow('hold.state');
    expect(one.breaker.state).toBe('forced-open');
    await becomes(other.breaker, 'forced-open');
    expect(await other.store.explain('prices')).toMatchObject({
      ruling: { state: 'forced-open', reason: 'held', by: ['alice'] },
      view: 'fresh',
    });

    await other.store.release('prices', { owner: 'bob' });
    await becomes(one.breaker, 'half-open');
    await other.store.closeCircuit('prices', { owner: 'bob', reason: 'checked' });
    await becomes(one.breaker, 'closed');
    const audit = await one.store.audit();
    expect(audit.map(({ owner, state, reason }) => [owner, state, reason])).toEqual([
      ['bob', 'closed', 'checked'],
      ['bob', 'auto', ''],
      ['alice', 'forced-open', 'deploy 7'],
    ]);
    await closeAll(one.store, other.store);
  });

  it('holds by what a process knows that has heard nothing for a while', async () => {
    const [one, other] = [member(), member()];
    await Promise.all([one.store.ready(READY_MS), other.store.ready(READY_MS)]);
    const wish = { owner: 'alice', forMs: 60_000 };
    await other.store.hold('prices', 'open', wish);
    const deafened = one.store.hold('prices', 'closed', wish); // in the same turn: no message has come
    await expect(deafened).resolves.toMatchObject({ state: 'forced-closed' });
    await server.admin.flushall(); // its ticket is of no use
    await expect(one.store.hold('prices', 'open', wish)).resolves.toMatchObject({ state: 'forced-open' });
    await becomes(other.breaker, 'forced-open');

    await closeAll(one.store, other.store);
  });

  it('holds as the first thing that it does, as a command line does', async () => {
    const store = redisCircuitStore(client, { namespace, commandTimeoutMs: COMMAND_MS });
    await expect(store.hold('prices', 'closed', { owner: 'alice', forMs: 1000 })).resolves.toMatchObject({
      state: 'forced-closed',
    });
    expect((await store.explain('prices')).ruling.state).toBe('forced-closed');
    expect((await store.explain('unknown')).ruling).toMatchObject({ state: 'closed', epoch: 0 });
    await store.close();
  });

  it('warns where members of the fleet decide by different rules', async () => {
    const [one, other] = [member({ node: 'one' }), member({ node: 'other' }, { minimumCalls: 3 })];
    await Promise.all([one.store.ready(READY_MS), other.store.ready(READY_MS)]);
    fail(one.breaker);
    await opens(other.breaker);

    expect(other.told).toContainEqual({
      type: 'circuit-store.disagreed',
      policy: 'circuit-store',
      name: namespace,
      circuit: 'prices',
      by: 'one',
    });
    await closeAll(one.store, other.store);
  });

  it('decides alone, and says so, where the fleet has another number of shards', async () => {
    const one = member();
    await one.store.ready(READY_MS);
    const other = member({ shardCount: 2, shardKey: () => 'b' });
    const isWarned = (): boolean => other.told.some(({ type }) => type === 'circuit-store.incompatible');
    await eventually(isWarned, { what: 'the warning' });

    await new Promise((resolve) => void setTimeout(resolve, 500));
    expect(other.told.filter(({ type }) => type === 'circuit-store.incompatible')).toHaveLength(1);
    expect(other.store.health()).toMatchObject({ mode: 'local', problem: expect.stringContaining('shards') });
    await closeAll(one.store, other.store);
  });
});
