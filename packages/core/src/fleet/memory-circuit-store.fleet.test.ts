/**
 * Breakers of several nodes together: what the fleet does for them, and what it must not do to them.
 *
 * @module
 */

import { describe, expect, it } from 'vitest';

import type { CircuitStore } from '../kernel/circuit-store.ts';
import { Context, contextKey } from '../kernel/context.ts';
import { createEvents } from '../kernel/events.ts';
import { onHookError } from '../kernel/hooks.ts';
import { circuitBreaker, type CircuitBreakerOptions } from '../policies/circuit-breaker/circuit-breaker.ts';
import { keyed } from '../policies/keyed/keyed.ts';
import { createRegistry } from '../registry/registry.ts';
import { optionTable, verdictOn } from '../testing/option-table.ts';
import { after, settled } from '../testing/operation-table.ts';
import { seededRandom } from '../testing/seeded-random.ts';
import { virtualClock } from '../testing/virtual-clock.ts';
import { type MemoryStoreOptions, memoryFleet } from './memory-circuit-store.ts';

type Breaker = ReturnType<typeof circuitBreaker>;

const quick = {
  name: 'prices',
  minimumCalls: 2,
  openForMs: 1000,
  maxProbes: 1,
  probeLeaseMs: 500,
  window: { kind: 'count', size: 4 },
} as const;

/** A fleet whose nodes have known each other for a while. */
async function fleetOf(count: number, given: CircuitBreakerOptions = {}, options: MemoryStoreOptions = {}) {
  const clock = virtualClock();
  const random = seededRandom(1);
  const fleet = memoryFleet({ clock, random });
  const stores = Array.from({ length: count }, (_each, index) => fleet.store({ node: `n${index}`, ...options }));
  const make = (node: number, more: CircuitBreakerOptions = {}): Breaker =>
    circuitBreaker({ ...quick, ...given, ...more, clock, random, store: stores[node]! });
  const breakers = stores.map((_store, node) => make(node));
  await clock.advance(2000);
  return { clock, fleet, stores, breakers, make, states: () => breakers.map(({ state }) => state).join() };
}

function fail(...breakers: readonly Breaker[]): void {
  for (const breaker of breakers) for (let call = 0; call < 2; call++) breaker.tryAcquire()?.failure();
}

