import { describe, expect, it } from 'vitest';

import { createEvents } from '../kernel/events.ts';
import { bulkhead } from '../policies/bulkhead/bulkhead.ts';
import { circuitBreaker } from '../policies/circuit-breaker/circuit-breaker.ts';
import { fallback } from '../policies/fallback/fallback.ts';
import { type RetryOptions, retry } from '../policies/retry/retry.ts';
import { timeout } from '../policies/timeout/timeout.ts';
import { recordEvents } from '../testing/event-recorder.ts';
import { observe } from '../testing/operation-table.ts';
import { verdictOn } from '../testing/option-table.ts';
import { virtualClock } from '../testing/virtual-clock.ts';
import { createRegistry } from './registry.ts';

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

  it('(2) makes policies on its own clock, randomness and events', async () => {
    const clock = virtualClock();
    const registry = createRegistry({ clock, random: () => 0.5 });
    const recorder = recordEvents(registry.events);
    const call = observe(registry.create(retry, { name: 'prices', maxAttempts: 2, baseDelayMs: 100 }).execute(fails));

    await clock.advance(49);
    expect(call().status).toBe('pending');
    await clock.advance(1);
    expect(call().status).toBe('rejected');
    expect(recorder.events).toMatchObject([{ type: 'retry.scheduled', name: 'prices', delayMs: 50 }]);
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
      'registry has no option "cloc"; it knows clock, events, random',
    );
  });
});
