import { describe, expect, it } from 'vitest';

import { Context, circuitBreaker, createRegistry, keyed, pipeline, retry, timeout } from '@holdfast/core';

import { circuitsOf, policiesOf } from './catalogue.ts';

const idsOf = (registry: ReturnType<typeof createRegistry>) => policiesOf(registry).map(({ id }) => id);

describe('catalogue', () => {
  it('(1) has each policy once, a registered one by kind and name', () => {
    const registry = createRegistry();
    const breaker = circuitBreaker({ name: 'prices' });
    registry.pipeline('prices', retry(), breaker, pipeline({ name: 'inner' }, breaker, timeout(5)));
    registry.add(breaker);

    expect(idsOf(registry)).toEqual([
      'pipeline/prices',
      'circuit-breaker/prices',
      'retry/retry',
      'pipeline/inner',
      'timeout/timeout',
    ]);
  });

  it('(2) has ids that differ and stay, also of policies of the same name', () => {
    const registry = createRegistry();
    registry.pipeline('a', timeout(5), timeout(6));
    registry.pipeline('b', timeout(7), circuitBreaker(), circuitBreaker());

    const ids = idsOf(registry);

    expect(ids).toEqual([
      'pipeline/a',
      'pipeline/b',
      'timeout/timeout',
      'timeout/timeout@pipeline/a',
      'timeout/timeout@pipeline/b',
      'circuit-breaker/circuit-breaker',
      'circuit-breaker/circuit-breaker@pipeline/b',
    ]);
    expect(idsOf(registry)).toEqual(ids);
    expect(circuitsOf(registry).map(({ circuitId }) => circuitId)).toEqual([
      'circuit-breaker',
      'circuit-breaker/circuit-breaker@pipeline/b',
    ]);
  });

  it('(2) numbers those of one place', () => {
    const registry = createRegistry();
    registry.pipeline('a', timeout(5), timeout(6), timeout(7), timeout(8));

    expect(idsOf(registry).slice(2)).toEqual([
      'timeout/timeout@pipeline/a',
      'timeout/timeout@pipeline/a#2',
      'timeout/timeout@pipeline/a#3',
    ]);
  });

  it('(3) has an end, and ends where a policy is in itself', async () => {
    const registry = createRegistry();
    const hosts = registry.add(
      keyed({
        name: 'hosts',
        maxKeys: 6000,
        keyOf: (context) => String(context.deadline),
        make: (_key: string, name: string) => circuitBreaker({ name }),
      }),
    );
    expect(idsOf(registry).length).toBe(2);
    for (let index = 0; index < 5500; index++) await hosts.execute(() => 1, contextOf(index));

    expect(policiesOf(registry).length).toBe(5000);
    const self: { kind: string; name: string; policies: unknown[] } = { kind: 'pipeline', name: 'self', policies: [] };
    self.policies.push(self);
    const other = createRegistry();
    other.add(self as never);
    expect(idsOf(other)).toEqual(['pipeline/self']);
  });
});

function contextOf(index: number) {
  return Context.background.withDeadline(1e9 + index);
}
