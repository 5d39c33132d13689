import {
  type CircuitBreaker,
  Context,
  circuitBreaker,
  contextKey,
  createRegistry,
  keyed,
  pipeline,
  retry,
} from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { openCircuitsIn } from './open-circuits.ts';

const clock = virtualClock();
const hold = { owner: 'test', forMs: 1000 };
const host = contextKey<string>('host');

describe('the open circuits', () => {
  it('(1) are found inside of pipelines and keyed policies, each once', async () => {
    const registry = createRegistry({ clock });
    const prices = circuitBreaker({ name: 'prices', clock });
    const made: CircuitBreaker[] = [];
    const make = (_key: string, name: string): CircuitBreaker => {
      const breaker = circuitBreaker({ name, clock });
      made.push(breaker);
      return breaker;
    };
    const hosts = keyed({ name: 'hosts', clock, keyOf: (context) => context.value(host) ?? '', make });
    registry.pipeline('inner', retry(), prices);
    registry.add(pipeline({ name: 'outer' }, hosts, prices));
    for (const name of ['a', 'b']) await hosts.execute(() => 1, Context.withClock(clock).withValue(host, name));
    expect(openCircuitsIn(registry)).toEqual([]);
    prices.hold('open', hold);
    for (const breaker of made) if (breaker.name === 'hosts/b') breaker.hold('open', hold);

    expect(openCircuitsIn(registry)).toEqual(['prices', 'hosts/b']);
  });

  it('(2) are named up to twenty, and counted beyond', () => {
    const breakers = Array.from({ length: 25 }, (_, index) => circuitBreaker({ name: `host-${index}`, clock }));
    for (const breaker of breakers) breaker.hold('open', hold);
    const names = openCircuitsIn(breakers);

    expect(names).toHaveLength(21);
    expect(names.slice(-2)).toEqual(['host-19', '(5 more)']);
    expect(openCircuitsIn([undefined, 1, {}] as never)).toEqual([]);
  });
});
