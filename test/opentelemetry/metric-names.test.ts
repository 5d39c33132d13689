import {
  type Bulkhead,
  Context,
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
import { memoryFleet } from '@holdfast/core/fleet';
import { virtualClock } from '@holdfast/core/testing';
import { metricTable } from '@holdfast/metrics';
import { type ExportMetricsOptions, exportMetrics } from '@holdfast/opentelemetry';
import { prometheus } from '@holdfast/prometheus';
import type { Attributes } from '@opentelemetry/api';
import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  type MetricData,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { Registry as PromRegistry } from 'prom-client';
import { describe, expect, it } from 'vitest';

import { meters } from '../../packages/opentelemetry/src/testing/meter-lab.ts';
import { everySource } from './every-source.ts';

const key = contextKey<string>('key');

/** A registry with a policy of each kind, through which calls have gone. */
async function exercised(): Promise<Registry> {
  const clock = virtualClock();
  const store = memoryFleet({ clock }).store({ node: 'n1' });
  const registry = createRegistry({ clock, random: () => 0.5, store });
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
  const hosts = registry.create(keyed<Bulkhead>, {
    name: 'hosts',
    keyOf: (context) => context.value(key) ?? 'none',
    make: () => bulkhead(2),
  });
  registry.create(chaos<never>, { name: 'storm', injections: [{ kind: 'fault', callRatio: 0 }] });
  const calls = [() => 1, () => Promise.reject(new Error('down')), () => 1].map((run) => prices.execute(run));
  await clock.advance(100);
  const ofHosts = ['a', 'b', 'b', 'c', 'd'].map((host) =>
    hosts.execute(() => 1, Context.background.withValue(key, host)),
  );
  await Promise.all([...calls, ...ofHosts, kept.execute(() => 1)]);
  return registry;
}

/** What the usual translation to Prometheus makes of a metric. */
function translated({ descriptor: { name, unit }, ...metric }: MetricData): string {
  const plain = name.replaceAll('.', '_');
  const withUnit = unit === 's' && !plain.endsWith('_seconds') ? `${plain}_seconds` : plain;
  const isCounter = metric.dataPointType === DataPointType.SUM && metric.isMonotonic;
  return isCounter ? `${withUnit}_total` : withUnit;
}

function textOf(name: string, labels: Attributes, value: unknown): string {
  const sorted = Object.entries(labels).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return `${name}{${sorted.map(([label, each]) => `${label}="${String(each)}"`).join()}} ${String(value)}`;
}

function seriesOf(all: readonly MetricData[]): string[] {
  return all
    .filter(({ dataPointType }) => dataPointType !== DataPointType.HISTOGRAM)
    .flatMap((metric) =>
      metric.dataPoints.map(({ attributes, value }) => textOf(translated(metric), attributes, value)),
    )
    .toSorted();
}

/** The series of both exporters of the same things. */
async function bothOf(options: ExportMetricsOptions): Promise<{ readonly ours: string[]; readonly theirs: string[] }> {
  const lab = meters();
  const shown = exportMetrics({ ...options, meterProvider: lab.provider });
  const register = new PromRegistry();
  const exporter = prometheus({ ...options, register, durationBoundsMs: [] });
  const ours = seriesOf(await lab.collect());
  const theirs = (await register.getMetricsAsJSON()).flatMap(({ name, values }) =>
    values.map(({ labels, value, metricName = name }: { metricName?: string } & (typeof values)[number]) =>
      textOf(metricName, labels, value),
    ),
  );
  shown.close();
  exporter.close();
  await lab.close();
  return { ours, theirs: theirs.toSorted() };
}

/** Each option that hands in sources, by itself. */
const options = Object.keys(everySource) as (keyof typeof everySource)[];

describe('metrics', () => {
  it('are those of the table, with the same series and values as in Prometheus, of all there is', async () => {
    const { ours, theirs } = await bothOf({ registry: await exercised(), ...everySource, maxKeys: 10 });

    expect(ours).toEqual(theirs);
    const names = new Set(ours.map((series) => series.replace(/\{.*$/s, '')));
    const missing = metricTable.filter(({ name, type }) => {
      const full = `holdfast_${name}${type === 'histogram' ? '_bucket' : ''}`;
      return !names.has(full) && name !== 'call_duration_seconds';
    });
    expect(missing.map(({ name }) => name)).toEqual([]);
    expect(ours).toContain('holdfast_context_size_bytes_bucket{le="128",name="requests"} 25');
    expect(ours).toContain('holdfast_outbox_first_age_seconds{name="orders"} 4.4');
    expect(ours).toContain('holdfast_bulkhead_running_calls{key="b",name="hosts"} 0');
  });

  it.each(options)('are the same in both of %s, which nothing else has', async (option) => {
    const { ours, theirs } = await bothOf({ registry: createRegistry(), [option]: everySource[option] });

    expect(ours.length).toBeGreaterThan(0);
    expect(ours).toEqual(theirs);
    expect(await bothOf({ registry: createRegistry() })).toEqual({ ours: [], theirs: [] });
  });

  it('are the same in both above the caps of names and keys', async () => {
    const registry = await exercised();
    for (const name of ['one', 'two', 'three']) registry.create(retry, { name });
    const { ours, theirs } = await bothOf({ registry, ...everySource, maxNames: 2, maxKeys: 2 });

    expect(ours).toEqual(theirs);
    expect(ours).toContain('holdfast_retries_total{name="__other__"} 0');
    expect(ours.some((series) => series.startsWith('holdfast_bulkhead_running_calls{key="__other__"'))).toBe(true);
    expect(ours.some((series) => series.includes('key="d"'))).toBe(false);
  });

  it('have the texts and the kinds of the table, and no two have one name', async () => {
    const lab = meters();
    exportMetrics({ registry: await exercised(), ...everySource, meterProvider: lab.provider });

    const collected = (await lab.collect()).filter(({ dataPointType }) => dataPointType !== DataPointType.HISTOGRAM);

    const table = new Map(metricTable.map((metric) => [`holdfast_${metric.name}`, metric]));
    for (const metric of collected) {
      const { name, description } = metric.descriptor;
      const isPart = /^holdfast\.context\.\w+\.(?:bucket|sum|count)$/.test(name);
      const row = table.get(isPart ? translated(metric).replace(/_[a-z]+$/, '') : translated(metric));
      const isCounter = metric.dataPointType === DataPointType.SUM && metric.isMonotonic;
      expect([name, description.slice(0, row?.help.length)]).toEqual([name, row?.help]);
      expect(isCounter ? 'counter' : isPart ? 'histogram' : 'gauge').toBe(row?.type);
      expect(metric.dataPointType === DataPointType.GAUGE).toBe(row?.fold !== 'sum');
    }
    const names = collected.map(({ descriptor }) => descriptor.name.toLowerCase());
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(collected.map(translated)).size).toBe(names.length);
    await lab.close();
  });

  it('of more than 99 circuits are all there where the reader is told to keep as many series', async () => {
    const registry = createRegistry();
    for (let circuit = 0; circuit < 100; circuit++) registry.create(circuitBreaker, { name: `circuit-${circuit}` });
    const pointsWith = async (limits: object): Promise<readonly Attributes[]> => {
      const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
      const reader = new PeriodicExportingMetricReader({ exporter, ...limits });
      const meterProvider = new MeterProvider({ readers: [reader] });
      exportMetrics({ registry, meterProvider });
      await reader.forceFlush();
      const found = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
      await meterProvider.shutdown();
      const transitions = found.find(({ descriptor }) => descriptor.name === 'holdfast.circuit.transitions');
      return transitions?.dataPoints.map(({ attributes }) => attributes) ?? [];
    };

    expect(await pointsWith({})).toContainEqual({ 'otel.metric.overflow': true });
    const all = await pointsWith({ cardinalityLimits: { default: 20_000 } });
    expect(all).toHaveLength(2000);
    expect(all).not.toContainEqual({ 'otel.metric.overflow': true });
  });
});
