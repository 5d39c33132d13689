import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Context, contextKey } from '../../kernel/context.ts';
import type { HookError } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import { onHookError } from '../../kernel/hooks.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import type { Policy } from '../../kernel/policy.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { never, observe, settled } from '../../testing/operation-table.ts';
import { verdictOn } from '../../testing/option-table.ts';
import { settle, virtualClock } from '../../testing/virtual-clock.ts';
import { type CircuitBreaker, circuitBreaker } from '../circuit-breaker/circuit-breaker.ts';
import { type Timeout, timeout } from '../timeout/timeout.ts';
import { type Keyed, type KeyedOptions, type KeyedScatteredEvent, keyed, keyedKind } from './keyed.ts';

const host = contextKey<string>('host');
const keyOf = (context: Context): string => context.value(host) ?? '';
const at = (key: string): Context => Context.background.withValue(host, key);

/** A timeout for each key. */
function timeouts(options: Partial<KeyedOptions<Timeout>> = {}, clock = virtualClock()): Keyed<Timeout> {
  const make = (_key: string, name: string): Timeout => timeout({ name, timeoutMs: 100, clock });
  return keyed({ name: 'hosts', keyOf, clock, make, ...options });
}

/** Calls each key once, one after another. */
async function call(policy: Policy<unknown>, ...keys: readonly string[]): Promise<void> {
  for (const key of keys) await settled(policy.execute(() => 'value', at(key)));
}

const timeoutsOf = (policy: Keyed<Timeout>): unknown[] =>
  [policy.overflow, ...[...policy].map(([, member]) => member)].map((member) => member.describe().options['timeoutMs']);

