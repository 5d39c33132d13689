import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { circuitBreaker, createRegistry, noop, onHookError } from '@holdfast/core';

import { circuitsOf, policiesOf } from '../policies/catalogue.ts';
import { Sampler } from './sampler.ts';

function start() {
  const registry = createRegistry();
  const sampler = new Sampler();
  const take = (isWatched = false) =>
    sampler.take({ policies: policiesOf(registry), circuits: circuitsOf(registry), isWatched });
  return { registry, sampler, take };
}

describe('sampler', () => {
  it('(1) has a row for what had calls since the sample before, and for nothing else', async () => {
    const { registry, take } = start();
    const busy = registry.pipeline('busy', registry.create(circuitBreaker, { name: 'busy' }));
    registry.pipeline('idle', registry.create(circuitBreaker, { name: 'idle' }));
    take();
    await busy.execute(() => 1);
    await busy.execute(() => Promise.reject(new Error('down'))).catch(() => {});

    expect(take()).toEqual({
      circuits: { busy: [1, 1, 0, 0] },
      pipelines: { 'pipeline/busy': [1, 1, 0, 0, 0] },
      latencies: {},
    });
    expect(take()).toEqual({ circuits: {}, pipelines: {}, latencies: {} });
  });

  it('(1) shows calls that run, and begins from what there is when a policy comes', async () => {
    const { registry, take } = start();
    const late = registry.pipeline('late', noop());
    await late.execute(() => 1);
    let finish = (): void => {};
    const running = late.execute(() => new Promise<void>((resolve) => (finish = resolve)));

    expect(take().pipelines).toEqual({ 'pipeline/late': [0, 0, 0, 0, 1] });
    finish();
    await running;
    expect(take().pipelines).toEqual({ 'pipeline/late': [1, 0, 0, 0, 0] });
  });

  it('(2) has pipelines measured while somebody watches, and not any more when nobody does, or they are gone', () => {
    const { registry, sampler, take } = start();
    const meters = new Set<object>();
    const measured = (name: string) =>
      Object.assign(noop(), {
        kind: 'pipeline',
        name,
        calls: { success: 0, failure: 0, rejected: 0, cancelled: 0, running: 0 },
        policies: [],
        meterWith(meter: object) {
          meters.add(meter);
          return { renew: () => {}, detach: () => void meters.delete(meter) };
        },
      });
    const one = registry.add(measured('one'));
    registry.add(measured('two'));

    take();
    expect(meters.size).toBe(0);
    take(true);
    expect(meters.size).toBe(2);
    registry.remove(one);
    take(true);
    expect(meters.size).toBe(1);
    sampler.rest();
    expect(meters.size).toBe(0);
  });

  it('(3) leaves out what cannot be read, and reports it once', () => {
    const { registry, take } = start();
    const report = vi.fn<() => void>();
    const before = onHookError(report);
    onTestFinished(() => void onHookError(before));
    const broken = {
      kind: 'circuit-breaker',
      name: 'broken',
      snapshot: () => {
        throw new Error('no');
      },
    };
    registry.add(broken as never);

    take();
    take();

    expect([take().circuits, report.mock.calls.length]).toEqual([{}, 1]);
  });

  it('takes no name for a member of an object', async () => {
    const { registry, take } = start();
    const odd = registry.create(circuitBreaker, { name: '__proto__' });
    take();
    await odd.execute(() => 1);

    expect(JSON.stringify(take().circuits)).toBe('{"__proto__":[1,0,0,0]}');
  });
});
