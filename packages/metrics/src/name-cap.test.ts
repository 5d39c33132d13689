/**
 * The cap on names.
 *
 * @module
 */

import { type NamedPolicy, circuitBreaker, createPolicy, createRegistry, onHookError, retry } from '@holdfast/core';
import { describe, expect, it } from 'vitest';

import { LineRegister, lineExporter } from './testing/line-exporter.ts';

interface FakeRetry extends NamedPolicy {
  retriedCount: number;
}

const newborn = retry().snapshot();

/** A retry whose count the test sets. */
function retryNamed(name: string, retriedCount: number): FakeRetry {
  const snapshot = (): unknown => ({ ...newborn, retried: policy.retriedCount });
  const policy: FakeRetry = Object.assign(createPolicy({ kind: 'retry', name, layer: (inner) => inner }), {
    retriedCount,
    snapshot,
  });
  return policy;
}

function setUp(maxNames: number) {
  const registry = createRegistry();
  const register = new LineRegister();
  const exporter = lineExporter({ register, registry, maxNames });
  return { registry, register, exporter };
}

async function retries(register: LineRegister): Promise<Record<string, number>> {
  const metrics = await register.getMetricsAsJSON();
  const values = metrics.find(({ name }) => name === 'holdfast_retries_total')?.values ?? [];
  return Object.fromEntries(values.map(({ labels, value }) => [labels['name'], value]));
}

describe('NameCap', { timeout: 60_000 }, () => {
  it('(1) charter K2: 100 000 names come to the cap and one more, and no count is lost', async () => {
    const { registry, register } = setUp(500);
    for (let key = 0; key < 100_000; key++) registry.add(retryNamed(`key-${key}`, 1));

    const values = await retries(register);

    expect(Object.keys(values)).toHaveLength(501);
    expect(values['__other__']).toBe(99_500);
  });

  it('(1) charter K2: no metric has more series than the cap allows', async () => {
    const { registry, register } = setUp(10);
    for (let key = 0; key < 200; key++) registry.create(circuitBreaker, { name: `key-${key}` });

    const metrics = await register.getMetricsAsJSON();

    const perName = { state: 5, transitions: 20, calls: 3, rejections: 4 };
    const sizes = Object.fromEntries(metrics.map(({ name, values }) => [name, values.length]));
    expect(sizes['holdfast_circuit_state']).toBe(11 * perName.state);
    expect(sizes['holdfast_circuit_transitions_total']).toBe(11 * perName.transitions);
    expect(sizes['holdfast_circuit_calls_total']).toBe(11 * perName.calls);
    expect(sizes['holdfast_rejections_total']).toBe(11 * perName.rejections);
  });

  it('shows the worst state of the folded circuits', async () => {
    const { registry, register } = setUp(1);
    registry.create(circuitBreaker, { name: 'shown' });
    registry.create(circuitBreaker, { name: 'good' });
    const bad = registry.create(circuitBreaker, { name: 'bad', minimumCalls: 1 });
    await bad.execute(() => Promise.reject(new Error())).catch(() => {});

    const metrics = await register.getMetricsAsJSON();

    const state = metrics.find(({ name }) => name === 'holdfast_circuit_state');
    expect(state?.values.filter(({ value }) => value === 1).map(({ labels }) => labels)).toEqual([
      { name: 'shown', state: 'closed' },
      { name: '__other__', state: 'open' },
    ]);
  });

  it('(2) keeps the counts of a folded policy that has left, and counts none twice', async () => {
    const { registry, register } = setUp(1);
    const [shown, first, second] = [retryNamed('shown', 1), retryNamed('first', 10), retryNamed('second', 100)];
    for (const policy of [shown, first, second]) registry.add(policy);
    expect(await retries(register)).toEqual({ shown: 1, __other__: 110 });

    registry.remove(first);
    second.retriedCount = 105;

    expect(await retries(register)).toEqual({ shown: 1, __other__: 115 });
  });

  it('(2) leaves a folded policy folded when a place becomes free, and gives it to a new one', async () => {
    const { registry, register } = setUp(1);
    const shown = registry.add(retryNamed('shown', 1));
    registry.add(retryNamed('folded', 10));
    await retries(register);

    registry.remove(shown);
    registry.add(retryNamed('late', 3));

    expect(await retries(register)).toEqual({ __other__: 10, late: 3 });
  });

  it('(2) counts on when a folded policy is replaced by one of the same name that starts anew', async () => {
    const { registry, register } = setUp(1);
    registry.add(retryNamed('shown', 1));
    const folded = registry.add(retryNamed('folded', 10));
    await retries(register);

    registry.remove(folded);
    registry.add(retryNamed('folded', 2));

    expect(await retries(register)).toEqual({ shown: 1, __other__: 12 });
  });

  it('(2) counts all of a folded policy that took the name of another, also where it has counted more by then', async () => {
    const { registry, register } = setUp(1);
    registry.add(retryNamed('shown', 1));
    const old = registry.add(retryNamed('folded', 10));
    await retries(register);
    registry.remove(old);
    registry.add(retryNamed('folded', 12));

    expect(await retries(register)).toEqual({ shown: 1, __other__: 22 });
  });

  it('(2) counts nothing twice when a folded policy cannot be read for a while', async () => {
    const before = onHookError(() => {});
    const { registry, register } = setUp(1);
    registry.add(retryNamed('shown', 1));
    const folded = registry.add(retryNamed('folded', 10));
    await retries(register);
    folded.retriedCount = Number.NaN;
    await retries(register);
    folded.retriedCount = 11;

    expect(await retries(register)).toEqual({ shown: 1, __other__: 11 });
    onHookError(before);
  });

  it('(3) charter K4: `__other__` goes with the last of the folded', async () => {
    const { registry, register } = setUp(1);
    registry.add(retryNamed('shown', 1));
    const folded = registry.add(retryNamed('folded', 10));
    await retries(register);

    registry.remove(folded);

    expect(await retries(register)).toEqual({ shown: 1 });
    registry.add(retryNamed('another', 4));
    expect(await retries(register)).toEqual({ shown: 1, __other__: 4 });
  });
});
