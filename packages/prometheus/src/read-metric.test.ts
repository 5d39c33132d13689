/**
 * Histograms of contexts as an application exports them, in a real register of prom-client.
 *
 * @module
 */

import { Context, createRegistry } from '@holdfast/core';
import { AggregatorRegistry, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';

import { type ContextReading, prometheus } from './index.ts';

function contextsNamed(name: string, changes: Partial<ContextReading> = {}): { snapshot: () => ContextReading } {
  const reading: ContextReading = {
    name,
    openedCount: 5,
    openCount: 2,
    leakCount: 1,
    sizeBytes: { bounds: [64, 128, Infinity], counts: [3, 4, 5], sum: 400, count: 5 },
    ttlSeconds: { bounds: [0.5, Infinity], counts: [1, 4], sum: 7.5, count: 4 },
    ...changes,
  };
  return { snapshot: () => reading };
}

async function textOf(register: Registry, part: string): Promise<string[]> {
  return (await register.metrics()).split('\n').filter((line) => line.includes(part));
}

describe('a read histogram', () => {
  it('(1): has buckets, sum and count', async () => {
    const [register, registry] = [new Registry(), createRegistry()];
    prometheus({ register, registry, contexts: contextsNamed('requests') });

    expect(await textOf(register, 'holdfast_context')).toEqual([
      '# HELP holdfast_contexts_total Contexts of requests that were opened.',
      '# TYPE holdfast_contexts_total counter',
      'holdfast_contexts_total{name="requests"} 5',
      '# HELP holdfast_contexts_open Contexts of requests that have not ended yet.',
      '# TYPE holdfast_contexts_open gauge',
      'holdfast_contexts_open{name="requests"} 2',
      '# HELP holdfast_context_leaks_total Contexts without a deadline that nobody has ended for too long.',
      '# TYPE holdfast_context_leaks_total counter',
      'holdfast_context_leaks_total{name="requests"} 1',
      '# HELP holdfast_context_size_bytes Size of the declared values of contexts when they were opened.',
      '# TYPE holdfast_context_size_bytes histogram',
      'holdfast_context_size_bytes_bucket{name="requests",le="64"} 3',
      'holdfast_context_size_bytes_bucket{name="requests",le="128"} 4',
      'holdfast_context_size_bytes_bucket{name="requests",le="+Inf"} 5',
      'holdfast_context_size_bytes_sum{name="requests"} 400',
      'holdfast_context_size_bytes_count{name="requests"} 5',
      expect.stringContaining('# HELP holdfast_context_ttl_seconds') as string,
      '# TYPE holdfast_context_ttl_seconds histogram',
      'holdfast_context_ttl_seconds_bucket{name="requests",le="0.5"} 1',
      'holdfast_context_ttl_seconds_bucket{name="requests",le="+Inf"} 4',
      'holdfast_context_ttl_seconds_sum{name="requests"} 7.5',
      'holdfast_context_ttl_seconds_count{name="requests"} 4',
    ]);
  });

  it('(2) gives a register in the OpenMetrics format names that it puts `_total` to, once, and in turn with the other', async () => {
    const [register, registry] = [new Registry(), createRegistry()];
    prometheus({ register, registry, contexts: contextsNamed('requests') });
    const set = (type: string) => (register as { setContentType(type: string): void }).setContentType(type);
    for (let round = 0; round < 2; round++) {
      set(Registry.OPENMETRICS_CONTENT_TYPE);
      expect(await textOf(register, 'holdfast_contexts_total')).toEqual(['holdfast_contexts_total{name="requests"} 5']);
      expect(await textOf(register, 'TYPE holdfast_contexts ')).toEqual(['# TYPE holdfast_contexts counter']);
      set(Registry.PROMETHEUS_CONTENT_TYPE);
      expect(await textOf(register, 'TYPE holdfast_contexts_total')).toHaveLength(1);
    }
  });

  it('adds up under one name, and is put together over processes', async () => {
    const [register, registry] = [new Registry(), createRegistry()];
    for (const name of ['jobs', 'jobs', 'requests']) prometheus({ register, registry, contexts: contextsNamed(name) });

    expect(await textOf(register, 'size_bytes_sum')).toEqual([
      'holdfast_context_size_bytes_sum{name="jobs"} 800',
      'holdfast_context_size_bytes_sum{name="requests"} 400',
    ]);
    const json = await register.getMetricsAsJSON();
    const fleet = AggregatorRegistry.aggregate([json, json]);
    expect(await textOf(fleet as Registry, 'ttl_seconds_bucket{name="requests"')).toEqual([
      'holdfast_context_ttl_seconds_bucket{name="requests",le="0.5"} 2',
      'holdfast_context_ttl_seconds_bucket{name="requests",le="+Inf"} 8',
    ]);
  });

  it('folds what is above the cap, and leaves with its exporter', async () => {
    const [register, registry] = [new Registry(), createRegistry()];
    const exporters = ['a', 'b', 'c'].map((name) =>
      prometheus({ register, registry, contexts: contextsNamed(name), maxNames: 1 }),
    );

    expect(await textOf(register, 'size_bytes_count')).toEqual([
      'holdfast_context_size_bytes_count{name="a"} 5',
      'holdfast_context_size_bytes_count{name="__other__"} 10',
    ]);
    for (const exporter of exporters) exporter.close();
    expect(await textOf(register, 'context')).toEqual([]);
  });

  it('spoils nothing where the contexts cannot be read', async () => {
    const [register, registry] = [new Registry(), createRegistry()];
    const broken = { snapshot: () => { throw new Error('broken'); } }; // prettier-ignore
    const { onHookError } = await import('@holdfast/core');
    const reported: string[] = [];
    onHookError(({ hook }) => reported.push(hook));
    prometheus({ register, registry, contexts: broken });
    prometheus({ register, registry, contexts: contextsNamed('fine') });

    expect(await textOf(register, 'holdfast_contexts_open{')).toEqual(['holdfast_contexts_open{name="fine"} 2']);
    expect(reported).toEqual(['prometheus.read']);
    onHookError(undefined);
    expect(() => prometheus({ register, registry, contexts: {} as never })).toThrow(
      'prometheus.contexts must be something with snapshot()',
    );
  });

  it('shows a traced call as an example in OpenMetrics, and none in the classic format', async () => {
    const [registry, register] = [createRegistry(), new Registry()];
    const prices = registry.pipeline('prices');
    prometheus({ register, registry, durationBoundsMs: [60_000], traceIdOf: () => 'abc', wallClock: () => 1_500 });
    await prices.execute(() => 1, Context.background);
    const bucket = 'call_duration_seconds_bucket{name="prices",outcome="success",le="60"}';

    expect(await textOf(register, `holdfast_${bucket}`)).toEqual([`holdfast_${bucket} 1`]);
    (register as { setContentType(type: string): void }).setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    const [line] = await textOf(register, `holdfast_${bucket}`);
    expect(line).toMatch(/ 1 # \{trace_id="abc"\} [\d.e-]+ 1\.5$/);
  });
});
