/**
 * A service whose policies and features have been through everything, on virtual time.
 *
 * @module
 */

import { bulkhead, circuitBreaker, createRegistry, fallback, retry, type Registry } from '@holdfast/core';
import { seededRandom, settle, virtualClock } from '@holdfast/core/testing';
import type { DegradationSource } from '@holdfast/prometheus';

const fail = (): Promise<never> => Promise.reject(new Error('down'));
const hang = (): Promise<never> => new Promise(() => {});

/** Names that a careless exporter would write wrongly. */
const hardNames: readonly string[] = ['with "quotes"', 'two\nlines', String.raw`back\slash`, 'Grüße, {a="b"} 1', ''];

/** Makes the service and lets its circuits go through all states. */
export async function eventfulService(): Promise<{ registry: Registry; degradation: DegradationSource }> {
  const clock = virtualClock();
  const registry = createRegistry({ clock, random: seededRandom(1) });
  const window = { kind: 'count', size: 2 } as const;
  const shared = { window, minimumCalls: 2, maxProbes: 1, openForMs: 1000 };
  for (const name of ['closed', 'open', 'half-open', 'closed again', ...hardNames.filter((each) => each !== '')]) {
    const breaker = registry.create(circuitBreaker, { ...shared, name });
    const again = registry.create(retry, { name, maxAttempts: 2, baseDelayMs: 1 });
    const room = registry.create(bulkhead, { name, maxConcurrent: 1, maxQueued: 1 });
    const standIn = registry.create(fallback<string>, { name, value: 'stand-in' });
    const calls = registry.pipeline(name, standIn, again, breaker, room);

    await calls.execute(() => 'value');
    if (name === 'closed') continue;
    void calls.execute(fail);
    await clock.advance(1);
    void calls.execute(fail);
    await clock.advance(1);
    if (name === 'open') continue;
    await clock.advance(1000);
    void calls.execute(name === 'half-open' ? hang : () => 'value');
    void calls.execute(fail);
    await settle();
  }
  const open = registry.get('circuit-breaker', 'open') as ReturnType<typeof circuitBreaker>;
  open.reset();
  for (let call = 0; call < 3; call++) await open.execute(fail).catch(() => {});
  return { registry, degradation };
}

const degradation: DegradationSource = {
  list: () => [
    { name: 'tips', modes: ['full', 'cached', 'off'], mode: 'full', served: { full: 12 }, revision: 0 },
    { name: 'checkout', modes: ['full', 'deferred'], mode: 'deferred', served: {}, override: { remainingMs: 90_500 } },
  ],
};
