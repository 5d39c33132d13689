import {
  type Bulkhead,
  type Registry,
  bulkhead,
  cache,
  chaos,
  circuitBreaker,
  coalesce,
  contextKey,
  createRegistry,
  fallback,
  hedge,
  keyed,
  rateLimiter,
  retry,
  timeout,
} from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { exportMetrics } from '@holdfast/opentelemetry';
import { type MetricDescription, metricDescriptions, prometheus } from '@holdfast/prometheus';
import type { Attributes } from '@opentelemetry/api';
import { DataPointType, type MetricData } from '@opentelemetry/sdk-metrics';
import { Registry as PromRegistry } from 'prom-client';
import { describe, expect, it } from 'vitest';

import { meters } from '../../packages/opentelemetry/src/testing/meter-lab.ts';

const key = contextKey<string>('key');

/** A registry with a policy of each kind, through which calls have gone. */
async function exercised(): Promise<Registry> {
  const clock = virtualClock();
  const registry = createRegistry({ clock, random: () => 0.5 });
  const prices = registry.pipeline(
    'prices',
    registry.create(fallback<number>, { name: 'prices', value: 0 }),
    registry.create(retry, { name: 'prices', maxAttempts: 2, baseDelayMs: 0 }),
    registry.create(hedge, { name: 'prices', delayMs: 50 }),
    registry.create(circuitBreaker, { name: 'prices', minimumCalls: 2 }),
    registry.create(bulkhead, { name: 'prices', maxConcurrent: 3, maxQueued: 7 }),
    registry.create(rateLimiter, { name: 'prices', maxPerInterval: 5, intervalMs: 1000 }),
    registry.create(timeout, { name: 'prices', timeoutMs: 300 }),
  );
  const kept = registry.create(cache, { name: 'kept', keyOf: (context) => context.value(key) });
  registry.create(coalesce, { name: 'shared', keyOf: (context) => context.value(key) });
  registry.create(keyed<Bulkhead>, {
    name: 'hosts',
    keyOf: (context) => context.value(key) ?? 'none',
    make: () => bulkhead(2),
  });
  registry.create(chaos<never>, { name: 'storm', injections: [{ kind: 'fault', callRatio: 0 }] });
  const calls = [() => 1, () => Promise.reject(new Error('down')), () => 1].map((run) => prices.execute(run));
  await clock.advance(100);
  await Promise.all([...calls, kept.execute(() => 1)]);
  return registry;
}

/** What the usual translation to Prometheus makes of a metric. */
function translated({ descriptor: { name, unit }, dataPointType }: MetricData, isCounter: boolean): string {
  const plain = name.replaceAll('.', '_');
  const withUnit = unit === 's' && !plain.endsWith('_seconds') ? `${plain}_seconds` : plain;
  return isCounter && dataPointType === DataPointType.SUM ? `${withUnit}_total` : withUnit;
}

function textOf(name: string, labels: Attributes, value: unknown): string {
  const sorted = Object.entries(labels).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return `${name}{${sorted.map(([label, each]) => `${label}="${String(each)}"`).join()}} ${String(value)}`;
}

function seriesOf(all: readonly MetricData[]): string[] {
  return all
    .filter(({ dataPointType }) => dataPointType !== DataPointType.HISTOGRAM)
    .flatMap((metric) => {
      const isCounter = metric.dataPointType === DataPointType.SUM && metric.isMonotonic;
      return metric.dataPoints.map(({ attributes, value }) => textOf(translated(metric, isCounter), attributes, value));
    })
    .toSorted();
}

describe('metrics', () => {
  it('are those of the table of prometheus, with the same series and values', async () => {
    const registry = await exercised();
    const lab = meters();
    exportMetrics({ registry, meterProvider: lab.provider });
    const register = new PromRegistry();
    prometheus({ registry, register, durationBoundsMs: [] });

    const ours = seriesOf(await lab.collect());

    const theirs = (await register.getMetricsAsJSON()).flatMap(({ name, values, type }) =>
      String(type) === 'histogram' ? [] : values.map(({ labels, value }) => textOf(name, labels, value)),
    );
    expect(ours.length).toBeGreaterThan(100);
    expect(ours).toEqual(theirs.toSorted());
    await lab.close();
  });

  it('have the texts and the kinds of the table', async () => {
    const registry = await exercised();
    const lab = meters();
    exportMetrics({ registry, meterProvider: lab.provider });

    const collected = (await lab.collect()).filter(({ dataPointType }) => dataPointType !== DataPointType.HISTOGRAM);

    const table = new Map<string, MetricDescription>(metricDescriptions.map((row) => [`holdfast_${row.name}`, row]));
    for (const metric of collected) {
      const isCounter = metric.dataPointType === DataPointType.SUM && metric.isMonotonic;
      const row = table.get(translated(metric, isCounter));
      expect([metric.descriptor.name, row?.help]).toEqual([metric.descriptor.name, metric.descriptor.description]);
      expect(isCounter ? 'counter' : 'gauge').toBe(row?.type);
      expect(metric.dataPointType === DataPointType.GAUGE ? 'max' : 'sum').toBe(row?.aggregator);
    }
    await lab.close();
  });
});
