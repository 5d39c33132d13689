import { Context, circuitBreaker, onHookError } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it, vi } from 'vitest';

import { followBreakers } from './brownout-breakers.ts';
import { defineFeatures } from './catalogue.ts';
import { createDegradation } from './degradation.ts';

function setUp() {
  const clock = virtualClock();
  const features = defineFeatures({
    recommendations: { modes: ['full', 'cached', 'off'] },
    search: { modes: ['full', 'off'] },
  });
  const degradation = createDegradation({ features, clock });
  const states: Record<string, string> = {};
  const stateOf = vi.fn<(name: string) => string | undefined>((name) => states[name]);
  const options = {
    clock,
    stateOf,
    features: { recommendations: { dependsOn: ['model', 'index'], mode: 'cached' } },
  };
  return { clock, degradation, states, stateOf, options };
}

describe('brownout breakers', () => {
  it('(1) degrades what depends on an open circuit, and nothing else', async () => {
    const { clock, degradation, states, options } = setUp();
    const stop = followBreakers(degradation, options);
    states['index'] = 'open';

    await clock.advance(500);

    expect([degradation.mode('recommendations'), degradation.mode('search')]).toEqual(['cached', 'full']);
    expect(degradation.audit().at(-1)).toMatchObject({ actor: 'breakers', to: 'cached' });
    stop();
    degradation.close();
  });

  it('(2) stays degraded for the dwell time, however the circuit flickers', async () => {
    const { clock, degradation, states, options } = setUp();
    states['model'] = 'open';
    const stop = followBreakers(degradation, options);
    for (let ms = 500; ms < 10_000; ms += 500) {
      states['model'] = ms % 1000 === 0 ? 'open' : 'closed';
      await clock.advance(500);
      expect(degradation.mode('recommendations')).toBe('cached');
    }

    states['model'] = 'closed';
    await clock.advance(500);

    expect(degradation.mode('recommendations')).toBe('full');
    stop();
    degradation.close();
  });

  it('charter U3: lets the probes of a breaker through, and restores when they succeed', async () => {
    const { clock, degradation, options } = setUp();
    const breaker = circuitBreaker({ minimumCalls: 1, openForMs: 30_000, maxProbes: 1, clock });
    const calls = { ok: 0 };
    const recommend = degradation.ladder('recommendations', {
      full: (context: Context) => breaker.execute(() => ++calls.ok, context),
      cached: () => 'cached',
      off: () => 'off',
    });
    const stop = followBreakers(degradation, { ...options, stateOf: () => breaker.state });
    breaker.tryAcquire()?.failure();
    await clock.advance(29_500);
    expect(await recommend(Context.background)).toBe('cached');
    expect(calls.ok).toBe(0);

    await clock.advance(1000);
    expect(breaker.state).toBe('half-open');
    expect(await recommend(Context.background)).toBe(1);

    expect(breaker.state).toBe('closed');
    await clock.advance(500);
    expect(degradation.mode('recommendations')).toBe('full');
    stop();
    degradation.close();
  });

  it('(3) asks again and again, and what it asked for ends by itself when it does not', async () => {
    const { clock, degradation, states, options } = setUp();
    states['model'] = 'open';
    followBreakers(degradation, { ...options, sampleMs: 10_000 });

    await clock.advance(95_000);

    expect(degradation.mode('recommendations')).toBe('cached');
    expect(degradation.audit()).toHaveLength(1);
    const frozen = clock.now() + 31_000;
    clock.now = () => frozen;
    expect(degradation.mode('recommendations')).toBe('full');
    degradation.close();
  });

  it('(4) reports a look that throws, goes on, and ends with stop()', async () => {
    const report = vi.fn<(error: unknown) => void>();
    const before = onHookError(report);
    const { clock, degradation, states, stateOf, options } = setUp();
    states['model'] = 'open';
    const stop = followBreakers(degradation, options);
    stateOf.mockImplementationOnce(() => {
      throw new Error('no');
    });

    await clock.advance(500);
    expect(report).toHaveBeenCalledTimes(1);
    await clock.advance(500);
    expect(degradation.mode('recommendations')).toBe('cached');
    expect(clock.referencedCount).toBe(0);

    stop();
    stop();
    onHookError(before);
    expect(degradation.mode('recommendations')).toBe('full');
    degradation.close();
    expect(clock.pendingCount).toBe(0);
  });

  it('(4) ends when the features are closed, and reports nothing', async () => {
    const report = vi.fn<(error: unknown) => void>();
    const before = onHookError(report);
    const { clock, degradation, states, options } = setUp();
    states['model'] = 'open';
    const stop = followBreakers(degradation, options);

    degradation.close();
    await clock.advance(500);
    expect(clock.pendingCount).toBe(0);

    stop();
    expect(() => followBreakers(degradation, options)).not.toThrow();
    onHookError(before);
    expect([report.mock.calls, clock.pendingCount]).toEqual([[], 0]);
  });

  it('charter C5, (4): reports a promise for a state, and leaves no rejection', async () => {
    const causes: unknown[] = [];
    const before = onHookError(({ cause }) => causes.push(cause));
    const { degradation, options } = setUp();

    followBreakers(degradation, { ...options, stateOf: (() => Promise.reject(new Error('no'))) as never })();
    onHookError(before);

    expect(causes).toEqual([new TypeError('stateOf must answer at once, got a promise')]);
    degradation.close();
  });

  it('(5) two followers of one feature need two names, and the worse mode is in force', async () => {
    const { clock, degradation, states, options } = setUp();
    const of = (circuit: string, mode: string) => ({ recommendations: { dependsOn: [circuit], mode } });
    states['a'] = 'open';
    const stop = followBreakers(degradation, { ...options, features: of('a', 'cached') });
    const other = { ...options, features: of('b', 'off') };
    expect(() => followBreakers(degradation, other)).toThrow(
      'followBreakers.actor must be one by which nobody else follows recommendations, got "breakers"',
    );

    const stopOther = followBreakers(degradation, { ...other, actor: 'breaker of b' });
    states['b'] = 'open';
    await clock.advance(5000);
    const changes = degradation.audit().map(({ actor, to }) => [actor, to]);
    expect(changes).toEqual([
      ['breakers', 'cached'],
      ['breaker of b', 'off'],
    ]);

    stop();
    stopOther();
    followBreakers(degradation, other)(); // the name is free again
    degradation.close();
    expect(clock.pendingCount).toBe(0);
  });

  it('has a reason for any number of circuits, of any name', async () => {
    const report = vi.fn<(error: unknown) => void>();
    const before = onHookError(report);
    const { degradation, options } = setUp();
    const dependsOn = Array.from({ length: 100 }, (_each, index) => `payments\n\u2028provider 💳 ${index}`);

    const features = { recommendations: { dependsOn, mode: 'cached' } };
    const stop = followBreakers(degradation, { ...options, features, stateOf: () => 'open' });

    expect(degradation.mode('recommendations')).toBe('cached');
    expect(degradation.status('recommendations').override?.reason).toMatch(
      /^a circuit of payments provider .*\.\.\. is open/,
    );
    stop();
    onHookError(before);
    expect(report).not.toHaveBeenCalled();
    degradation.close();
  });

  it.each<[string, unknown, string]>([
    ['no features', undefined, 'followBreakers.features must be an object of features, got undefined'],
    ['a list', [], 'followBreakers.features must be an object of features, got an array'],
    [
      'an unknown mode',
      { search: { dependsOn: ['a'], mode: 'of' } },
      'features.search.mode must be one of "full", "off", got "of"',
    ],
    ['no mode', { search: { dependsOn: ['a'] } }, 'features.search.mode must be one of "full", "off", got undefined'],
    ['a misspelt key', { search: { dependOn: ['a'], mode: 'off' } }, 'features.search has no option "dependOn"'],
    [
      'one circuit',
      { search: { dependsOn: 'a', mode: 'off' } },
      'features.search.dependsOn must be a list of names of circuits, got "a"',
    ],
    [
      'no circuits',
      { search: { mode: 'off' } },
      'features.search.dependsOn must be a list of names of circuits, got undefined',
    ],
    [
      'a circuit without a name',
      { search: { dependsOn: [''], mode: 'off' } },
      'features.search.dependsOn must be a non-empty string',
    ],
    ['nothing of a feature', { search: undefined }, 'features.search must be an object of options'],
  ])('refuses %s, and follows nothing', (_what, features, message) => {
    const { clock, degradation, options } = setUp();

    expect(() => followBreakers(degradation, { ...options, features: features as never })).toThrow(message);

    degradation.close();
    expect(clock.pendingCount).toBe(0);
  });

  it.each(['', '   ', 'a\nb', 'a\u2028b', 'a'.repeat(201)])('refuses to be called %j', (actor) => {
    const { degradation, options } = setUp();

    expect(() => followBreakers(degradation, { ...options, actor })).toThrow('followBreakers.actor must be one line');
    degradation.close();
  });

  it('refuses what it cannot follow', () => {
    const { degradation, options } = setUp();

    expect(() => followBreakers(degradation, { ...options, stateOf: 1 as never })).toThrow(
      'followBreakers.stateOf must be',
    );
    expect(() => followBreakers(degradation, { ...options, dwellMs: -1 })).toThrow('followBreakers.dwellMs must be');
    expect(() => followBreakers(degradation, { ...options, sampleMs: 9 })).toThrow('followBreakers.sampleMs must be');
    expect(() =>
      followBreakers(degradation, { ...options, features: { nope: { dependsOn: [], mode: 'off' } } }),
    ).toThrow('nope');
    degradation.close();
  });
});
