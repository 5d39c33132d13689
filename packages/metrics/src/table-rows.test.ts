/**
 * The table: names that Prometheus accepts, closed label values, series from birth.
 *
 * @module
 */

import {
  bulkhead,
  cache,
  chaos,
  circuitBreaker,
  coalesce,
  fallback,
  hedge,
  keyed,
  pipeline,
  rateLimiter,
  retry,
  timeout,
} from '@holdfast/core';
import { describe, expect, it } from 'vitest';

import { CallRecorder } from './call-recorder.ts';
import { KEY_LABEL, type Kind, type Readable, isPolicyKind } from './metric-row.ts';
import { metricTable } from './metric-table.ts';
import { metricRows } from './table-rows.ts';
import type { Sample } from './sample.ts';

const recorder = new CallRecorder('lines.traceIdOf', { boundsMs: [1], traceIdOf: undefined, wallClock: () => 0 });

const newborn: Readable = {
  'circuit-breaker': { ...circuitBreaker().snapshot(), inStateMs: 1 },
  bulkhead: bulkhead().snapshot(),
  retry: retry().snapshot(),
  fallback: fallback({ value: 1 }).snapshot(),
  pipeline: { ...pipeline().calls, boundsMs: [1], durations: recorder.read() },
  'rate-limiter': rateLimiter(5).snapshot(),
  hedge: hedge(5).snapshot(),
  coalesce: coalesce({ keyOf: () => 'k' }).snapshot(),
  cache: cache({ keyOf: () => 'k' }).snapshot(),
  timeout: timeout(5).snapshot(),
  chaos: chaos({ injections: [{ kind: 'fault', callRatio: 0 }] }).snapshot(),
  keyed: keyed({ keyOf: () => 'k', make: () => retry() }).snapshot(),
  feature: { name: 'tips', modes: ['full', 'off'], mode: 'full', served: {}, level: 0 },
  store: { mode: 'local', operations: [], latencySumMs: 0, lastLatencyMs: 0, silentMs: 0, nodes: 1 },
  context: {
    name: 'requests',
    openedCount: 0,
    openCount: 0,
    leakCount: 0,
    sizeBytes: { bounds: [64, Infinity], counts: [0, 0], sum: 0, count: 0 },
    ttlSeconds: { bounds: [1, Infinity], counts: [0, 0], sum: 0, count: 0 },
  },
  brownout: { level: 0, localLevel: 0, maxLevel: 4, signals: [{ signal: 'shedRatio', pressure: 0 }] },
  outbox: { waiting: 0, taken: 0, dead: 0, firstAgeMs: 0 },
  tracker: { running: 0, overdue: 0, oldestAgeMs: 0, succeeded: 0, failed: 0, refused: 0, abandoned: 0 },
  supervisor: { state: 'running', runs: 1, crashes: 0, isSafeMode: false },
  http: {
    running: 0,
    ended: { answered: 0, refused: 0, deadline: 0, 'client-gone': 0, 'server-closing': 0, failed: 0 },
  },
  grpc: { open: 0, answered: 0, cancelled: 0, refused: { draining: 0, expired: 0 } },
  consumer: { running: 0, handled: 0, failed: 0, expired: 0, abandoned: 0 },
  sql: { checkedOut: 0, waiting: 0, gaveUpWaiting: 0, stopped: 0, cancelRequests: 0, dropped: 0 },
};

const kinds = Object.keys(newborn) as Kind[];

function samplesOf(kind: Kind): (readonly [string, readonly Sample[]])[] {
  return metricRows.flatMap((row) => {
    const read = row.read[kind] as ((reading: unknown) => readonly Sample[]) | undefined;
    return read === undefined ? [] : [[row.name, read(newborn[kind])] as const];
  });
}

