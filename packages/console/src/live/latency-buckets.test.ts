import { describe, expect, it } from 'vitest';

import { createRegistry, pipeline } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';

import { LatencyBuckets, type Meterable, isMeterable } from './latency-buckets.ts';

/** Something that tells how long calls took, as told to. */
function meterable() {
  const meters = new Set<Parameters<Meterable['meterWith']>[0]>();
  let renewed = 0;
  const subject: Meterable = {
    meterWith(meter) {
      meters.add(meter);
      return { renew: () => void renewed++, detach: () => void meters.delete(meter) };
    },
  };
  const record = (durationMs: number, callCount = 1): void => {
    for (const meter of meters) meter.record({ durationMs, callCount });
  };
  return { subject, record, meterCount: () => meters.size, renewedCount: () => renewed };
}

describe('latency buckets', () => {
  it('(1) tell quantiles to a tenth of their value, of any latency, and forget them', () => {
    const { subject, record, renewedCount } = meterable();
    const buckets = new LatencyBuckets(subject);
    expect(buckets.take()).toBeUndefined();

    for (let latencyMs = 1; latencyMs <= 10_000; latencyMs++) record(latencyMs);
    const found = buckets.take() ?? [0, 0, 0];

    for (const [index, exact] of [5000, 9500, 9900].entries())
      expect(Math.abs((found[index] as number) - exact) / exact).toBeLessThan(0.1);
    expect([buckets.take(), renewedCount()]).toEqual([undefined, 3]);
    for (const extreme of [0, -1, 1e12, Infinity]) record(extreme);
    expect(buckets.take()?.every(Number.isFinite)).toBe(true);
  });

  it('(1) count a call for all that it stands for', () => {
    const { subject, record } = meterable();
    const buckets = new LatencyBuckets(subject);

    record(1, 99);
    record(1000);

    const [p50Ms, p95Ms] = buckets.take() ?? [0, 0];
    expect([p50Ms, p95Ms].every((latencyMs) => Math.abs(latencyMs - 1) < 0.1)).toBe(true);
  });

  it('(2) hear nothing once they are detached', () => {
    const { subject, record, meterCount } = meterable();
    const buckets = new LatencyBuckets(subject);

    buckets.detach();
    record(5);

    expect([meterCount(), buckets.take()]).toEqual([0, undefined]);
  });

  it('hear the calls of a pipeline, where that can be measured', async () => {
    const clock = virtualClock();
    const calls = createRegistry({ clock }).add(pipeline({ name: 'calls' }));
    if (!isMeterable(calls)) return;
    const buckets = new LatencyBuckets(calls);

    await calls.execute(() => 1);

    expect(buckets.take()?.length).toBe(3);
  });
});
