/**
 * Sharing a register.
 *
 * @module
 */

import { circuitBreaker, createRegistry } from '@holdfast/core';
import { Counter, Gauge, Registry } from 'prom-client';
import { describe, expect, it, vi } from 'vitest';

import { prometheus } from './prometheus.ts';

function setUp() {
  const registry = createRegistry();
  registry.pipeline('prices');
  return { registry, register: new Registry() };
}

describe('MetricSet', () => {
  it('(1) charter K3: a second exporter shares the metrics of the first', () => {
    const { registry, register } = setUp();
    prometheus({ register, registry });
    const metrics = register.getMetricsAsArray();

    prometheus({ register, registry });
    prometheus({ register, registry: createRegistry() });

    expect(register.getMetricsAsArray()).toEqual(metrics);
  });

  it('(1) shares the metrics of another copy of this package', async () => {
    const { registry, register } = setUp();
    vi.resetModules();
    const copy = await import('./prometheus.ts');
    expect(copy.prometheus).not.toBe(prometheus);

    const theirs = copy.prometheus({ register, registry });
    const ours = prometheus({ register, registry });
    theirs.close();

    expect(await register.metrics()).toMatch(/^holdfast_calls_in_flight\{name="prices"\} 0$/m);
    ours.close();
    expect(register.getMetricsAsArray()).toEqual([]);
  });

  it('(1) has a set of its own for each prefix', async () => {
    const { registry, register } = setUp();
    prometheus({ register, registry });
    const shop = prometheus({ register, registry, prefix: 'shop_' });

    expect(await register.metrics()).toMatch(/^shop_calls_in_flight\{name="prices"\} 0$/m);
    shop.close();
    expect(await register.metrics()).not.toContain('shop_');
    expect(await register.metrics()).toMatch(/^holdfast_calls_in_flight\{name="prices"\} 0$/m);
  });

  it('(1) begins anew after the register was cleared, and an old exporter does no harm', async () => {
    const { registry, register } = setUp();
    const old = prometheus({ register, registry });
    register.clear();
    prometheus({ register, registry });

    old.close();

    expect(await register.metrics()).toMatch(/^holdfast_calls_in_flight\{name="prices"\} 0$/m);
  });

  it.each([
    ['another shape', { name: 'holdfast_retries_total', help: 'x', labelNames: ['code'] }],
    ['the same shape', { name: 'holdfast_retries_total', help: 'x', labelNames: ['name'] }],
  ])('(2) charter K3: refuses a name that a metric of somebody else has, of %s', (_shape, options) => {
    const { registry, register } = setUp();
    const theirs = new Counter({ ...options, registers: [register] });

    expect(() => prometheus({ register, registry })).toThrow(/metric counter holdfast_retries_total\{.*prefix/);
    expect(register.getMetricsAsArray()).toEqual([theirs]);
    expect(() => prometheus({ register, registry, prefix: 'shop_' })).not.toThrow();
  });

  it('(2) charter K3: refuses a metric of ours that has another shape', () => {
    const { registry, register } = setUp();
    prometheus({ register, registry });
    (register.getSingleMetric('holdfast_retries_total') as unknown as { labelNames: string[] }).labelNames = ['policy'];

    expect(() => prometheus({ register, registry })).toThrow(TypeError);
  });

  it('(2) leaves a metric that took the place of ours', () => {
    const { registry, register } = setUp();
    const exporter = prometheus({ register, registry });
    register.removeSingleMetric('holdfast_calls_in_flight');
    const theirs = new Gauge({ name: 'holdfast_calls_in_flight', help: 'x', registers: [register] });

    exporter.close();

    expect(register.getMetricsAsArray()).toEqual([theirs]);
  });

  it('(3) reads nothing between scrapes', async () => {
    const { registry, register } = setUp();
    const breaker = circuitBreaker();
    let reads = 0;
    const snapshot = () => {
      reads++;
      return breaker.snapshot();
    };
    registry.add({ ...breaker, kind: 'circuit-breaker', name: 'prices', snapshot } as never);
    const exporter = prometheus({ register, registry });

    await breaker.execute(() => 'value');
    await register.metrics();
    exporter.close();
    await register.metrics();

    expect(reads).toBe(1);
  });

  it('(3) a value that changed after a scrape is in the next one', async () => {
    const { registry, register } = setUp();
    const breaker = registry.create(circuitBreaker, { name: 'prices' });
    prometheus({ register, registry });
    const scrape = () => register.getSingleMetricAsString('holdfast_circuit_calls_total');

    await scrape();
    await breaker.execute(() => 'value');

    expect(await scrape()).toContain('holdfast_circuit_calls_total{name="prices",verdict="success"} 1');
  });

  it('(4) leaves the register empty when the last exporter is closed', async () => {
    const { registry, register } = setUp();
    const exporters = [prometheus({ register, registry }), prometheus({ register, registry })];
    const [metric] = register.getMetricsAsArray();

    exporters[0]?.close();
    expect(register.getMetricsAsArray()).not.toEqual([]);
    exporters[1]?.close();

    expect(register.getMetricsAsArray()).toEqual([]);
    expect(await (metric as unknown as Gauge).get()).toMatchObject({ values: [] });
  });
});
