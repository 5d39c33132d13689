import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Context, contextKey } from '../../kernel/context.ts';
import type { HookError } from '../../kernel/errors.ts';
import type { Operation } from '../../kernel/handler.ts';
import { onHookError } from '../../kernel/hooks.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import type { Policy } from '../../kernel/policy.ts';
import { never, observe, settled } from '../../testing/operation-table.ts';
import { settle, virtualClock } from '../../testing/virtual-clock.ts';
import { type Bulkhead, bulkhead } from '../bulkhead/bulkhead.ts';
import { type CircuitBreaker, circuitBreaker } from '../circuit-breaker/circuit-breaker.ts';
import { timeout } from '../timeout/timeout.ts';
import { type Keyed, type KeyedOptions, keyed } from './keyed.ts';

const host = contextKey<string>('host');
const keyOf = (context: Context): string => context.value(host) ?? '';
const at = (key: string): Context => Context.background.withValue(host, key);
const boom = (): Promise<never> => Promise.reject(new Error('boom'));

/** Keyed breakers that open at the first failure. */
function breakers(options: Partial<KeyedOptions<CircuitBreaker>> = {}, clock = virtualClock()): Keyed<CircuitBreaker> {
  const make = (_key: string, name: string): CircuitBreaker => circuitBreaker({ name, clock, minimumCalls: 1 });
  return keyed({ name: 'hosts', keyOf, clock, make, ...options });
}

function bulkheads(options: Partial<KeyedOptions<Bulkhead>> = {}): Keyed<Bulkhead> {
  return keyed({ name: 'hosts', keyOf, clock: virtualClock(), make: (_key, name) => bulkhead({ name }), ...options });
}

/** Calls each key once, one after another. */
async function call(policy: Policy<unknown>, ...keys: readonly string[]): Promise<void> {
  for (const key of keys) await settled(policy.execute(() => 'value', at(key)));
}

const open = (policy: Policy<unknown>, key: string): Promise<unknown> => settled(policy.execute(boom, at(key)));

/** A policy that does nothing. */
const plain: Policy = { execute: async (operation, context = Context.background) => operation(context) };

/** A policy around `breaker` that shows nothing of it but its snapshot. */
function showing(breaker: CircuitBreaker, method: 'snapshot'): Policy {
  return Object.assign(
    { execute: <T>(operation: Operation<T>, context?: Context) => breaker.execute(operation, context) },
    { [method]: () => breaker[method]() },
  );
}

