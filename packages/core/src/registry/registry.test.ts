import { describe, expect, it } from 'vitest';

import { systemClock } from '../kernel/clock.ts';
import { createEvents } from '../kernel/events.ts';
import { onHookError } from '../kernel/hooks.ts';
import { pipeline } from '../kernel/pipeline.ts';
import { createPolicy } from '../kernel/policy.ts';
import { systemRandom } from '../kernel/random.ts';
import { bulkhead } from '../policies/bulkhead/bulkhead.ts';
import { circuitBreaker } from '../policies/circuit-breaker/circuit-breaker.ts';
import { fallback } from '../policies/fallback/fallback.ts';
import { keyed } from '../policies/keyed/keyed.ts';
import { type RetryOptions, retry } from '../policies/retry/retry.ts';
import { timeout } from '../policies/timeout/timeout.ts';
import { recordEvents } from '../testing/event-recorder.ts';
import { observe } from '../testing/operation-table.ts';
import { verdictOn } from '../testing/option-table.ts';
import { virtualClock } from '../testing/virtual-clock.ts';
import { createRegistry, registryDefaults } from './registry.ts';

const fails = (): never => {
  throw new Error('boom');
};

describe('registry', () => {
  it('(1) gives a kind and a name to one policy at a time', () => {
    const registry = createRegistry();
    const prices = registry.create(retry, { name: 'prices' });
    const breaker = registry.create(circuitBreaker, { name: 'prices' });

    expect(registry.get('retry', 'prices')).toBe(prices);
    expect(registry.get('circuit-breaker', 'prices')).toBe(breaker);
    expect(registry.get('timeout', 'prices')).toBeUndefined();
    expect(() => registry.create(retry, { name: 'prices' })).toThrow('the registry has a retry named "prices" already');
    expect(() => registry.add(retry({ name: 'prices' }))).toThrow(TypeError);
    expect([...registry]).toEqual([prices, breaker]);
  });

  it('(5) tells a watch who is here, who comes and who goes, until it is ended', () => {
    const registry = createRegistry();
    const first = registry.create(retry, { name: 'first' });
    const heard: string[] = [];
    const watch = {
      added: ({ name }: { name: string }) => heard.push(`+${name}`),
      removed: ({ name }: { name: string }) => heard.push(`-${name}`),
    };
    const stop = registry.watch(watch);
    registry.watch(watch)();
    registry.create(retry, { name: 'second' });
    registry.remove(first);
    registry.remove(first);
    registry.remove(retry({ name: 'second' }));
    stop();
    stop();
    registry.create(retry, { name: 'third' });

    expect(heard).toEqual(['+first', '+first', '+second', '-first']);
  });

  it('(5) a watch that throws keeps nobody from adding or removing', () => {
    const reported: string[] = [];
    const before = onHookError(({ hook, policy }) => reported.push(`${hook} ${policy}`));
    const registry = createRegistry();
    const heard: string[] = [];
    const fail = (): never => fails();
    registry.watch({ added: fail, removed: fail });
    registry.watch({ added: ({ name }) => heard.push(name), removed: ({ name }) => heard.push(name) });
    const policy = registry.create(retry, { name: 'prices' });

    expect(registry.remove(policy)).toBe(true);
    expect(heard).toEqual(['prices', 'prices']);
    expect(reported).toEqual(['registry.watch prices', 'registry.watch prices']);
    onHookError(before);
  });

  it('(2) makes policies on its own clock, randomness and events', async () => {
    const clock = virtualClock();
    const registry = createRegistry({ clock, random: () => 0.5 });
    const recorder = recordEvents(registry.events);
    const call = observe(registry.create(retry, { name: 'prices', maxAttempts: 2, baseDelayMs: 100 }).execute(fails));

    await clock.advance(49);
    expect(call().status).toBe('pending');
    await clock.advance(1);
    expect(call().status).toBe('rejected');
    expect(recorder.events[0]).toMatchObject({ type: 'retry.scheduled', name: 'prices', delayMs: 50 });
    expect(registry.clock).toBe(clock);
  });

  it('(2) unless their options say otherwise', async () => {
    const [shared, own] = [virtualClock(), virtualClock()];
    const registry = createRegistry({ clock: shared });
    const call = observe(
      registry.create(timeout, { name: 'prices', timeoutMs: 10, clock: own }).execute(() => new Promise(() => {})),
    );

    await shared.advance(100);
    expect(call().status).toBe('pending');
    await own.advance(10);
    expect(call().status).toBe('rejected');
  });

  it('(2) takes a port given as undefined as omitted, as everywhere', () => {
    const clock = virtualClock();
    const registry = createRegistry({ clock });
    const options = { name: 'prices', clock: undefined, events: undefined } as unknown as RetryOptions & {
      name: string;
    };

    expect(registry.create(retry, options).clock).toBe(clock);
  });

  it('(3) forgets what is removed, and only that', () => {
    const registry = createRegistry();
    const prices = registry.create(bulkhead, { name: 'prices' });

    expect(registry.remove(bulkhead({ name: 'prices' }))).toBe(false);
    expect(registry.remove(prices)).toBe(true);
    expect(registry.remove(prices)).toBe(false);
    expect(registry.get('bulkhead', 'prices')).toBeUndefined();
    expect([...registry]).toEqual([]);
    expect(registry.add(prices)).toBe(prices);
  });

  it('(4), charter O1: changes several policies at once, and keeps their state', async () => {
    const registry = createRegistry();
    const permits = registry.create(bulkhead, { name: 'prices', maxConcurrent: 1 });
    const limit = registry.create(timeout, { name: 'prices', timeoutMs: 100 });
    const running = observe(permits.execute(() => new Promise(() => {})));

    registry.update([
      { kind: 'bulkhead', name: 'prices', changes: { maxConcurrent: 2 } },
      { kind: 'timeout', name: 'prices', changes: { timeoutMs: 200 } },
    ]);

    expect(permits.snapshot()).toMatchObject({ maxConcurrent: 2, running: 1 });
    expect(limit.describe().options).toMatchObject({ timeoutMs: 200 });
    expect(running().status).toBe('pending');
  });

  it.each([
    ['an option out of range', 'timeout', 'prices', { timeoutMs: -1 }, 'timeoutMs must be'],
    ['an unknown option', 'timeout', 'prices', { timeout: 1 }, 'has no option "timeout"'],
    ['a policy that is not here', 'timeout', 'users', { timeoutMs: 1 }, 'the registry has no timeout named "users"'],
    ['a policy that cannot change', 'pipeline', 'prices', {}, 'a pipeline cannot be changed while it runs'],
    ['a policy twice', 'bulkhead', 'prices', {}, 'the bulkhead named "prices" is to be changed twice'],
  ])('(4) changes nothing when one change is %s', (...[, kind, name, changes, message]) => {
    const registry = createRegistry();
    const permits = registry.create(bulkhead, { name: 'prices', maxConcurrent: 1 });
    registry.pipeline('prices', registry.create(timeout, { name: 'prices', timeoutMs: 100 }));

    const right = { kind: 'bulkhead', name: 'prices', changes: { maxConcurrent: 2 } };
    expect(() => registry.update([right, { kind, name, changes }])).toThrow(message);
    expect(permits.snapshot().maxConcurrent).toBe(1);
  });

  it('(4) keeps no change back because another one throws where it must not', () => {
    const registry = createRegistry();
    const broken = () => {
      throw new Error('broken promise');
    };
    registry.add(
      Object.assign(createPolicy({ kind: 'mine', name: 'a', layer: (inner) => inner }), { planUpdate: () => broken }),
    );
    const limit = registry.create(timeout, { name: 'prices', timeoutMs: 100 });
    const told: string[] = [];
    const before = onHookError(({ hook }) => told.push(hook));

    registry.update([
      { kind: 'mine', name: 'a', changes: {} },
      { kind: 'timeout', name: 'prices', changes: { timeoutMs: 200 } },
    ]);
    onHookError(before);

    expect(limit.describe().options).toMatchObject({ timeoutMs: 200 });
    expect(told).toEqual(['planUpdate']);
  });

  it('charter N4: resets the members of keyed policies, those in pipelines included', async () => {
    const registry = createRegistry();
    const make = (_key: string, name: string) =>
      pipeline(
        { name },
        circuitBreaker({ window: { kind: 'consecutive', failureCount: 1 } }),
        retry({ maxAttempts: 1 }),
      );
    const hosts = registry.create(keyed<ReturnType<typeof make>>, { name: 'hosts', keyOf: () => 'a', make });
    registry.pipeline('prices', hosts);
    await hosts.execute(fails).catch(() => {});
    const breaker = hosts.get('a')?.policies[0] as ReturnType<typeof circuitBreaker>;
    expect(breaker.state).toBe('open');

    registry.resetAll();

    expect(breaker.state).toBe('closed');
  });

  it('charter N4: resets everything that can be reset, each once', async () => {
    const registry = createRegistry();
    const breaker = circuitBreaker({ window: { kind: 'consecutive', failureCount: 1 } });
    const own = registry.create(circuitBreaker, { name: 'own', window: { kind: 'consecutive', failureCount: 1 } });
    registry.pipeline('prices', retry({ maxAttempts: 1 }), breaker);
    registry.pipeline('users', registry.pipeline('inner', breaker));
    let resets = 0;
    registry.add(Object.assign(timeout({ name: 'mine', timeoutMs: 1 }), { reset: () => resets++ }));
    for (const each of [breaker, own]) await each.execute(fails).catch(() => {});
    expect([breaker, own].map((each) => each.snapshot().state)).toEqual(['open', 'open']);

    registry.resetAll();

    expect([breaker, own].map((each) => each.snapshot().state)).toEqual(['closed', 'closed']);
    expect(resets).toBe(1);
  });

  it('(2) shows the ports that it hands on, as a copy', () => {
    const clock = virtualClock();
    const registry = createRegistry({ clock });
    Object.assign(registry.ports, { clock: virtualClock() });

    expect(registry.ports).toMatchObject({ clock, events: registry.events });
  });

  it('names pipelines, and does not add what they are made of', async () => {
    const registry = createRegistry();
    const prices = registry.pipeline('prices', fallback({ value: 0 }), retry(), timeout(50));

    await expect(prices.execute(() => 7)).resolves.toBe(7);
    expect(registry.get('pipeline', 'prices')).toBe(prices);
    expect([...registry]).toEqual([prices]);
  });

  it('hands the options to the factory without changing them', () => {
    const options = Object.freeze({ name: 'prices', maxConcurrent: 3 });

    expect(createRegistry().create(bulkhead, options).snapshot().maxConcurrent).toBe(3);
  });

  it('charter J5: shares nothing with another registry', () => {
    const [one, other] = [createRegistry(), createRegistry()];
    one.create(retry, { name: 'prices' });

    expect(one.events).not.toBe(other.events);
    expect(other.get('retry', 'prices')).toBeUndefined();
  });

  it('takes events of somebody else, and refuses unknown options', () => {
    const events = createEvents();

    expect(createRegistry({ events }).events).toBe(events);
    expect(verdictOn(createRegistry, { cloc: 1 })).toContain(
      'registry has no option "cloc"; it knows captureAsyncContext, clock, events, random',
    );
  });

  it('(2) hands its capture of async contexts on, and has no such port where it was given none', () => {
    const captureAsyncContext =
      () =>
      <R>(fn: () => R) =>
        fn();

    expect(createRegistry({ captureAsyncContext }).ports).toMatchObject({ captureAsyncContext });
    expect(Object.keys(createRegistry().ports).toSorted((a, b) => a.localeCompare(b))).toEqual([
      'clock',
      'events',
      'random',
    ]);
  });

  it('(2) defaults to the time and randomness of the platform', () => {
    expect(registryDefaults).toEqual({ clock: systemClock, random: systemRandom });
    expect(createRegistry().ports).toMatchObject({ clock: systemClock, random: systemRandom });
  });

  it.each([undefined, null, 'prices'])('refuses to create a policy with %j for options', (options) => {
    expect(() => createRegistry().create(retry, options as never)).toThrow(
      /^registry\.create must be given options with a name, got/,
    );
  });

  it('resets each policy once, though it is in several pipelines', () => {
    const registry = createRegistry();
    const counted = Object.assign(retry({ name: 'counted' }), { resets: 0, reset: () => counted.resets++ });
    registry.add(counted);
    registry.pipeline('one', counted);
    registry.pipeline('other', counted);
    registry.resetAll();

    expect(counted.resets).toBe(1);
  });
});
