import { describe, expect, it, onTestFinished } from 'vitest';

import { dependencyCaller } from './dependency-caller.ts';
import { eventually } from './eventually.ts';
import { startFlakyDependency } from './flaky-dependency.ts';

async function start() {
  const dependency = await startFlakyDependency();
  onTestFinished(() => dependency.stop());
  return dependency;
}

describe('a flaky dependency', () => {
  it('answers as it was set, and counts by caller', async () => {
    const dependency = await start();
    const [one, other] = [dependencyCaller(dependency.url, 'one'), dependencyCaller(dependency.url, 'other')];

    await one();
    dependency.set('failing');
    await expect(one()).rejects.toThrow('answered 503');
    dependency.set('resetting');
    await expect(other()).rejects.toThrow('did not answer');
    dependency.set({ answer: 'ok', afterMs: 50 });
    const startedAt = performance.now();
    await other();

    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(45);
    expect(dependency.counts()).toEqual({
      calls: 4,
      underWay: 0,
      maxUnderWay: 1,
      callsBy: { one: 2, other: 2 },
    });
  });

  it('counts how many calls are under way at once, phase by phase', async () => {
    const dependency = await start();
    const call = dependencyCaller(dependency.url, 'one');
    dependency.set('hanging');

    const calls = Promise.allSettled([call(), call(), call()]);
    await eventually(() => dependency.counts().underWay === 3, { what: 'three calls' });
    expect(dependency.nextPhase()).toMatchObject({ calls: 3, maxUnderWay: 3 });
    expect(dependency.counts()).toMatchObject({ calls: 0, underWay: 3, maxUnderWay: 3 });
    dependency.set('failing');
    expect((await calls).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    dependency.nextPhase();
    dependency.set('ok');
    await call();

    expect(dependency.counts()).toMatchObject({ calls: 1, underWay: 0, maxUnderWay: 1 });
  });

  it('does not count a call whose caller has gone as under way', async () => {
    const dependency = await start();
    dependency.set('hanging');
    const controller = new AbortController();
    const call = dependencyCaller(dependency.url, 'one')(controller.signal);
    await eventually(() => dependency.counts().underWay === 1, { what: 'the call' });

    controller.abort(new Error('gave up'));
    await expect(call).rejects.toThrow('gave up');

    await eventually(() => dependency.counts().underWay === 0, { what: 'the end of the call' });
  });
});
