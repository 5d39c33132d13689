import { describe, expect, it } from 'vitest';

import {
  Context,
  cache,
  fallback,
  noteProvenance,
  pipeline,
  retry,
  sourced,
  sourcedCall,
  timeout,
} from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';

import { defineFeatures } from './catalogue.ts';
import { createDegradation } from './degradation.ts';
import { staleValue } from './stale-values.ts';

const features = defineFeatures({
  reco: { modes: ['full', 'cached', 'off'], params: { cached: { maxStaleMs: 60_000 } } },
});
const change = { actor: 'alice', reason: 'INC-1', expiresInMs: 3_600_000 };
const down = new Error('down');
const fails = () => Promise.reject(down);
const primary = {
  source: 'primary',
  policy: undefined,
  step: undefined,
  reason: undefined,
  error: undefined,
  ageMs: 0,
};
const lesser = { source: 'fallback', policy: 'reco', reason: 'degraded', error: undefined, ageMs: undefined };

function setUp() {
  const clock = virtualClock();
  const degradation = createDegradation({ features, clock, random: () => 0.5, wallClock: () => 0 });
  const known = cache({
    name: 'known',
    keyOf: () => 'ada',
    ttlMs: 1000,
    staleIfErrorMs: 600_000,
    expiryJitterRatio: 0,
    clock,
  });
  const fetch = async () => 'fresh';
  const functions = {
    full: (context: Context) => known.execute(fetch, context),
    cached: async (context: Context, { maxStaleMs }: { maxStaleMs: number }) =>
      (await staleValue(known, { key: 'ada', maxStaleMs }, fetch, context)).value,
    off: () => 'none',
  };
  return { clock, degradation, known, functions };
}

describe('the answer of a mode', () => {
  it('(1) is the value alone where nobody asks', async () => {
    const { degradation, functions } = setUp();
    degradation.set('reco', 'off', change);

    expect(await degradation.feature('reco', functions, { withParams: true })(Context.background)).toBe('none');
  });

  it('(2) is primary in the best mode, unless a policy in its function answered otherwise', async () => {
    const { clock, degradation, functions } = setUp();
    const recommend = degradation.feature('reco', functions, { withParams: true });

    expect(await sourcedCall((context) => recommend(context))).toEqual({ value: 'fresh', ...primary });
    await clock.advance(300);
    expect(await sourcedCall((context) => recommend(context))).toMatchObject({
      source: 'cached',
      policy: 'known',
      ageMs: 300,
    });
  });

  it('(3) is a fallback of the feature in a lesser mode, and stale and as old where a cache in it gave it', async () => {
    const { clock, degradation, known, functions } = setUp();
    const recommend = degradation.feature('reco', functions, { withParams: true });
    await known.execute(async () => 'yesterday');
    await clock.advance(50_000);
    degradation.set('reco', 'cached', change);

    const stale = { ...lesser, source: 'stale', step: 'cached', ageMs: 50_000 };
    expect(await sourcedCall((context) => recommend(context))).toEqual({ value: 'yesterday', ...stale });
    await clock.advance(10_001); // older than the mode allows: it is fetched
    expect(await sourcedCall((context) => recommend(context))).toEqual({ value: 'fresh', ...lesser, step: 'cached' });
    degradation.set('reco', 'off', change);
    expect(await sourcedCall((context) => recommend(context))).toEqual({ value: 'none', ...lesser, step: 'off' });
  });

  it.each<[string, (context: Context) => Promise<never>, string]>([
    ['it failed', fails, 'error'],
    ['it was too slow', (context) => timeout(10).execute(() => new Promise<never>(() => {}), context), 'timeout'],
  ])('(4) has the reason of the error where a ladder went down since %s', async (_why, full, reason) => {
    const { degradation } = setUp();
    const recommend = degradation.ladder('reco', { full, cached: () => 'known', off: () => 'none' });

    const { error, ...rest } = await sourcedCall((context) => recommend(context));

    expect(rest).toEqual({
      value: 'known',
      source: 'fallback',
      policy: 'reco',
      step: 'cached',
      reason,
      ageMs: undefined,
    });
    expect(error).toBeInstanceOf(Error);
  });

  it('(4) is degraded, not failed, for the mode that a ladder was told to start with', async () => {
    const { degradation } = setUp();
    const recommend = degradation.ladder('reco', { full: () => 'full', cached: () => 'known', off: () => 'none' });
    degradation.set('reco', 'cached', change);

    expect(await sourcedCall((context) => recommend(context))).toEqual({ value: 'known', ...lesser, step: 'cached' });
  });

  it('comes through a pipeline, of the last try, and says nothing of what the operation calls itself', async () => {
    const { degradation } = setUp();
    const ladder = degradation.policy('reco', 'full', { cached: fails, off: () => 'none' });
    const spare = fallback({ name: 'spare', value: 'spare' });
    let tries = 0;

    const own = await sourced(pipeline(ladder, retry()), (context) => spare.execute(fails, context));
    expect(own).toEqual({ value: 'spare', ...primary });
    expect(await sourced(pipeline(ladder, timeout(100)), fails)).toMatchObject({
      value: 'none',
      step: 'off',
      reason: 'error',
    });
    const again = pipeline(
      retry({ maxAttempts: 2, baseDelayMs: 0, classify: () => (tries === 2 ? 'success' : 'failure') }),
      ladder,
    );
    expect(await sourced(again, () => (++tries === 1 ? fails() : 'full'))).toEqual({ value: 'full', ...primary });
  });

  it('is forgotten when an earlier answer of the call was one, and nothing is noted when all fail', async () => {
    const { degradation } = setUp();
    const recommend = degradation.ladder('reco', { full: fails, cached: fails, off: fails });
    const call = async (context: Context) => {
      noteProvenance(context, { ...primary, source: 'stale' } as never);
      return recommend(context).catch(() => 'mine');
    };

    expect(await sourcedCall(call)).toEqual({ value: 'mine', ...primary });
  });
});