describe('memory fleet: breakers', () => {
  it('memory circuit store (2): tells and hears nothing after it was closed, has no timer, and its breakers go on', async () => {
    const { clock, stores, breakers } = await fleetOf(2);
    fail(breakers[0]!);
    await Promise.all([clock.advance(10), stores[1]!.close()]);
    expect(breakers[1]!.state).toBe('closed');
    const asked = stores[1]!.health().operations;
    await stores[0]!.close();
    await clock.advance(0);
    expect(clock.pendingCount).toBe(0);
    await clock.advance(60_000);
    expect(stores[1]!.health()).toMatchObject({ mode: 'local', operations: asked });
    breakers[0]!.tryAcquire()?.success();

    expect(breakers[0]!.state).toBe('closed');
  });

  it('probes within milliseconds of the open time, where a call was refused before, or a health check asks', async () => {
    const { clock, breakers } = await fleetOf(1);
    fail(breakers[0]!);
    expect(breakers[0]!.tryAcquire()).toBeUndefined();
    await clock.advance(1010);
    expect(breakers[0]!.tryAcquire()).toBeDefined();

    let checks = 0;
    const checked = await fleetOf(2, { healthCheck: () => after(checked.clock, 5, void checks++) });
    fail(checked.breakers[0]!);
    await checked.clock.advance(1050);
    expect([checks, checked.states()]).toEqual([1, 'closed,closed']);
    expect(checked.clock.referencedCount).toBe(0);
  });

  it('checks the health of a fleet that was open when the breaker came', async () => {
    const { clock, breakers, make } = await fleetOf(1);
    fail(breakers[0]!);
    await clock.advance(10);
    let checks = 0;
    make(0, { healthCheck: async () => void checks++ });
    await clock.advance(1060);

    expect([checks, breakers[0]!.state]).toEqual([1, 'closed']);
  });

  it('says when to come back, while open, while a claim is on its way, and while others probe', async () => {
    const { clock, breakers } = await fleetOf(1);
    const [breaker] = breakers as [Breaker];
    const refusal = async () => (await settled(breaker.execute(() => 1))) as { error?: object };
    fail(breaker);
    await clock.advance(600);
    expect(await refusal()).toMatchObject({ error: { reason: 'open', retryAfterMs: 400 } });
    await clock.advance(399);
    await clock.advance(1);
    expect(await refusal()).toMatchObject({ error: { reason: 'half-open-full', retryAfterMs: 20 } });
    await clock.advance(10);
    expect(breaker.tryAcquire()).toBeDefined();
    await refusal();
    await clock.advance(5);
    const { error } = (await refusal()) as { error: { retryAfterMs: number } };

    expect(error.retryAfterMs).toBeGreaterThan(400);
    expect(error.retryAfterMs).toBeLessThan(520);
  });

  it('lets two breakers of one name in one process open, probe and close as one', async () => {
    const { clock, breakers, make } = await fleetOf(1);
    const other = make(0);
    fail(breakers[0]!);
    await clock.advance(10);
    expect([breakers[0]!.state, other.state]).toEqual(['open', 'open']);
    other.tryAcquire();
    await clock.advance(1010);
    const permits = [breakers[0]!.tryAcquire(), other.tryAcquire(), breakers[0]!.tryAcquire()].filter(Boolean);
    expect(permits).toHaveLength(1);
    permits[0]?.success();
    await clock.advance(10);

    expect([breakers[0]!.state, other.state]).toEqual(['closed', 'closed']);
  });

  it('ramps up on all nodes, and on one that comes meanwhile', async () => {
    const { clock, breakers, make } = await fleetOf(3, { rampUpMs: 2000 });
    fail(breakers[0]!, breakers[1]!);
    await clock.advance(10);
    for (const breaker of breakers) breaker.tryAcquire();
    await clock.advance(1010);
    for (const breaker of breakers) breaker.tryAcquire()?.success();
    await clock.advance(1000);
    const ratios = [...breakers, make(2)].map((breaker) => breaker.snapshot().passRatio);

    expect(ratios.every((ratio) => ratio > 0.45 && ratio < 0.55)).toBe(true);
  });

  it('opens a breaker that came long after the fleet had ruled on its circuit', async () => {
    const { clock, stores, breakers, make } = await fleetOf(2);
    fail(breakers[0]!);
    await clock.advance(10);
    await stores[0]!.hold({ id: 'prices', state: 'closed', forMs: 1, owner: 'ops', reason: '' });
    await clock.advance(10);
    for (const breaker of breakers) breaker[Symbol.dispose]();
    await clock.advance(5000);
    const [late, other] = [make(0), make(1)];
    fail(late);
    await clock.advance(50);

    expect([late.state, other.state]).toEqual(['open', 'open']);
  });

  it('opens nobody else for a breaker that only observes', async () => {
    const { clock, breakers, make } = await fleetOf(2, { enforcement: 'observe' });
    const enforcing = make(0, { enforcement: 'enforce' });
    fail(breakers[0]!, breakers[1]!);
    await clock.advance(1000);
    expect([breakers[0]!.state, enforcing.state]).toEqual(['half-open', 'closed']);
    fail(enforcing);
    await clock.advance(10);
    expect(breakers[1]!.state).toBe('open');
    expect(breakers[1]!.tryAcquire()).toBeDefined();
    enforcing.tryAcquire();
    await clock.advance(1010);
    enforcing.tryAcquire()?.success();
    await clock.advance(10);

    expect([breakers[0]!.state, breakers[1]!.state, enforcing.state]).toEqual(['closed', 'closed', 'closed']);
  });

  it('keeps a breaker that was reset closed until the fleet rules anew', async () => {
    const { clock, breakers, states } = await fleetOf(3);
    fail(breakers[0]!, breakers[1]!);
    await clock.advance(10);
    breakers[2]!.reset();
    await clock.advance(500);
    expect(states()).toBe('open,open,closed');
    expect(breakers[2]!.snapshot().fleet?.override?.state).toBe('closed');
    breakers[0]!.tryAcquire();
    await clock.advance(600);
    breakers[0]!.tryAcquire()?.failure();
    await clock.advance(10);

    expect(states()).toBe('open,open,open');
  });

  it('lets a process probe by itself when the store is silent for long, and returns when it is back', async () => {
    const { clock, fleet, breakers, stores } = await fleetOf(1, {}, { holdOffMs: 500 });
    const [breaker] = breakers as [Breaker];
    fail(breaker);
    await clock.advance(10);
    const { ledger } = fleet;
    const [sync, step] = [ledger.sync.bind(ledger), ledger.step.bind(ledger)];
    ledger.sync = ledger.step = () => {
      throw new Error('away');
    };
    await clock.advance(1100);
    expect(breaker.tryAcquire()).toBeUndefined();
    await clock.advance(4000);
    expect([stores[0]!.health().mode, breaker.tryAcquire()]).toEqual(['shared', undefined]);
    await clock.advance(10_000);
    expect(stores[0]!.health().mode).toBe('local');
    breaker.tryAcquire()?.success();
    expect(breaker.snapshot()).toMatchObject({
      state: 'closed',
      fleet: { override: { state: 'closed' }, view: 'degraded' },
    });
    Object.assign(ledger, { sync, step });
    await clock.advance(6000);

    expect(stores[0]!.health().mode).toBe('shared');
  });

  it('asks ever less often where the ledger tells and takes nothing', async () => {
    const { clock, fleet, breakers, stores } = await fleetOf(1);
    fleet.ledger.step = () => {
      throw new Error('no room');
    };
    const before = stores[0]!.health().latency.count;
    fail(breakers[0]!);
    for (let second = 0; second < 60; second++) {
      breakers[0]!.tryAcquire();
      // oxlint-disable-next-line no-await-in-loop -- time passes step by step
      await clock.advance(1000);
    }

    expect(stores[0]!.health().latency.count - before).toBeLessThan(120);
  });

  it('does not grow while keyed breakers come and go', async () => {
    const { clock, stores } = await fleetOf(1);
    const [left, members] = [[] as string[], new Set<string>()];
    const store: CircuitStore = {
      health: () => stores[0]!.health(),
      close: async () => {},
      join: (member) => {
        const shared = stores[0]!.join(member);
        members.add(member.name);
        const leave = (): void => {
          members.delete(member.name);
          left.push(member.name);
          shared.leave();
        };
        return Object.assign(Object.create(shared) as typeof shared, { leave });
      },
    };
    const host = contextKey<string>('host');
    const perHost = keyed({
      name: 'hosts',
      keyOf: (context) => context.value(host) ?? '',
      make: (_key, name) => circuitBreaker({ ...quick, name, clock, store }),
      maxKeys: 5,
      clock,
    });
    for (let index = 0; index < 50; index++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await settled(perHost.execute(() => 1, Context.background.withValue(host, `h${index}`)));
    }

    expect(members.size).toBeLessThanOrEqual(6);
    expect(left.length).toBeGreaterThanOrEqual(44);
  });

  it('believes listeners that reset, hold and change breakers while the fleet rules', async () => {
    const { clock, breakers, make, stores } = await fleetOf(2);
    const events = createEvents();
    const listening = make(0, { events });
    let told = 0;
    const handler = onHookError(() => {});
    events.listen(() => {
      if (told++ > 0) return;
      listening.reset();
      listening.hold('open', { owner: 'listener', forMs: 100 });
      listening.update({ maxProbes: 2 });
      throw new Error('a listener');
    });
    await stores[1]!.hold({ id: 'prices', state: 'forced-open', forMs: 50, owner: 'ops', reason: '' });
    await clock.advance(10);
    expect([listening.state, breakers[0]!.state]).toEqual(['forced-open', 'forced-open']);
    await clock.advance(200);
    onHookError(handler);

    expect(breakers[1]!.state).toBe('half-open');
    expect(['closed', 'half-open']).toContain(listening.state);
  });

  it('hands the store of a registry to its breakers', async () => {
    const { clock, stores } = await fleetOf(1);
    const registry = createRegistry({ clock, store: stores[0]! });
    const shared = registry.create(circuitBreaker, { name: 'a' });
    const alone = registry.create(circuitBreaker, { name: 'b', sharing: 'local' });

    expect([registry.ports.store, shared.snapshot().fleet?.view, alone.snapshot().fleet]).toEqual([
      stores[0],
      'fresh',
      undefined,
    ]);
    expect(() => createRegistry({ store: {} as never })).toThrow('registry.store must be a CircuitStore');
  });
});