describe('a keyed policy, changed while calls run', () => {
  let hookErrors: HookError[];

  beforeEach(() => {
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  const hooks = (): string[] => hookErrors.map(({ hook, policy }) => `${hook} of ${String(policy)}`);

  describe('update', () => {
    it('charter O1, (5): takes a smaller bound at once, the least recently used first, and keeps who is busy', async () => {
      const policy = timeouts({ maxKeys: 5 });
      observe(policy.execute(never, at('busy')));
      await call(policy, 'a', 'b', 'c', 'd');
      const kept = policy.get('d');
      policy.update({ maxKeys: 2 });

      expect([policy.keys(), policy.get('d')]).toEqual([['busy', 'd'], kept]);
      policy.update({ maxKeys: 1 });
      expect(policy.keys()).toEqual(['busy']);
      await call(policy, 'e');
      expect(policy.snapshot()).toMatchObject({ size: 1, maxKeys: 1, overflowed: 1, evicted: { full: 4 } });
      policy.update({ maxKeys: 2 });
      await call(policy, 'e');
      expect(policy.keys()).toEqual(['busy', 'e']);
    });

    it('members (1), (2): makes no member as long as more are busy than the new bound allows', async () => {
      const policy = timeouts({ maxKeys: 3 });
      const contexts = ['a', 'b', 'c'].map((key) => at(key).withCancel());
      for (const context of contexts) observe(policy.execute(never, context));
      policy.update({ maxKeys: 1 });
      await call(policy, 'd');
      expect(policy.keys()).toEqual(['a', 'b', 'c']);

      for (const context of contexts.slice(0, 2)) context.cancel();
      await settle();
      await call(policy, 'd'); // two go; the third has the only place
      expect([policy.keys(), policy.snapshot().overflowed]).toEqual([['c'], 2]);
    });

    it('takes a new idle time for those who are idle already', async () => {
      const clock = virtualClock();
      const policy = timeouts({ idleMs: 1000 }, clock);
      await call(policy, 'a');
      await clock.advance(100);
      policy.update({ idleMs: 100 });

      expect(policy.keys()).toEqual([]);
    });

    it('charter O1, (5): refuses what is out of range or cannot change, and then changes nothing', () => {
      const policy = timeouts();
      const before = policy.describe();
      const update = (changes: never): void => policy.update(changes);

      expect(verdictOn(update, { maxKeys: 5, idleMs: 0 })).toContain(
        'keyed.idleMs must be a number from 1 to Infinity',
      );
      expect(verdictOn(update, { maxKeys: 0 })).toContain('keyed.maxKeys must be an integer from 1 to 1000000, got 0');
      expect(verdictOn(update, { make: () => timeout(5) })).toContain('keyed.update has no option "make"');
      expect(verdictOn(update, { enforcement: 'on' })).toContain('keyed.enforcement must be one of');
      expect(policy.describe()).toEqual(before);
    });

    it('charter O1: plans now what is applied later', () => {
      const policy = timeouts();
      const apply = policy.planUpdate({ maxKeys: 7 });

      expect(policy.snapshot().maxKeys).toBe(10_000);
      apply();
      expect(policy.snapshot().maxKeys).toBe(7);
    });
  });

  describe('updateEach', () => {
    it('charter O1, member-changes (2): changes all members, the overflow, and those that are made later', async () => {
      const policy = timeouts();
      await call(policy, 'a', 'b');
      const member = policy.get('a');
      policy.updateEach({ timeoutMs: 50 });
      policy.updateEach({ enforcement: 'observe' });
      await call(policy, 'c');

      expect([timeoutsOf(policy), policy.get('a')]).toEqual([[50, 50, 50, 50], member]);
      expect([...policy].map(([, each]) => each.describe().enforcement)).toEqual(['observe', 'observe', 'observe']);
    });

    it('member-changes (1), (5): changes none when one refuses', async () => {
      const odd = { update: () => {}, planUpdate: () => JSON.parse('{') as never };
      const make = (key: string): Timeout => Object.assign(timeout(100), key === 'odd' ? odd : {});
      const policy = timeouts({ make });
      await call(policy, 'a', 'odd', 'b');

      expect(() => policy.updateEach({ timeoutMs: 50 })).toThrow(SyntaxError);
      await call(policy, 'c');
      expect(timeoutsOf(policy)).toEqual([100, 100, 100, 100, 100]);
      const update = (changes: never): void => policy.updateEach(changes);
      expect(verdictOn(update, { timeoutMs: -1 })).toContain('timeout.timeoutMs must be');
      expect(verdictOn(update, undefined)).toContain('keyed.updateEach must be an object of options');
    });

    it('member-changes (1): refuses where members cannot be changed', () => {
      const plain: Policy = { execute: async (operation, context = Context.background) => operation(context) };
      const policy = keyed<Policy>({ keyOf, make: () => plain });

      expect(verdictOn((changes: never) => policy.updateEach(changes), {})).toContain(
        'keyed.updateEach needs members that have planUpdate',
      );
    });

    it('member-changes (2): a planned change reaches who came meanwhile; who refuses it is reported', async () => {
      const make = (key: string): Timeout =>
        Object.assign(timeout(100), key === 'odd' ? { planUpdate: () => JSON.parse('{') as never } : {});
      const policy = timeouts({ make });
      await call(policy, 'a');
      const apply = policy.planUpdateEach({ timeoutMs: 50 });
      await call(policy, 'odd', 'b');
      expect(timeoutsOf(policy)).toEqual([100, 100, 100, 100]);
      apply();

      expect([timeoutsOf(policy), hooks()]).toEqual([[50, 50, 100, 50], ['make of hosts']]);
    });

    it('member-changes (2): a new member that refuses is not made: its calls run under the overflow', async () => {
      const make = (key: string): Timeout =>
        Object.assign(timeout(100), key === 'odd' ? { planUpdate: () => JSON.parse('{') as never } : {});
      const policy = timeouts({ make });
      policy.updateEach({ timeoutMs: 50 });
      await call(policy, 'odd');

      expect([policy.keys(), policy.snapshot().overflowed, hooks()]).toEqual([[], 1, ['make of hosts']]);
    });

    it('takes a lower threshold to breakers that have seen calls, and keeps what they have seen', async () => {
      const make = (_key: string, name: string): CircuitBreaker => circuitBreaker({ name, minimumCalls: 100 });
      const policy = keyed({ keyOf, make });
      for (let index = 0; index < 4; index++) await settled(policy.execute(() => JSON.parse('{'), at('a')));
      policy.updateEach({ minimumCalls: 5 });
      expect(policy.get('a')?.state).toBe('closed');
      await settled(policy.execute(() => JSON.parse('{'), at('a')));

      expect(policy.get('a')?.state).toBe('open');
    });
  });

  describe('delete and dispose', () => {
    it('delete forgets a member whatever its state, and its calls go on', async () => {
      const policy = timeouts();
      const context = at('a').withCancel();
      const running = observe(policy.execute(never, context));
      const before = policy.get('a');
      expect([policy.evict('a'), policy.delete('a'), policy.delete('a'), policy.keys()]).toEqual([
        false,
        true,
        false,
        [],
      ]);

      await call(policy, 'a');
      const after = policy.get('a');
      context.cancel('enough');
      await settle();
      expect([after === before, policy.get('a') === after, running()]).toEqual([
        false,
        true,
        { status: 'rejected', error: 'enough' },
      ]);
      expect(policy.snapshot()).toMatchObject({ size: 1, running: 0, evicted: { asked: 1 } });
      expect(policy.evict('a')).toBe(true);
      expect(policy.size).toBe(0);
    });

    it('charter A2: dispose forgets all, tells of each, and makes none any more', async () => {
      const events = createEvents();
      const recorder = recordEvents(events);
      const made: string[] = [];
      const policy = timeouts({ events, make: (key) => (made.push(key), timeout(100)) });
      await call(policy, 'a', 'b');
      policy[Symbol.dispose]();
      policy.dispose();
      expect(await policy.execute(() => 42, at('c'))).toBe(42);

      expect(recorder.events.filter(({ type }) => type === 'keyed.evicted')).toMatchObject([
        { key: 'a' },
        { key: 'b' },
      ]);
      expect(policy.snapshot()).toMatchObject({ size: 0, overflowed: 1, created: 2 });
      expect(made).toEqual(['__other__', 'a', 'b']);
    });
  });

  describe('circuits that are not simply closed', () => {
    const boom = (): never => JSON.parse('{') as never;
    const options = { minimumCalls: 1, openForMs: 100, maxProbes: 1, rampUpMs: 50 };

    /** One place, and a call to a key: is the member of `a` still there? */
    async function survives(prepare: (breaker: CircuitBreaker, fail: () => Promise<unknown>) => unknown, laterMs = 0) {
      const clock = virtualClock();
      const make = (_key: string, name: string): CircuitBreaker => circuitBreaker({ name, clock, ...options });
      const policy = keyed({ keyOf, clock, make, maxKeys: 1 });
      await call(policy, 'a');
      const breaker = policy.get('a') as CircuitBreaker;
      await prepare(breaker, () => settled(policy.execute(boom, at('a'))));
      await clock.advance(laterMs);
      const { state } = breaker;
      await call(policy, 'b');
      return [state, policy.get('a') === breaker, policy.evict('a')];
    }

    it('members (2), charter A2: are not evicted, whatever their state', async () => {
      expect(await survives(() => {})).toEqual(['closed', false, false]);
      expect(await survives((_breaker, fail) => fail())).toEqual(['open', true, false]);
      expect(await survives((_breaker, fail) => fail(), 100)).toEqual(['half-open', true, false]);
      const hold = { owner: 'ops', forMs: 1000 };
      expect(await survives((breaker) => breaker.hold('open', hold))).toEqual(['forced-open', true, false]);
      expect(await survives((breaker) => breaker.hold('closed', hold))).toEqual(['forced-closed', true, false]);
      expect(await survives((breaker) => breaker.hold('open', hold), 1000)).toEqual(['closed', false, false]);
    });

    it('members (2): one that has just closed, and ramps up, is kept until all calls pass', async () => {
      const clock = virtualClock();
      const make = (_key: string, name: string): CircuitBreaker => circuitBreaker({ name, clock, ...options });
      const policy = keyed({ keyOf, clock, make });
      await settled(policy.execute(boom, at('a')));
      await clock.advance(100);
      await call(policy, 'a');
      expect([policy.get('a')?.state, policy.evict('a')]).toEqual(['closed', false]);
      await clock.advance(50);

      expect(policy.evict('a')).toBe(true);
    });
  });

  describe('enforcement', () => {
    const make = (_key: string, name: string): CircuitBreaker => circuitBreaker({ name, minimumCalls: 1 });
    const boom = (): never => JSON.parse('{') as never;

    it('charter O2, (6): observing, makes and forgets members as it would, and runs calls outside of them', async () => {
      const policy = keyed({ keyOf, make, maxKeys: 2, enforcement: 'observe' });
      await settled(policy.execute(boom, at('a')));
      expect(await settled(policy.execute(() => 1, at('a')))).toMatchObject({ status: 'fulfilled' });
      await call(policy, 'b', 'c');

      expect(policy.get('b')?.snapshot().verdicts.success).toBe(0);
      expect(policy.snapshot()).toMatchObject({ size: 2, calls: 4, running: 0, created: 3, evicted: { full: 1 } });
      expect(policy.describe()).toMatchObject({ enforcement: 'observe', traits: {} });
    });

    it('charter O2, (6): off, asks for no key and makes no member, until it is switched on', async () => {
      const policy = keyed({ keyOf: boom, make, enforcement: 'off' });
      const calls = pipeline(policy, timeout(100));
      expect(await calls.execute(() => 1)).toBe(1);
      expect([policy.snapshot().calls, policy.size, hooks()]).toEqual([0, 0, []]);

      policy.update({ enforcement: 'enforce' });
      expect(await calls.execute(() => 1)).toBe(1);
      expect([policy.keys(), policy.get('')?.snapshot().verdicts.success]).toEqual([[''], 1]);
    });
  });

  it('describes itself and what its members are', () => {
    expect(timeouts({ maxKeys: 5 }).describe()).toEqual({
      kind: 'keyed',
      name: 'hosts',
      enforcement: 'enforce',
      options: {
        keyOf: '[function]',
        make: '[function]',
        maxKeys: 5,
        idleMs: 600_000,
        member: timeout({ name: 'hosts/__other__', timeoutMs: 100 }).describe(),
      },
      traits: { maxRuns: Infinity, runsOtherCode: true },
    });
    expect(keyedKind).toMatchObject({ kind: 'keyed', required: ['keyOf', 'make'] });
    expect(timeouts({ enforcement: 'observe' }).describe().traits).toEqual({});
    const mute = keyed({ keyOf, make: () => ({ execute: async () => undefined as never }) });
    expect(Object.keys(mute.describe().options)).toEqual(['keyOf', 'make', 'maxKeys', 'idleMs']);
  });

  describe('keys that are too fine', () => {
    /** Forgets `count` members, each of which has seen `callCount` calls, and returns what was told of that. */
    async function scattered(count: number, callCount: (index: number) => number): Promise<unknown> {
      const events = createEvents();
      const told: KeyedScatteredEvent[] = [];
      events.listen((event) => {
        if (event.type === 'keyed.scattered') told.push(event as KeyedScatteredEvent);
      });
      const policy = timeouts({ maxKeys: 1, events });
      for (let index = 0; index <= count; index++) {
        for (let calls = callCount(index); calls > 0; calls--) await policy.execute(() => 1, at(`key-${index}`));
      }
      return { told, withFewCalls: policy.snapshot().withFewCalls };
    }
    const event = { type: 'keyed.scattered', policy: 'keyed', name: 'hosts', evicted: 1000, fewerThan: 10 };

    it('charter P2: warns when more than 90 % of those forgotten had few calls, once per 1000', async () => {
      expect(await scattered(999, () => 1)).toEqual({ told: [], withFewCalls: 999 });
      expect(await scattered(2000, () => 9)).toEqual({
        told: [
          { ...event, withFewCalls: 1000 },
          { ...event, withFewCalls: 1000 },
        ],
        withFewCalls: 2000,
      });
    });

    it('charter P2: says nothing of keys that are used often enough', async () => {
      expect(await scattered(1000, () => 10)).toEqual({ told: [], withFewCalls: 0 });
      expect(await scattered(1000, (index) => (index < 100 ? 10 : 1))).toEqual({ told: [], withFewCalls: 900 });
      expect(await scattered(1000, (index) => (index < 99 ? 10 : 1))).toEqual({
        told: [{ ...event, withFewCalls: 901 }],
        withFewCalls: 901,
      });
    });
  });

  it('fused-handlers (1), (2): serves the same members in three places, each with its own inside', async () => {
    const policy = timeouts();
    const inside = (mark: string): Policy => ({
      execute: async (operation, context = Context.background) => `${mark}${String(await operation(context))}` as never,
    });
    const places = [policy, pipeline(policy, inside('x')), pipeline(policy, inside('y'))];
    for (let round = 0; round < 2; round++) {
      expect(await Promise.all(places.map((place) => place.execute(() => 'z', at('a'))))).toEqual(['z', 'xz', 'yz']);
    }

    expect(policy.snapshot()).toMatchObject({ created: 1, calls: 6, running: 0 });
    const layer = (): never => JSON.parse('{') as never;
    expect(() => keyed<Policy>({ keyOf, make: () => Object.assign(inside('x'), { layer }) })).toThrow(SyntaxError);
  });
});
