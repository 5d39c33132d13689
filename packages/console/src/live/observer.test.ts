import { describe, expect, it, onTestFinished } from 'vitest';

import { circuitBreaker, createRegistry, onHookError } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { createDegradation, defineFeatures } from '@holdfast/degradation';

import { circuitsUnderTest } from '../testing/circuits-under-test.ts';
import { Observer } from './observer.ts';
import { Sampler } from './sampler.ts';

function start() {
  const clock = virtualClock();
  const registry = createRegistry({ clock });
  const breaker = registry.create(circuitBreaker, { name: 'prices' });
  const features = defineFeatures({ reco: { modes: ['full', 'cached', 'off'] } });
  const degradation = createDegradation({ features, clock });
  const { circuits } = circuitsUnderTest(registry, clock);
  const observer = new Observer({ registry, degradation, circuits, sampler: new Sampler() });
  const look = (atMs: number) =>
    [...observer.lookAtStates(atMs), ...observer.lookAtFeatures(), ...observer.lookAtOptions()].map(({ type, key }) =>
      `${type} ${key}`.trim(),
    );
  return { clock, registry, breaker, degradation, observer, look };
}

const author = { actor: 'alice', reason: 'why', expiresInMs: 1000 } as const;

describe('observer', () => {
  it('(1) tells what has changed since the last look, once', async () => {
    const { clock, breaker, degradation, look } = start();
    expect(look(0)).toEqual([]);

    breaker.hold('open', { owner: 'me', forMs: 500 });
    degradation.set('reco', 'off', author);
    degradation.setLevel(2, { actor: 'brownout', reason: 'slow' });
    expect(look(1)).toEqual(['circuit prices', 'level', 'feature reco']);
    expect(look(2)).toEqual([]);
    breaker.update({ openForMs: 5 });
    expect(look(3)).toEqual(['policy circuit-breaker/prices']);
    await clock.advance(1000);

    expect(look(4)).toEqual(['circuit prices', 'feature reco']);
    expect(look(5)).toEqual([]);
  });

  it('(1) does not tell of the time that passes, nor of calls that were served', async () => {
    const { clock, degradation, look } = start();
    degradation.set('reco', 'off', author);
    look(0);
    await clock.advance(500);

    expect(look(1)).toEqual([]);
  });

  it('(2) forgets what is gone, and tells that there are others', () => {
    const { registry, breaker, observer, look } = start();
    look(0);
    registry.remove(breaker);
    registry.create(circuitBreaker, { name: 'payment' });

    expect(look(1)).toEqual(['catalogue']);
    expect(observer.ribbons()).toEqual({ circuits: { payment: [[1, 'closed']] }, level: [[0, '0']] });
  });

  it('goes on looking where a policy describes what JSON cannot hold, or cannot describe itself', () => {
    const report = onHookError(() => {});
    onTestFinished(() => void onHookError(report));
    const { registry, breaker, look } = start();
    const odd = {
      kind: 'odd',
      name: 'odd',
      execute: () => Promise.resolve(),
      describe: (): unknown => ({ options: { n: 1n } }),
    };
    registry.add(odd as never);
    expect(look(0)).toEqual([]);
    odd.describe = () => {
      throw new Error('no');
    };
    breaker.hold('open', { owner: 'me', forMs: 500 });

    expect(look(1)).toEqual(['circuit prices']);
  });
});
