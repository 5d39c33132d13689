/**
 * The features of `@holdfast/degradation`, exported. The two packages know nothing of each other but a shape.
 *
 * @module
 */

import { Context, createRegistry } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { createDegradation, defineFeatures } from '@holdfast/degradation';
import { prometheus } from '@holdfast/prometheus';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';

function setUp() {
  const clock = virtualClock();
  const features = defineFeatures({
    tips: { modes: ['full', 'cached', 'off'] },
    checkout: { modes: ['full', 'deferred'], essential: true },
  });
  const degradation = createDegradation({ features, clock });
  const register = new Registry();
  prometheus({ register, registry: createRegistry({ clock }), degradation });
  const scrape = async (): Promise<readonly string[]> =>
    (await register.metrics()).split('\n').filter((line) => line.startsWith('holdfast_feature'));
  return { clock, degradation, scrape };
}

const byOperator = { actor: 'alice', reason: 'tips are slow', expiresInMs: 60_000 };

describe('the features of a degradation', () => {
  it('are shown in their modes from birth', async () => {
    const { degradation, scrape } = setUp();

    expect(await scrape()).toEqual([
      'holdfast_feature_mode{feature="tips",mode="full"} 1',
      'holdfast_feature_mode{feature="tips",mode="cached"} 0',
      'holdfast_feature_mode{feature="tips",mode="off"} 0',
      'holdfast_feature_mode{feature="checkout",mode="full"} 1',
      'holdfast_feature_mode{feature="checkout",mode="deferred"} 0',
      'holdfast_feature_degraded{feature="tips"} 0',
      'holdfast_feature_degraded{feature="checkout"} 0',
      'holdfast_feature_level{feature="tips"} 0',
      'holdfast_feature_level{feature="checkout"} 0',
      'holdfast_feature_calls_total{feature="tips",mode="full"} 0',
      'holdfast_feature_calls_total{feature="tips",mode="cached"} 0',
      'holdfast_feature_calls_total{feature="tips",mode="off"} 0',
      'holdfast_feature_calls_total{feature="checkout",mode="full"} 0',
      'holdfast_feature_calls_total{feature="checkout",mode="deferred"} 0',
      'holdfast_feature_changes_total{feature="tips"} 0',
      'holdfast_feature_changes_total{feature="checkout"} 0',
    ]);
    degradation.close();
  });

  it('show an override while it lasts, and the calls by the mode that served them', async () => {
    const { clock, degradation, scrape } = setUp();
    const tips = degradation.feature('tips', { full: () => 'full', cached: () => 'cached', off: () => '' });
    await tips(Context.background);
    degradation.set('tips', 'cached', byOperator);
    await tips(Context.background);
    await tips(Context.background);
    await clock.advance(15_000);

    const during = await scrape();
    await clock.advance(45_000);
    const after = await scrape();

    expect(during).toContain('holdfast_feature_mode{feature="tips",mode="full"} 0');
    expect(during).toContain('holdfast_feature_mode{feature="tips",mode="cached"} 1');
    expect(during).toContain('holdfast_feature_degraded{feature="tips"} 1');
    expect(during).toContain('holdfast_feature_calls_total{feature="tips",mode="full"} 1');
    expect(during).toContain('holdfast_feature_calls_total{feature="tips",mode="cached"} 2');
    expect(during).toContain('holdfast_feature_override_remaining_seconds{feature="tips"} 45');
    expect(during).toContain('holdfast_feature_changes_total{feature="tips"} 1');
    expect(after).toContain('holdfast_feature_mode{feature="tips",mode="full"} 1');
    expect(after.filter((line) => line.includes('remaining'))).toEqual([]);
    degradation.close();
  });
});