describe('members of a keyed policy', () => {
  let hookErrors: HookError[];

  beforeEach(() => {
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  it('(1), (3): makes room by forgetting the least recently used', async () => {
    const policy = bulkheads({ maxKeys: 3 });
    await call(policy, 'a', 'b', 'c', 'a', 'd');

    expect(policy.keys()).toEqual(['a', 'c', 'd']);
    expect(policy.snapshot()).toMatchObject({ size: 3, created: 4, evicted: { full: 1, idle: 0, asked: 0 } });
  });

  it('(2): keeps a member with a running call, and lets it go afterwards', async () => {
    const policy = bulkheads({ maxKeys: 1 });
    const context = at('a').withCancel();
    observe(policy.execute(never, context));
    const member = policy.get('a');
    await call(policy, 'b');

    expect([policy.keys(), policy.get('a')]).toEqual([['a'], member]);
    expect(policy.snapshot()).toMatchObject({ size: 1, overflowed: 1 });

    context.cancel();
    await call(policy, 'b');
    expect(policy.keys()).toEqual(['b']);
  });

  it.each([
    ['itself', (breaker: CircuitBreaker) => breaker],
    ['by its snapshot', (breaker: CircuitBreaker) => showing(breaker, 'snapshot')],
    ['in a pipeline', (breaker: CircuitBreaker) => pipeline(bulkhead(), pipeline(timeout(100), breaker))],
    ['in a keyed policy', (breaker: CircuitBreaker) => keyed({ keyOf, idleMs: 1, make: () => breaker })],
  ])('(2): keeps an open and a half-open circuit, %s', async (_title, around) => {
    const clock = virtualClock();
    const circuits = new Map<string, CircuitBreaker>();
    const make = (key: string): Policy => {
      const breaker = circuitBreaker({ minimumCalls: 1, openForMs: 100, clock, name: key });
      circuits.set(key, breaker);
      return around(breaker);
    };
    const policy = keyed<Policy>({ keyOf, clock, maxKeys: 2, idleMs: 1000, make });
    await open(policy, 'a');
    await call(policy, 'b', 'c');
    expect(policy.keys()).toEqual(['a', 'c']);

    await clock.advance(100);
    expect(circuits.get('a')?.state).toBe('half-open');
    await call(policy, 'd');
    expect(policy.keys()).toEqual(['a', 'd']);

    await clock.advance(5000);
    expect([policy.keys(), policy.evict('a')]).toEqual([['a'], false]);
    circuits.get('a')?.reset();
    expect(policy.keys()).toEqual([]);
  });

  it.each(['forced-open', 'forced-closed', 'half-open'])('(2): keeps a circuit that is %s', async (state) => {
    let current = state;
    const circuit = { ...plain, snapshot: () => ({ state: current }) };
    const policy = keyed<Policy>({ keyOf, clock: virtualClock(), maxKeys: 1, make: () => circuit });
    await call(policy, 'a', 'b');
    expect([policy.keys(), policy.evict('a')]).toEqual([['a'], false]);

    current = 'closed';
    await call(policy, 'b');
    expect(policy.keys()).toEqual(['b']);
  });

  it('(2): keeps a member that cannot say how it stands, and reports it', async () => {
    const mute = { ...plain, snapshot: () => JSON.parse('{') as never };
    const policy = keyed<Policy>({ keyOf, clock: virtualClock(), make: () => mute });
    await call(policy, 'a');

    expect(policy.evict('a')).toBe(false);
    expect(hookErrors.map(({ hook }) => hook)).toEqual(['state']);
  });

  it('(1), (2): runs calls that find no room under the overflow member', async () => {
    const policy = breakers({ maxKeys: 2 });
    await open(policy, 'a');
    await open(policy, 'b');
    await open(policy, 'c');

    expect(await settled(policy.execute(() => 1, at('d')))).toMatchObject({
      error: { code: 'CIRCUIT_OPEN', policy: 'hosts/__other__' },
    });
    expect(policy.keys()).toEqual(['a', 'b']);
    expect(policy.overflow.state).toBe('open');
    expect(policy.snapshot()).toMatchObject({ size: 2, overflowed: 2, calls: 4 });
  });

  it('keeps the key of the overflow member for that', async () => {
    const policy = bulkheads({ maxKeys: 1 });
    await call(policy, '__other__');

    expect([policy.size, policy.evict('__other__'), policy.get('__other__')]).toEqual([0, false, policy.overflow]);
  });

  it('(3): finds a circuit that was closed by hand among many that are open', async () => {
    const policy = breakers({ maxKeys: 40 });
    const keys = Array.from({ length: 40 }, (_, index) => `open-${index}`);
    for (const key of keys) await open(policy, key);
    policy.get('open-20')?.reset();
    for (let index = 0; index < 5; index++) await call(policy, 'new');

    expect(policy.get('open-20')).toBeUndefined();
    expect(policy.keys()).toContain('new');
  });

  it('(4): forgets what has been idle for idleMs when somebody looks or a member is made, without a timer', async () => {
    const clock = virtualClock();
    const policy = bulkheads({ clock, idleMs: 100 });
    await call(policy, 'a');
    await clock.advance(60);
    await call(policy, 'b');
    await clock.advance(39.9);
    expect(policy.keys()).toEqual(['a', 'b']);
    await clock.advance(0.1);
    expect([policy.get('a'), policy.size]).toEqual([undefined, 1]);

    await clock.advance(60);
    await call(policy, 'c');
    expect(policy.snapshot()).toMatchObject({ size: 1, evicted: { full: 0, idle: 2, asked: 0 } });
    expect(clock.pendingCount).toBe(0);
  });

  it('(4): a running call, however long, is no idleness, and Infinity never expires', async () => {
    const clock = virtualClock();
    const policy = bulkheads({ clock, idleMs: 100 });
    const patient = bulkheads({ clock, idleMs: Infinity });
    observe(policy.execute(never, at('a')));
    await call(policy, 'b');
    await call(patient, 'a');
    await clock.advance(1e9);

    expect([policy.keys(), patient.keys()]).toEqual([['a'], ['a']]);
  });

  it('a call finds a member that is there, however long it was idle', async () => {
    const clock = virtualClock();
    const policy = bulkheads({ clock, idleMs: 100 });
    await call(policy, 'a');
    const member = policy.get('a');
    await clock.advance(500);
    await call(policy, 'a');

    expect(policy.get('a')).toBe(member);
  });

  it('evicts by hand what is idle and closed, and makes a new one at the next call', async () => {
    const policy = breakers();
    await call(policy, 'a');
    const before = policy.get('a');

    expect([policy.evict('a'), policy.evict('a'), policy.evict('b')]).toEqual([true, false, false]);
    await call(policy, 'a');
    expect(policy.get('a')).not.toBe(before);
    expect(policy.snapshot()).toMatchObject({ created: 2, evicted: { full: 0, idle: 0, asked: 1 } });
  });

  it('(1) keeps the member that was made first, if make makes a call with the same key', async () => {
    const inside: unknown[] = [];
    const policy: Keyed<Bulkhead> = bulkheads({
      make: (key, name) => {
        if (key === 'a' && inside.length === 0) {
          inside.push(undefined);
          observe(policy.execute(() => 'value', at('a')));
          inside.push(policy.get('a'));
        }
        return bulkhead({ name });
      },
    });

    await call(policy, 'a');

    expect(policy.get('a')).toBe(inside[1]);
    expect(policy.get('a')?.snapshot().admitted).toBe(2);
    expect(policy.snapshot()).toMatchObject({ size: 1, created: 1, calls: 2, running: 0, overflowed: 0 });
  });

  it('(1) holds to its bound when make makes a call with another key, or disposes', async () => {
    const policy: Keyed<Bulkhead> = bulkheads({
      maxKeys: 1,
      make: (key, name) => {
        if (key === 'a') observe(policy.execute(never, at('b')));
        if (key === 'c') policy.dispose();
        return bulkhead({ name });
      },
    });
    await call(policy, 'a');
    expect([policy.keys(), policy.snapshot().overflowed]).toEqual([['b'], 1]);

    policy.delete('b');
    await call(policy, 'c');
    expect([policy.keys(), policy.snapshot().overflowed]).toEqual([[], 2]);
  });

  it('(2) keeps a member on which a call starts while it is asked how it stands', async () => {
    let isCalled = false;
    const snapshot = (): void => {
      if (isCalled) observe(policy.execute(never, at('a')));
    };
    const nosy = { ...plain, snapshot };
    const policy: Keyed = keyed<Policy>({ keyOf, clock: virtualClock(), make: () => nosy });
    await call(policy, 'a');
    isCalled = true;

    expect([policy.evict('a'), policy.keys()]).toEqual([false, ['a']]);
  });

  it('(5) forgets once a member that is forgotten while it is asked how it stands', async () => {
    let isCalled = false;
    const nosy = { ...plain, snapshot: () => void (isCalled && policy.delete('a')) };
    const policy: Keyed = keyed<Policy>({ keyOf, clock: virtualClock(), make: () => nosy });
    await call(policy, 'a');
    isCalled = true;

    expect([policy.evict('a'), policy.size, policy.snapshot().evicted.asked]).toEqual([false, 0, 1]);
  });

  it('(4): forgets at one look all circuits that were closed by hand and are idle, for that reason', async () => {
    const clock = virtualClock();
    const policy = breakers({ clock, idleMs: 100 }, clock);
    for (const key of ['a', 'b', 'c']) await open(policy, key);
    await clock.advance(100);
    expect(policy.size).toBe(3); // looked at, and put aside
    for (const [, member] of policy) member.reset();

    expect(policy.size).toBe(0);
    expect(policy.snapshot().evicted).toEqual({ full: 0, idle: 3, asked: 0 });
  });

  it('(3) forgets no more than it needs to make room, also among circuits that were closed by hand', async () => {
    const policy = breakers({ maxKeys: 3 });
    for (const key of ['a', 'b', 'c']) await open(policy, key);
    await call(policy, 'd'); // finds them open
    for (const [, member] of policy) member.reset();
    await call(policy, 'd');

    expect(policy.keys()).toHaveLength(3);
    expect(policy.snapshot().evicted.full).toBe(1);
  });

  it('charter A2: a flood of 1 000 000 keys grows nothing, and the one open circuit survives it', async () => {
    const clock = virtualClock();
    const keys = { current: 'open' };
    const policy = breakers({ maxKeys: 1000, keyOf: () => keys.current }, clock);
    await settled(policy.execute(boom));
    const member = policy.get('open');
    let largest = 0;
    for (let index = 0; index < 1_000_000; index++) {
      keys.current = `key-${index}`;
      void policy.execute(() => index);
      if (index % 1000 === 0) {
        await settle();
        largest = Math.max(largest, policy.size);
      }
    }
    await settle();

    expect(largest).toBe(1000);
    expect([policy.size, policy.get('open'), member?.state]).toEqual([1000, member, 'open']);
    expect(policy.snapshot()).toMatchObject({ calls: 1_000_001, created: 1_000_001, overflowed: 0, running: 0 });
  }, 300_000);
});
