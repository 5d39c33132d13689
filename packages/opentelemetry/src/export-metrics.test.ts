import { bulkhead, circuitBreaker, createRegistry, onHookError, pipeline, retry } from '@holdfast/core';
import { metrics } from '@opentelemetry/api';
import { AggregationTemporality, DataPointType, MeterProvider } from '@opentelemetry/sdk-metrics';
import { afterEach, describe, expect, it } from 'vitest';

import { exportMetrics } from './export-metrics.ts';
import { meters } from './testing/meter-lab.ts';
import { endTelemetry } from './testing/telemetry-lab.ts';

afterEach(endTelemetry);

describe('metrics', () => {
  it('export metrics (2), circuit samples (1): of a circuit have all their series from birth, of closed sets', async () => {
    const registry = createRegistry();
    registry.create(circuitBreaker, { name: 'prices' });
    registry.create(retry, { name: 'prices' });
    const lab = meters();
    exportMetrics({ registry, meterProvider: lab.provider });

    const collected = await lab.collect();

    const countOf = (name: string) => collected.find(({ descriptor }) => descriptor.name === name)?.dataPoints.length;
    expect(countOf('holdfast.circuit.state')).toBe(5);
    expect(countOf('holdfast.circuit.transitions')).toBe(20);
    expect(countOf('holdfast.rejections')).toBe(4);
    const labels = new Set(
      collected.flatMap(({ dataPoints }) => dataPoints.flatMap(({ attributes }) => Object.keys(attributes))),
    );
    expect([...labels].toSorted()).toEqual(['from', 'name', 'policy', 'reason', 'state', 'to', 'verdict']);
    await lab.close();
  });

  it('tell of the parts of a pipeline that have a name of their own', async () => {
    const registry = createRegistry();
    const factory = ({ name }: { name: string }) =>
      pipeline({ name }, retry(), circuitBreaker({ name: `${name}-circuit` }));
    registry.create(factory, { name: 'stock' });
    const lab = meters();
    exportMetrics({ registry, meterProvider: lab.provider });

    const collected = await lab.collect();

    const namesOf = (metric: string) => {
      const points = collected.find(({ descriptor }) => descriptor.name === metric)?.dataPoints ?? [];
      return new Set(points.map(({ attributes }) => attributes['name']));
    };
    expect(namesOf('holdfast.circuit.state')).toEqual(new Set(['stock-circuit']));
    expect(namesOf('holdfast.calls')).toEqual(new Set(['stock']));
    expect(namesOf('holdfast.retries')).toEqual(new Set());
    await lab.close();
  });

  it('count the durations of calls by outcome, as many as there were calls', async () => {
    const registry = createRegistry();
    const prices = registry.pipeline('prices');
    const lab = meters();
    const shown = exportMetrics({ registry, meterProvider: lab.provider, durationBoundsSeconds: [0.5, 60] });
    for (let call = 0; call < 3000; call++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await prices.execute(() => call);
    }
    await prices.execute(() => Promise.reject(new Error('down'))).catch(() => {});

    const countOf = async () => {
      const found = (await lab.collect()).find(({ descriptor }) => descriptor.name === 'holdfast.call.duration');
      const points = found?.dataPointType === DataPointType.HISTOGRAM ? found.dataPoints : [];
      return { found, success: points.find(({ attributes }) => attributes['outcome'] === 'success')?.value };
    };
    const { found: durations, success } = await countOf();
    for (let call = 0; call < 10; call++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await prices.execute(() => call);
    }
    expect((await countOf()).success?.count).toBe((success?.count ?? 0) + 10);
    shown.close();

    expect(durations?.descriptor.unit).toBe('s');
    expect(success?.buckets.boundaries).toEqual([0.5, 60]);
    expect(success?.count).toBeGreaterThan(3000 - 128);
    expect(success?.count).toBeLessThanOrEqual(3000);
    await lab.close();
  });

  it('export metrics (4): go with their policy, and all of them with close', async () => {
    const registry = createRegistry();
    const one = registry.create(bulkhead, { name: 'one' });
    registry.create(bulkhead, { name: 'two' });
    const lab = meters(AggregationTemporality.DELTA); // an SDK that adds up by itself keeps what it was told
    const shown = exportMetrics({ registry, meterProvider: lab.provider });
    const namesIn = async () =>
      new Set(
        (await lab.collect()).flatMap(({ dataPoints }) => dataPoints.map(({ attributes }) => attributes['name'])),
      );
    expect(await namesIn()).toEqual(new Set(['one', 'two']));

    registry.remove(one);
    expect(await namesIn()).toEqual(new Set(['two']));
    shown.close();
    shown.close();

    expect(await namesIn()).toEqual(new Set());
    await lab.close();
  });

  it('export metrics (1): of a policy that cannot be read are absent, and spoil no other', async () => {
    const reported: string[] = [];
    const before = onHookError((error) => reported.push(error.hook));
    const registry = createRegistry();
    registry.create(bulkhead, { name: 'one' });
    registry.add({
      kind: 'bulkhead',
      name: 'broken',
      snapshot: () => {
        throw new Error('a bug');
      },
    } as never);
    const lab = meters();
    exportMetrics({ registry, meterProvider: lab.provider });

    const names = (await lab.collect()).flatMap(({ dataPoints }) =>
      dataPoints.map(({ attributes }) => attributes['name']),
    );

    onHookError(before);
    expect(new Set(names)).toEqual(new Set(['one']));
    expect(reported).toEqual(['opentelemetry.read']);
    await lab.close();
  });

  it('export metrics (3): are not made without an SDK: no meter is attached to any pipeline', () => {
    const registry = createRegistry();
    let attached = 0;
    registry.add({ kind: 'pipeline', name: 'p', meterWith: () => (attached += 1) } as never);

    exportMetrics({ registry }).close();
    expect(attached).toBe(0);

    metrics.setGlobalMeterProvider(new MeterProvider());
    exportMetrics({ registry });
    expect(attached).toBe(1);
  });

  it('need options that are what they must be', () => {
    const registry = createRegistry();
    const show = exportMetrics as (options: object) => unknown;
    expect(() => show({})).toThrow('exportMetrics.registry must be a Registry');
    expect(() => show({ registry, meterProvider: {} })).toThrow('exportMetrics.meterProvider');
    expect(() => show({ registry, prefix: '1 2' })).toThrow('exportMetrics.prefix');
    expect(() => show({ registry, durationBoundsSeconds: [2, 1] })).toThrow('exportMetrics.durationBoundsSeconds');
    expect(() => show({ registry, durationBoundsSeconds: [Infinity] })).toThrow('exportMetrics.durationBoundsSeconds');
    expect(() => show({ registry, meter: 1 })).toThrow('meter');
    expect(() => show({ registry, maxNames: 0 })).toThrow('exportMetrics.maxNames must be an integer from 1 to 100000');
    expect(() => show({ registry, maxKeys: Infinity })).toThrow('exportMetrics.maxKeys');
    expect(() => show({ registry, outboxes: { orders: {} } })).toThrow(
      'exportMetrics.outboxes.orders must be something with count()',
    );
  });
});