describe('table rows', () => {
  it.each(metricRows.map((row) => [row.name, row] as const))('%s is named as Prometheus wants it', (name, row) => {
    expect(name).toMatch(/^[a-z]+(?:_[a-z]+)*$/);
    expect(name.endsWith('_total')).toBe(row.type === 'counter');
    expect(name).not.toMatch(/_(?:count|sum|bucket|info|created)$/);
    expect(row.help).toMatch(/^[A-Z].*\.$/);
    expect(row.labels).toContain(row.nameLabel);
    expect(Object.keys(row.read).length).toBeGreaterThan(0);
  });

  it('has each name once, and what is awaited is what is in outboxes', () => {
    expect(metricTable).toBe(metricRows);
    expect(metricTable.filter(({ isAwaited }) => isAwaited).map(({ name }) => name)).toEqual([
      'outbox_items',
      'outbox_first_age_seconds',
    ]);
    expect(new Set(metricRows.map(({ name }) => name)).size).toBe(metricRows.length);
  });

  it('sums over processes what each counts, and takes the worst of what they share', () => {
    const aggregators = metricRows.map(({ type, fold, aggregator }) => [type, fold, aggregator].join());

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

  it.each(kinds)('(1) the samples of %s carry the labels of their metric', (kind) => {
    const samples = samplesOf(kind);

    expect(samples.length).toBeGreaterThan(0);
    for (const [name, list] of samples) {
      const row = metricRows.find((candidate) => candidate.name === name);
      for (const { labels } of list) {
        const own = row?.labels.filter((label) => label !== KEY_LABEL);
        expect(new Set([...Object.keys(labels), row?.nameLabel])).toEqual(new Set(own));
      }
    }
  });

  it('(1) an unknown transition or reason makes no series', () => {
    const row = metricRows.find(({ name }) => name === 'circuit_transitions_total');
    const snapshot = { ...newborn['circuit-breaker'], transitions: { 'closed->melted': 1, 'closed->open': 2 } };

    const samples = row?.read['circuit-breaker']?.(snapshot) ?? [];

    expect(samples).toHaveLength(20);
    expect(samples.find(({ value }) => value === 2)?.labels).toEqual({ from: 'closed', to: 'open' });
  });

  it.each(kinds.filter(isPolicyKind))('(2) charter K1: all series of a %s are there from birth', (kind) => {
    const empty = samplesOf(kind).filter(([, list]) => list.length === 0);

    expect(empty).toEqual([]);
  });

  it('(3) refuses a mode that the feature does not have', () => {
    const row = metricRows.find(({ name }) => name === 'feature_mode');

    expect(() => row?.read.feature?.({ ...newborn.feature, mode: 'melted' })).toThrow('"melted" is none of full, off');
  });

  it('has the label of keys where a policy may be a member of a keyed one, and nowhere else', () => {
    for (const { labels, read } of metricRows)
      expect(labels.includes(KEY_LABEL)).toBe(Object.keys(read).some(isPolicyKind));
  });

  it('leaves out what is not known: a number that nobody has, or that has no end', () => {
    const hedgeless = { ...newborn.hedge, delayMs: Infinity };
    const delay = metricRows.find(({ name }) => name === 'hedge_delay_seconds');
    const since = metricRows.find(({ name }) => name === 'circuit_state_seconds');

    expect(delay?.read.hedge?.(hedgeless)).toEqual([]);
    expect(since?.read['circuit-breaker']?.(circuitBreaker().snapshot())).toEqual([]);
  });

  it('says whether a feature is in another mode than its default, or than its first where it names none', () => {
    const row = metricRows.find(({ name }) => name === 'feature_degraded');
    const degraded = (changes: object): number | undefined =>
      row?.read.feature?.({ ...newborn.feature, ...changes })[0]?.value;

    expect([{}, { mode: 'off' }, { mode: 'off', defaultMode: 'off' }, { defaultMode: 'off' }].map(degraded)).toEqual([
      0, 1, 0, 1,
    ]);
  });
});
