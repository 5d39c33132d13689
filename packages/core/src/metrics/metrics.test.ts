import { describe, expect, it } from 'vitest';

import { pipeline } from '../kernel/pipeline.ts';
import { bulkhead } from '../policies/bulkhead/bulkhead.ts';
import { cache } from '../policies/cache/cache.ts';
import { chaos } from '../policies/chaos/chaos.ts';
import { circuitBreaker } from '../policies/circuit-breaker/circuit-breaker.ts';
import { coalesce } from '../policies/coalesce/coalesce.ts';
import { fallback } from '../policies/fallback/fallback.ts';
import { hedge } from '../policies/hedge/hedge.ts';
import { keyed } from '../policies/keyed/keyed.ts';
import { rateLimiter } from '../policies/rate-limiter/rate-limiter.ts';
import { retry } from '../policies/retry/retry.ts';
import { timeout } from '../policies/timeout/timeout.ts';
import { type PolicyReadings, type Sample, optional, optionalSeconds, policyMetrics } from './metrics.ts';

const newborn: PolicyReadings = {
  'circuit-breaker': { ...circuitBreaker().snapshot(), inStateMs: 1 },
  bulkhead: bulkhead().snapshot(),
  retry: retry().snapshot(),
  fallback: fallback({ value: 1 }).snapshot(),
  pipeline: pipeline().calls,
  'rate-limiter': rateLimiter(5).snapshot(),
  hedge: hedge(5).snapshot(),
  coalesce: coalesce({ keyOf: () => 'k' }).snapshot(),
  cache: cache({ keyOf: () => 'k' }).snapshot(),
  timeout: timeout(5).snapshot(),
  chaos: chaos({ injections: [{ kind: 'fault', callRatio: 0 }] }).snapshot(),
  keyed: keyed({ keyOf: () => 'k', make: () => retry() }).snapshot(),
};

const kinds = Object.keys(newborn) as (keyof PolicyReadings)[];

function samplesOf(kind: keyof PolicyReadings): (readonly [string, readonly Sample[]])[] {
  return policyMetrics.flatMap(({ name, read }) => {
    const reader = read[kind] as ((reading: unknown) => readonly Sample[]) | undefined;
    return reader === undefined ? [] : [[name, reader(newborn[kind])] as const];
  });
}

describe('policyMetrics', () => {
  it.each(kinds)('(1) the samples of %s carry the labels of their metric', (kind) => {
    for (const [name, samples] of samplesOf(kind)) {
      const row = policyMetrics.find((each) => each.name === name);
      for (const { labels } of samples) expect(new Set([...Object.keys(labels), 'name'])).toEqual(new Set(row?.labels));
    }
  });

  it.each(kinds)('(2) charter K1: all series of a %s are there from birth, each once', (kind) => {
    const samples = samplesOf(kind);

    expect(samples.length).toBeGreaterThan(0);
    for (const [, list] of samples) {
      expect(list.length).toBeGreaterThan(0);
      expect(new Set(list.map(({ labels }) => JSON.stringify(labels))).size).toBe(list.length);
    }
  });

  it('has each name once, as Prometheus wants it', () => {
    const names = policyMetrics.map(({ name }) => name);

    expect(new Set(names).size).toBe(names.length);
    for (const { name, type } of policyMetrics) {
      expect(name).toMatch(/^[a-z]+(?:_[a-z]+)*$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
    }
  });
});

describe('optional', () => {
  it('leaves out what nobody knows, or has no end', () => {
    expect([undefined, Infinity, Number.NaN].map((value) => optional(value))).toEqual([[], [], []]);
    expect([undefined, Infinity].map((ms) => optionalSeconds(ms))).toEqual([[], []]);
    expect(optionalSeconds(1500)).toEqual([{ labels: {}, value: 1.5 }]);
  });
});
