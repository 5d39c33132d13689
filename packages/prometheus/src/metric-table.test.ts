/**
 * The table: names that Prometheus accepts, closed label values, series from birth.
 *
 * @module
 */

import { type NamedPolicy, bulkhead, circuitBreaker, fallback, pipeline, retry } from '@holdfast/core';
import { describe, expect, it } from 'vitest';

import { type Kind, type Readable, metricTable } from './metric-table.ts';
import type { Sample } from './sample.ts';

const newborn: Readable = {
  'circuit-breaker': circuitBreaker().snapshot(),
  bulkhead: bulkhead().snapshot(),
  retry: retry(),
  fallback: fallback({ value: 1 }),
  pipeline: pipeline().calls,
  feature: { name: 'tips', modes: ['full', 'off'], mode: 'full', served: {} },
  store: {
    name: 'shop',
    mode: 'local',
    operations: [],
    latency: { sumMs: 0, count: 0 },
    silentMs: Infinity,
    nodes: 1,
    problem: undefined,
  },
  context: {
    name: 'requests',
    openedCount: 0,
    openCount: 0,
    leakCount: 0,
    sizeBytes: { bounds: [64, Infinity], counts: [0, 0], sum: 0, count: 0 },
    ttlSeconds: { bounds: [1, Infinity], counts: [0, 0], sum: 0, count: 0 },
  },
};

function samplesOf(kind: Kind): (readonly [string, readonly Sample[]])[] {
  return metricTable.flatMap((row) => {
    const read = row.read[kind] as ((reading: unknown) => readonly Sample[]) | undefined;
    return read === undefined ? [] : [[row.name, read(newborn[kind])] as const];
  });
}

describe('metricTable', () => {
  it.each(metricTable.map((row) => [row.name, row] as const))('%s is named as Prometheus wants it', (name, row) => {
    expect(name).toMatch(/^[a-z]+(?:_[a-z]+)*$/);
    expect(name.endsWith('_total')).toBe(row.type === 'counter');
    expect(name).not.toMatch(/_(?:count|sum|bucket|info|created)$/);
    expect(row.help).toMatch(/^[A-Z].*\.$/);
    expect(row.labels).toContain(row.nameLabel);
    expect(Object.keys(row.read).length).toBeGreaterThan(0);
  });

  it('has each name once', () => {
    expect(new Set(metricTable.map(({ name }) => name)).size).toBe(metricTable.length);
  });

  it('sums over processes what each counts, and takes the worst of what they share', () => {
    const aggregators = metricTable.map(({ type, fold, aggregator }) => [type, fold, aggregator].join());

    expect(new Set(aggregators)).toEqual(
      new Set([
        'counter,sum,sum',
        'counter,sum,max',
        'gauge,sum,sum',
        'gauge,one-hot,max',
        'gauge,max,max',
        'histogram,sum,sum',
      ]),
    );
  });

  it.each(Object.keys(newborn) as Kind[])('(1) the samples of %s carry the labels of their metric', (kind) => {
    const samples = samplesOf(kind);

    expect(samples.length).toBeGreaterThan(0);
    for (const [name, list] of samples) {
      const row = metricTable.find((candidate) => candidate.name === name);
      for (const { labels } of list) {
        expect(new Set([...Object.keys(labels), row?.nameLabel])).toEqual(new Set(row?.labels));
      }
    }
  });

  it('(1) an unknown transition or reason makes no series', () => {
    const row = metricTable.find(({ name }) => name === 'circuit_transitions_total');
    const snapshot = { ...newborn['circuit-breaker'], transitions: { 'closed->melted': 1, 'closed->open': 2 } };

    const samples = row?.read['circuit-breaker']?.(snapshot) ?? [];

    expect(samples).toHaveLength(20);
    expect(samples.find(({ value }) => value === 2)?.labels).toEqual({ from: 'closed', to: 'open' });
  });

  it.each(['circuit-breaker', 'bulkhead', 'retry', 'fallback', 'pipeline'] as const)(
    '(2) charter K1: all series of a %s are there from birth',
    (kind) => {
      const empty = samplesOf(kind).filter(([, list]) => list.length === 0);

      expect(empty).toEqual([]);
    },
  );

  it('(3) refuses a mode that the feature does not have', () => {
    const row = metricTable.find(({ name }) => name === 'feature_mode');

    expect(() => row?.read.feature?.({ ...newborn.feature, mode: 'melted' })).toThrow('"melted" is none of full, off');
  });

  it('reads no policy that has nothing to tell', () => {
    const kinds = new Set(metricTable.flatMap(({ read }) => Object.keys(read)));
    const timeoutKind: NamedPolicy['kind'] = 'timeout';

    expect(kinds).not.toContain(timeoutKind);
  });
});
