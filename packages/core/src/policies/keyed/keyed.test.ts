import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type Clock, systemClock } from '../../kernel/clock.ts';
import { Context, contextKey } from '../../kernel/context.ts';
import type { HookError } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import { onHookError } from '../../kernel/hooks.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { type LayeredPolicy, type Policy, createPolicy } from '../../kernel/policy.ts';
import { createRegistry } from '../../registry/registry.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { never, observe, operationTable, settled } from '../../testing/operation-table.ts';
import { optionTable, verdictOn } from '../../testing/option-table.ts';
import { settle, virtualClock } from '../../testing/virtual-clock.ts';
import { type Bulkhead, bulkhead } from '../bulkhead/bulkhead.ts';
import { type CircuitBreaker, circuitBreaker } from '../circuit-breaker/circuit-breaker.ts';
import { fallback } from '../fallback/fallback.ts';
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

describe('keyed', () => {
  let hookErrors: HookError[];

  beforeEach(() => {
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  describe('members', () => {
    it('lets a pipeline count its own calls', async () => {
      const policy = keyed({ keyOf, clock: virtualClock(), make: (_key, name) => pipeline({ name }, bulkhead()) });
      await call(policy, 'a', 'a', 'b');

      expect([policy.get('a')?.calls.success, policy.get('b')?.calls.success]).toEqual([2, 1]);
    });

    it('takes policies of your own, also one that has a handler', async () => {
      const answered: string[] = [];
      const make = (key: string): Policy => ({
        execute: (operation, context = Context.background) => (answered.push(key), Promise.resolve(operation(context))),
      });
      const odd = (key: string): Policy => Object.assign(make(key), { handler: (_a: 1, _b: 2, _c: 3, _d: 4) => {} });
      await call(keyed({ keyOf, clock: virtualClock(), make }), 'a');
      await call(keyed({ keyOf, clock: virtualClock(), make: odd }), 'b');

      expect(answered).toEqual(['a', 'b']);
    });

    it('(1) makes a member when its key is first used, and keeps it', async () => {
      const made: string[] = [];
      const policy = bulkheads({ make: (key, name) => bulkhead({ name: (made.push(key), name) }) });

      await call(policy, 'a', 'b', 'a', 'a');

      expect(made).toEqual(['__other__', 'a', 'b']);
      expect([policy.keys(), policy.size]).toEqual([['a', 'b'], 2]);
      expect(policy.get('a')?.name).toBe('hosts/a');
      expect([...policy]).toEqual([
        ['a', policy.get('a')],
        ['b', policy.get('b')],
      ]);
      expect([policy.get('c'), policy.size]).toEqual([undefined, 2]);
    });

    it('charter P1: the failures of one key open the circuit of that key only', async () => {
      const policy = breakers();

      await open(policy, 'a');

      expect(await settled(policy.execute(() => 1, at('a')))).toMatchObject({
        error: { code: 'CIRCUIT_OPEN', policy: 'hosts/a' },
      });
      expect(await settled(policy.execute(() => 1, at('b')))).toEqual({ status: 'fulfilled', value: 1 });
    });

    it('charter P2: says by calls per member that keys are too fine for anything to be decided', async () => {
      const coarse = bulkheads();
      const fine = bulkheads();
      for (let index = 0; index < 100; index++) {
        await call(coarse, `/orders/:id`);
        await call(fine, `/orders/${index}`);
      }

      const perMember = ({ calls, created }: { calls: number; created: number }): number => calls / created;
      expect([perMember(coarse.snapshot()), perMember(fine.snapshot())]).toEqual([100, 1]);
    });

    it('(1) is at work in a pipeline, in two at once, and as the outermost', async () => {
      const policy = breakers();
      const layered = pipeline(fallback({ value: 'substitute' }), policy, timeout(100));
      const other = pipeline(policy, bulkhead());

      await open(layered, 'a');

      expect(await layered.execute(() => 1, at('a'))).toBe('substitute');
      expect(await settled(other.execute(() => 1, at('a')))).toMatchObject({ error: { code: 'CIRCUIT_OPEN' } });
      expect(await other.execute(() => 2, at('b'))).toBe(2);
      expect(policy.get('a')?.snapshot().rejections.open).toBe(2);
    });

    it('(1) makes the layers of a member once per policy inside it', async () => {
      const made: string[] = [];
      const policy = keyed({
        keyOf,
        make: (key) => createPolicy({ kind: 'own', name: key, layer: (inner) => (made.push(key), inner) }),
      });
      made.length = 0;
      const layered = pipeline(policy, bulkhead());

      await call(policy, 'a', 'a');
      await call(layered, 'a', 'a');
      await call(policy, 'a', 'a');

      expect(made.filter((key) => key === 'a')).toHaveLength(3); // policy of its own, ours, the pipeline's
    });

    it('wraps functions', async () => {
      const wrapped = breakers().wrap((_context: Context, value: number) => value * 2);

      expect(await wrapped(at('a'), 21)).toBe(42);
    });

    it.each(operationTable())('passes through an operation that $title', async ({ operation, expected }) => {
      const outcome = await settled(bulkheads().execute(operation, at('a')));

      expect(outcome).toEqual(expected);
      if (expected.status === 'rejected') expect((outcome as { error: unknown }).error).toBe(expected.error); // (4)
    });
  });

  describe('calls', () => {
    it.each(operationTable())('(2) counts a call out once when its operation $title', async ({ operation }) => {
      const policy = bulkheads();

      await settled(policy.execute(operation, at('a')));

      expect(policy.snapshot()).toMatchObject({ running: 0, calls: 1 });
      expect(policy.evict('a')).toBe(true);
    });

    it('(2) counts a call out when its context ends, or its member refuses or times it out', async () => {
      const clock = virtualClock();
      const policy = keyed({
        keyOf,
        clock,
        make: (_key, name) => pipeline({ name }, bulkhead(1), timeout({ timeoutMs: 50, clock })),
      });
      const context = at('a').withCancel();
      const all = [policy.execute(never, context), policy.execute(never, at('a')), policy.execute(never, at('b'))];
      const ends = all.map(settled);
      await settle();

      expect(policy.snapshot()).toMatchObject({ running: 2, calls: 3 });
      expect([policy.evict('a'), policy.evict('b')]).toEqual([false, false]);
      context.cancel('enough');
      await clock.advance(50);

      expect(await Promise.all(ends)).toMatchObject([
        { error: 'enough' },
        { error: { code: 'BULKHEAD_FULL' } },
        { error: { code: 'TIMEOUT' } },
      ]);
      expect(policy.snapshot().running).toBe(0);
      expect([policy.evict('a'), policy.evict('b')]).toEqual([true, true]);
    });

    it('starts nothing, and makes no member, under a context that has ended', async () => {
      const policy = bulkheads();
      const context = at('a').withCancel();
      context.cancel('enough');

      expect(await settled(policy.execute(() => 1, context))).toMatchObject({ error: 'enough' });
      expect(policy.size).toBe(0);
    });

    it.each([
      ['throws', () => JSON.parse('{') as string],
      ['returns an empty string', () => ''],
      ['returns undefined', () => undefined as unknown as string],
      ['returns a promise that rejects', () => Promise.reject(new Error('late')) as unknown as string],
    ])('(3) a keyOf that %s is reported, and the call runs under the empty key', async (_title, broken) => {
      const policy = bulkheads({ keyOf: broken });

      expect(await policy.execute(() => 42)).toBe(42);

      expect(policy.keys()).toEqual(['']);
      expect(policy.get('')?.name).toBe('hosts/');
      expect(hookErrors.map(({ hook, policy: name }) => `${hook} of ${String(name)}`)).toEqual(['keyOf of hosts']);
    });

    it('(3) says what keyOf gave in place of a key', async () => {
      for (const key of ['', 7, undefined]) await bulkheads({ keyOf: () => key as string }).execute(() => 1);

      expect(hookErrors.map(({ cause }) => (cause as Error).message)).toEqual(
        ['an empty one', 'number', 'undefined'].map((what) => `keyOf must return a non-empty string, got ${what}`),
      );
    });

    it.each([
      ['throws', () => JSON.parse('{') as Bulkhead],
      ['returns no policy', () => ({}) as Bulkhead],
      ['returns nothing', () => undefined as unknown as Bulkhead],
    ])('(3) a make that %s is reported, and the call runs under the overflow member', async (_title, broken) => {
      const policy = bulkheads({ make: (key) => (key === 'bad' ? broken() : bulkhead(1)) });
      observe(policy.execute(never, at('bad')));

      expect(await settled(policy.execute(() => 1, at('bad')))).toMatchObject({ error: { code: 'BULKHEAD_FULL' } });
      expect(policy.overflow.snapshot()).toMatchObject({ running: 1, rejected: 1 });
      expect(policy.snapshot()).toMatchObject({ size: 0, overflowed: 2 });
      expect(hookErrors.map(({ hook }) => hook)).toEqual(['make', 'make']);
    });

    it('(3) a member whose layer throws is reported once, and its calls run under the overflow member', async () => {
      const layer: LayeredPolicy['layer'] = () => JSON.parse('{') as never;
      const policy = keyed<LayeredPolicy>({
        keyOf,
        make: (key) => (key === 'bad' ? createPolicy({ kind: 'own', name: key, layer: (inner) => inner }) : bulkhead()),
      });
      const broken = keyed<Policy>({
        keyOf,
        make: (key) => (key === 'bad' ? Object.assign({ execute: () => never() }, { layer }) : bulkhead(1)),
      });
      await call(policy, 'bad');
      expect(hookErrors).toEqual([]);

      observe(broken.execute(never, at('bad')));

      expect(await settled(broken.execute(() => 1, at('bad')))).toMatchObject({ error: { code: 'BULKHEAD_FULL' } });
      expect(hookErrors.map(({ hook }) => hook)).toEqual(['make']);
    });

    it('throws at creation what make throws or should not return', () => {
      expect(verdictOn(bulkheads, { make: () => bulkhead(0) })).toContain('bulkhead.maxConcurrent must be');
      expect(verdictOn(bulkheads, { make: () => 'no policy' })).toContain('keyed.make must return a policy');
      expect(verdictOn(bulkheads, { make: () => null })).toContain('keyed.make must return a policy');
    });

    it('(4) hands no instant of one clock to a policy on another', async () => {
      const ours = virtualClock(1000);
      const theirs = virtualClock(500_000);
      const seen: number[] = [];
      const spy = (clock: Clock): LayeredPolicy =>
        createPolicy({
          kind: 'spy',
          name: 'spy',
          clock,
          layer: (inner) => (operation, context, sink, now) => {
            seen.push(now);
            inner(operation, context, sink, clock.now());
          },
        });
      const policy = keyed({ keyOf, clock: ours, make: () => spy(theirs) });

      await call(pipeline(spy(ours), policy, spy(ours)), 'a', 'a');

      expect(seen).toEqual(Array.from({ length: 6 }, () => -Infinity));
      const alike = keyed({ keyOf, clock: ours, make: () => spy(ours) });
      seen.length = 0;
      await call(pipeline(alike, spy(ours)), 'a', 'a');
      expect(seen).toEqual([1000, 1000, -Infinity, 1000]);
    });

    it('reads the clock at most once each way, and not at all to find a member if nothing expires', async () => {
      let reads = 0;
      const clock: Clock = {
        now: () => reads++,
        setTimer: (callback, delayMs) => systemClock.setTimer(callback, delayMs),
      };
      const policy = bulkheads({ clock, idleMs: Infinity });
      await call(policy, 'a');
      reads = 0;
      await call(policy, 'a');
      expect(reads).toBe(0);

      const expiring = bulkheads({ clock });
      await call(expiring, 'a');
      reads = 0;
      await call(expiring, 'a');
      expect(reads).toBe(1);
    });
  });

  describe('events', () => {
    it('tells of members made and forgotten', async () => {
      const events = createEvents();
      const recorder = recordEvents(events);
      const clock = virtualClock();
      const policy = bulkheads({ maxKeys: 1, idleMs: 100, clock, events });
      await call(policy, 'a', 'b');
      policy.evict('b');
      await call(policy, 'c');
      await clock.advance(100);
      expect(policy.size).toBe(0);

      const event = { policy: 'keyed', name: 'hosts' };
      expect(recorder.events).toEqual([
        { type: 'keyed.created', ...event, key: 'a' },
        { type: 'keyed.evicted', ...event, key: 'a', reason: 'full' },
        { type: 'keyed.created', ...event, key: 'b' },
        { type: 'keyed.evicted', ...event, key: 'b', reason: 'asked' },
        { type: 'keyed.created', ...event, key: 'c' },
        { type: 'keyed.evicted', ...event, key: 'c', reason: 'idle' },
      ]);
    });

    it('members (1), (2): holds to its bound when a listener makes calls of its own and evicts', async () => {
      const events = createEvents();
      const policy = bulkheads({ maxKeys: 2, events });
      let left = 20;
      const evicted: boolean[] = [];
      events.listen((event) => {
        if (event.type === 'keyed.created') evicted.push(policy.evict((event as unknown as { key: string }).key));
        if (left-- > 0) observe(policy.execute(() => 'value', at(`listener-${left % 3}`)));
      });
      for (let index = 0; index < 10; index++) {
        await call(policy, `key-${index % 4}`);
        expect(policy.size).toBeLessThanOrEqual(2);
      }

      expect(new Set(evicted)).toEqual(new Set([false])); // the call that made it runs
      expect(policy.snapshot().running).toBe(0);
    });

    it('charter A2: members made in a registry leave it when they are evicted', async () => {
      const registry = createRegistry({ clock: virtualClock() });
      const policy = registry.create(keyed<Bulkhead>, {
        name: 'hosts',
        keyOf,
        maxKeys: 2,
        make: (_key, name) => registry.create(bulkhead, { name }),
      });
      registry.events.listen((event) => {
        if (event.type !== 'keyed.evicted') return;
        const gone = registry.get('bulkhead', `hosts/${(event as unknown as { key: string }).key}`);
        if (gone !== undefined) registry.remove(gone);
      });

      await call(policy, 'a', 'b', 'c', 'a');

      expect(new Set([...registry].map(({ name }) => name))).toEqual(
        new Set(['hosts/__other__', 'hosts', 'hosts/c', 'hosts/a']),
      );
      expect(hookErrors).toEqual([]);
    });
  });

  describe('options', () => {
    const base = { keyOf, make: () => bulkhead() };
    const table = optionTable(
      'keyed',
      {
        name: { kind: 'name' },
        maxKeys: { kind: 'integer', min: 1, max: 1_000_000 },
        idleMs: { kind: 'number', min: 1, max: Infinity },
      },
      base,
    );

    it.each(table)('$title', ({ options, expected }) => {
      expect(verdictOn(keyed, options)).toBe(expected);
    });

    it('refuses what it does not know, and the lack of what it needs', () => {
      expect(verdictOn(keyed, { ...base, maxMembers: 5 })).toContain('TypeError: keyed has no option "maxMembers"');
      expect(verdictOn(keyed, { make: base.make })).toContain('keyed.keyOf must be a function, got undefined');
      expect(verdictOn(keyed, { keyOf })).toContain('keyed.make must be a function, got undefined');
      expect(verdictOn(keyed, undefined)).toContain('keyed must be an object of options');
    });
  });
});
