import { createRegistry, onHookError, retry } from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { AggregationTemporality, type MetricData } from '@opentelemetry/sdk-metrics';
import { describe, expect, it } from 'vitest';

import { type ExportMetricsOptions, exportMetrics } from './export-metrics.ts';
import { meters } from './testing/meter-lab.ts';

const work = { running: 2, overdue: 1, oldestAgeMs: 2500, succeeded: 9, failed: 1, refused: 0, abandoned: 3 };

function setUp(options: Partial<ExportMetricsOptions> = {}) {
  const registry = createRegistry();
  const lab = meters(AggregationTemporality.DELTA); // an SDK that adds up by itself keeps what it was told
  const show = (more: Partial<ExportMetricsOptions> = {}) =>
    exportMetrics({ registry, meterProvider: lab.provider, ...options, ...more });
  return { registry, lab, show };
}

/** The values of one metric by the names that they are of. */
function valuesOf(collected: readonly MetricData[], name: string): Record<string, unknown> {
  const points = collected.find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? [];
  return Object.fromEntries(points.map(({ attributes, value }) => [String(attributes['name']), value]));
}

describe('instrument set', () => {
  it('(1) charter K3: counts what is shown twice once, until both are closed', async () => {
    const { registry, lab, show } = setUp({ trackers: { jobs: { status: () => work } } });
    const prices = registry.pipeline('prices');
    const shown = [show(), show()];
    await prices.execute(() => 1);

    const both = await lab.collect();
    expect(valuesOf(both, 'holdfast.tracker.running_jobs')).toEqual({ jobs: 2 });
    const durations = both.find(({ descriptor }) => descriptor.name === 'holdfast.call.duration');
    expect(durations?.dataPoints).toMatchObject([{ value: { count: 1 } }]);
    shown[0]?.close();
    shown[0]?.close();
    expect(valuesOf(await lab.collect(), 'holdfast.tracker.oldest_age')).toEqual({ jobs: 2.5 });
    shown[1]?.close();
    expect(await lab.collect()).toEqual([]);
    show();
    expect(valuesOf(await lab.collect(), 'holdfast.tracker.oldest_age')).toEqual({ jobs: 2.5 });
    await lab.close();
  });

  it('(1) puts the policies of several registries side by side, and those of one name together', async () => {
    const { registry, lab, show } = setUp();
    const other = createRegistry();
    registry.create(retry, { name: 'prices' });
    other.create(retry, { name: 'prices' });
    other.create(retry, { name: 'stock' });
    const first = show();
    show({ registry: other });

    expect(valuesOf(await lab.collect(), 'holdfast.retry.waiting_calls')).toEqual({ prices: 0, stock: 0 });
    first.close();
    expect(valuesOf(await lab.collect(), 'holdfast.retry.waiting_calls')).toEqual({ prices: 0, stock: 0 });
    await lab.close();
  });

  it('(1) has other instruments under another prefix', async () => {
    const { registry, lab, show } = setUp();
    registry.create(retry, { name: 'prices' });
    show();
    const shop = show({ prefix: 'shop.' });

    const names = async () => new Set((await lab.collect()).map(({ descriptor }) => descriptor.name.split('.')[0]));
    expect(await names()).toEqual(new Set(['holdfast', 'shop']));
    shop.close();
    expect(await names()).toEqual(new Set(['holdfast']));
    await lab.close();
  });

  it('(2), (3) asks each thing once per collection, not between, and not after the last was closed', async () => {
    let asked = 0;
    const { lab, show } = setUp({ trackers: { jobs: { status: () => ((asked += 1), work) } } });
    const shown = show();
    expect(asked).toBe(0);
    await lab.collect();
    expect(asked).toBe(1);
    await lab.collect();
    expect(asked).toBe(2);
    shown.close();
    await lab.collect();

    expect(asked).toBe(2);
    await lab.close();
  });

  it('an outbox that does not answer is absent after a second, and keeps nothing else from being shown', async () => {
    const before = onHookError(() => {});
    const clock = virtualClock();
    const { lab, show } = setUp({ trackers: { jobs: { status: () => work } } });
    const fine = { count: () => Promise.resolve({ waiting: 3, taken: 0, dead: 0, firstAgeMs: 1500 }) };
    let isAsked = false;
    const hasAsked = () => isAsked;
    const slow = { count: () => ((isAsked = true), new Promise<never>(() => {})) };
    const shown = show({ registry: createRegistry({ clock }), outboxes: { fine, slow } });

    const collecting = lab.collect();
    while (!hasAsked()) await settle();
    await clock.advance(1000);
    const collected = await collecting;

    expect(valuesOf(collected, 'holdfast.tracker.running_jobs')).toEqual({ jobs: 2 });
    expect(valuesOf(collected, 'holdfast.outbox.first_age')).toEqual({ fine: 1.5 });
    expect(clock.pendingCount).toBe(0);
    onHookError(before);
    shown.close();
    await lab.close();
  });

  it('shows a histogram that is read as a whole by its parts', async () => {
    const sizeBytes = { bounds: [64, Infinity], counts: [3, 5], sum: 400, count: 5 };
    const ttlSeconds = { bounds: [0.5, Infinity], counts: [1, 4], sum: 7.5, count: 4 };
    const reading = { name: 'requests', openedCount: 5, openCount: 2, leakCount: 1, sizeBytes, ttlSeconds };
    const { lab, show } = setUp({ contexts: { snapshot: () => reading } });
    show();

    const collected = await lab.collect();

    const of = (name: string) => collected.find(({ descriptor }) => descriptor.name === name);
    expect(of('holdfast.context.size_bytes.bucket')?.dataPoints).toMatchObject([
      { attributes: { name: 'requests', le: '64' }, value: 3 },
      { attributes: { name: 'requests', le: '+Inf' }, value: 5 },
    ]);
    expect(of('holdfast.context.size_bytes.count')?.dataPoints).toMatchObject([{ value: 5 }]);
    expect(of('holdfast.context.ttl_seconds.sum')?.dataPoints).toMatchObject([{ value: 7.5 }]);
    expect(of('holdfast.context.ttl_seconds.sum')?.descriptor.unit).toBe('{seconds}');
    await lab.close();
  });

  it('charter K2: caps names', async () => {
    const { registry, lab, show } = setUp({ maxNames: 2 });
    for (const name of ['a', 'b', 'c', 'd']) registry.create(retry, { name });
    show();

    expect(Object.keys(valuesOf(await lab.collect(), 'holdfast.retry.waiting_calls'))).toEqual(['a', 'b', '__other__']);
    await lab.close();
  });
});