describe('memory fleet: options', () => {
  const fleet = memoryFleet({ clock: virtualClock() });

  it.each([
    ...optionTable('memoryStore', {
      holdOffMs: { kind: 'number', min: 0, max: 3_600_000 },
      ballotTtlMs: { kind: 'number', min: 100, max: 60_000 },
      maxLostProbes: { kind: 'integer', min: 0, max: 100 },
      quorum: { kind: 'function' },
      onDisagreement: { kind: 'function' },
    }),
    {
      title: 'refuses a mode that is none',
      options: { mode: 'all' },
      expected: 'ConfigError: memoryStore.mode must be one of "ruling", "window", got "all" (INVALID_CONFIG)',
    },
    { title: 'accepts a mode by circuit', options: { mode: () => 'window' }, expected: 'accepted' },
  ])('$title', ({ options, expected }) => {
    expect(verdictOn((given) => fleet.store(given), options)).toBe(expected);
  });

  it.each([
    [{ state: 'ajar' }, 'hold.state must be one of'],
    [{ forMs: 0 }, 'hold.forMs must be a number from 1 to 604800000, got 0'],
    [{ owner: '' }, 'hold.owner must be a non-empty string'],
    [{ id: '' }, 'hold.id must be a non-empty string'],
  ])('refuses a hold with %j', async (wrong, message) => {
    const wish = { id: 'prices', state: 'forced-open', forMs: 10, owner: 'ops', reason: '', ...wrong } as never;

    await expect(fleet.store().hold(wish)).rejects.toThrow(message);
  });
});
