import { bulkhead, cache, createRegistry, fallback } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { afterEach, describe, expect, it } from 'vitest';

import { endTelemetry, startTelemetry } from './testing/telemetry-lab.ts';
import { traceCalls } from './trace-calls.ts';

afterEach(endTelemetry);

function registryOf() {
  return { registry: createRegistry({ clock: virtualClock(), random: () => 0.5 }) };
}

describe('events of a span', () => {
  it('policy events (2): hold no key, no value and no message of an error', async () => {
    const lab = startTelemetry();
    const { registry } = registryOf();
    const kept = registry.create(cache, { name: 'kept', keyOf: () => 'secret-key' });
    const prices = registry.pipeline('prices', registry.create(fallback<number>, { name: 'prices', value: 0 }), kept);
    traceCalls({ registry });
    await prices.execute(() => Promise.reject(new Error('secret-message')));

    const told = lab
      .spans()
      .flatMap(({ events, attributes }) => [
        JSON.stringify(attributes),
        ...events.filter(({ name }) => name !== 'exception').map((event) => JSON.stringify(event.attributes)),
      ]);
    expect(told.join()).toContain('error.type');
    expect(told.join()).not.toContain('secret');
  });

  it('policy events (4): are told once, where registries that are both traced share theirs, until the last is closed', async () => {
    const lab = startTelemetry();
    const first = createRegistry();
    const second = createRegistry({ events: first.events });
    const tracings = [first, second].map((registry) => traceCalls({ registry }));
    const prices = first.pipeline('prices', first.create(fallback<number>, { name: 'prices', value: 0 }));
    const other = second.pipeline('other');
    await other.execute(() => 1);
    await prices.execute(() => Promise.reject(new Error('down')));
    tracings[1]?.close();
    await prices.execute(() => Promise.reject(new Error('down')));
    tracings[0]?.close();

    const events = lab.spans().flatMap((span) => span.events.map(({ name }) => name));
    expect(events).toEqual(['holdfast.fallback.used', 'holdfast.fallback.used']);
    expect(first.events.active).toBe(false);
  });

  it('policy events (3): tell no refusal that ends a span, and each that observe only counts', async () => {
    const lab = startTelemetry();
    const { registry } = registryOf();
    const limit = registry.create(bulkhead, { name: 'one', maxConcurrent: 1 });
    const prices = registry.pipeline('prices', limit);
    traceCalls({ registry });
    const permit = limit.tryAcquire();
    await prices.execute(() => 1).catch(() => {});
    limit.update({ enforcement: 'observe' });
    await prices.execute(() => 1);
    permit?.release();

    const names = lab.spans().map(({ events }) => events.map(({ name }) => name));
    expect(names).toEqual([['exception'], ['holdfast.bulkhead.rejected']]);
  });
});
