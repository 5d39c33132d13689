import { describe, expect, it } from 'vitest';

import { bulkhead, pipeline, timeout } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';

import { Downstream, observe } from './downstream.ts';

describe('bulkhead around timeout', () => {
  it('charter H9: gives each call its full time, from when it starts', async () => {
    const clock = virtualClock();
    const downstream = new Downstream(clock);
    const policy = pipeline(bulkhead({ maxConcurrent: 1, maxQueued: 9 }), timeout({ timeoutMs: 100, clock }));
    const calls = [1, 2, 3].map(() => observe(policy.execute(downstream.slow(80))));

    await clock.advance(240);

    expect(calls.map((call) => call().status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    expect([downstream.calls, downstream.maxRunning]).toEqual([3, 1]);
  });

  it('hands the permit on at the deadline, also if the operation does not end', async () => {
    const clock = virtualClock();
    const downstream = new Downstream(clock);
    const gate = bulkhead({ maxConcurrent: 1, maxQueued: 1 });
    const policy = pipeline(gate, timeout({ timeoutMs: 100, clock }));
    void observe(policy.execute(downstream.hang));
    const next = observe(policy.execute(downstream.succeed));

    await clock.advance(99);
    expect([downstream.calls, next().status]).toEqual([1, 'pending']);
    await clock.advance(1);
    expect([downstream.calls, next().status]).toEqual([2, 'fulfilled']);
    expect(gate.snapshot()).toMatchObject({ running: 0, queued: 0 });
  });
});

describe('timeout around bulkhead', () => {
  it('charter H9: counts the wait against the deadline, and runs nothing for who has given up', async () => {
    const clock = virtualClock();
    const downstream = new Downstream(clock);
    const gate = bulkhead({ maxConcurrent: 1, maxQueued: 9 });
    const policy = pipeline(timeout({ timeoutMs: 100, clock }), gate);
    const calls = [1, 2, 3].map(() => observe(policy.execute(downstream.slow(80))));

    await clock.advance(100);

    expect(calls.map((call) => call().status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(downstream.calls).toBe(2);
    expect(gate.snapshot()).toMatchObject({ running: 0, queued: 0 });
    expect([downstream.running, clock.referencedCount]).toEqual([0, 0]);
  });
});
