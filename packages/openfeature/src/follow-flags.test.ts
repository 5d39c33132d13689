/** Features that follow the flags of the SDK's own provider, through the official server SDK. */

import { InMemoryProvider, OpenFeature, type Provider } from '@openfeature/server-sdk';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ConfigError } from '@holdfast/core';
import { recordEvents, virtualClock } from '@holdfast/core/testing';
import { createDegradation, defineFeatures } from '@holdfast/degradation';

import { featureProvider } from './feature-provider.ts';
import { type FollowFlagsOptions, followFlags } from './follow-flags.ts';

const features = defineFeatures({
  recommendations: { modes: ['full', 'cached', 'off'] },
  search: { modes: ['full', 'reduced', 'off'], worstAutomatic: 'reduced' },
  checkout: { modes: ['full', 'deferred'], essential: true },
});

/** A configuration of the SDK's own provider. */
const flags = (modes: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(modes).map(([key, mode]) => {
      return [key, { disabled: false, defaultVariant: 'now', variants: { now: mode } }] as const;
    }),
  );

let domain = '';
let count = 0;
beforeEach(() => {
  domain = `test-${++count}`;
});
afterEach(() => OpenFeature.clearProviders());

async function setUp(provider: Provider, options: Partial<FollowFlagsOptions> = {}) {
  const clock = virtualClock();
  const degradation = createDegradation({ features, clock, wallClock: () => 0 });
  const recorder = recordEvents(degradation.events);
  await OpenFeature.setProviderAndWait(domain, provider);
  const client = OpenFeature.getClient(domain);
  const follower = followFlags({ degradation, client, clock, random: () => 0.5, ...options });
  const modes = () => degradation.list().map(({ mode }) => mode);
  return { clock, degradation, recorder, client, follower, modes };
}

describe('followFlags', () => {
  it('puts in force what flags name, says who asks, and follows each change of them', async () => {
    const provider = new InMemoryProvider(flags({ recommendations: 'cached', search: 'full' }));
    const { clock, degradation, follower, modes } = await setUp(provider);
    await clock.advance(0);
    await follower.ready;
    expect(modes()).toEqual(['cached', 'full', 'full']);
    expect(degradation.status('recommendations')).toMatchObject({
      decidedBy: 'automatic',
      revision: 0,
      override: { actor: 'openfeature', reason: 'the flag recommendations asks for it', remainingMs: 180_000 },
    });

    provider.putConfiguration(flags({ recommendations: 'off', search: 'reduced' }));
    await clock.advance(100);

    expect(modes()).toEqual(['off', 'reduced', 'full']);
    expect(degradation.audit().map(({ feature, to, cause }) => [feature, to, cause])).toEqual([
      ['recommendations', 'cached', 'automatic'],
      ['recommendations', 'off', 'automatic'],
      ['search', 'reduced', 'automatic'],
    ]);
  });

  it('(1) goes no further than a controller may, and says that a flag was cut', async () => {
    const provider = new InMemoryProvider(flags({ search: 'off', checkout: 'deferred' }));
    const { clock, follower, modes, degradation } = await setUp(provider);
    await clock.advance(0);

    expect(modes()).toEqual(['full', 'reduced', 'full']);
    expect(follower.status()).toEqual([
      { feature: 'recommendations', flag: 'recommendations', mode: undefined, isCut: false, error: undefined },
      { feature: 'search', flag: 'search', mode: 'off', isCut: true, error: undefined },
      { feature: 'checkout', flag: 'checkout', mode: 'deferred', isCut: true, error: undefined },
    ]);
    const change = { actor: 'alice', reason: 'INC-1', expiresInMs: 60_000 };
    degradation.set('search', 'full', { ...change, kind: 'atMost' });
    expect(degradation.mode('search')).toBe('full');
  });

  it('(2) evaluates no flag for a request', async () => {
    const provider = new InMemoryProvider(flags({ recommendations: 'off' }));
    const asked = vi.spyOn(provider, 'resolveStringEvaluation');
    const { clock, degradation } = await setUp(provider);
    await clock.advance(0);
    const before = asked.mock.calls.length;

    const handle = degradation.handle('recommendations');
    for (let request = 0; request < 1000; request++) handle.read(undefined, { key: `user-${request}` });

    expect(asked.mock.calls.length).toBe(before);
    expect(handle.mode).toBe('off');
  });

  it('evaluates flags by other names, for the features that are named, as who the process is', async () => {
    const provider = new InMemoryProvider(flags({ 'shop/search': 'reduced', 'shop/recommendations': 'off' }));
    const asked = vi.spyOn(provider, 'resolveStringEvaluation');
    const { clock, modes } = await setUp(provider, {
      features: ['search'],
      flagOf: (feature) => `shop/${feature}`,
      context: { targetingKey: 'shop-1', region: 'eu' },
    });
    await clock.advance(0);

    expect(modes()).toEqual(['full', 'reduced', 'full']);
    expect(asked.mock.calls.map(([key, best, context]) => [key, best, context])).toEqual([
      ['shop/search', 'full', { targetingKey: 'shop-1', region: 'eu' }],
    ]);
  });

  it('asks beside another follower of the same feature, under another name', async () => {
    const provider = new InMemoryProvider(flags({ recommendations: 'cached', 'old/recommendations': 'off' }));
    const { clock, degradation, client, follower, modes } = await setUp(provider);
    const other = { actor: 'the old flags', flagOf: (feature: string) => `old/${feature}` };
    followFlags({ degradation, client, clock, random: () => 0.5, ...other });
    await clock.advance(0);

    expect(modes()[0]).toBe('off'); // the worst of what all ask for
    expect(degradation.status('recommendations').overrides.map(({ actor, mode }) => [actor, mode])).toEqual([
      ['openfeature', 'cached'],
      ['the old flags', 'off'],
    ]);
    follower.stop();
  });

  it('takes the longest times that go together, and a feature once', async () => {
    const longest = { timeoutMs: 60_000, expiresInMs: 300_000, features: ['search', 'search'] };
    const { follower, degradation, client } = await setUp(new InMemoryProvider(), { ...longest, everyMs: 199_999 });

    expect(follower.status().map(({ feature }) => feature)).toEqual(['search']);
    expect(() => followFlags({ degradation, client, ...longest, everyMs: 200_000 })).toThrow('at most 199999');
    follower.stop();
  });

  it('refuses to follow features themselves, at once and when they come later', async () => {
    const { degradation, clock } = await setUp(new InMemoryProvider());
    const itself = featureProvider({ degradation, clock });
    const { follower, client, recorder } = await setUp(new InMemoryProvider(flags({ search: 'reduced' })));

    await OpenFeature.setProviderAndWait(domain, itself);
    expect(() => followFlags({ degradation, client })).toThrow('of another provider than features themselves');
    follower.stop();

    const later = await setUp(new InMemoryProvider());
    await OpenFeature.setProviderAndWait(domain, itself);
    await later.clock.advance(100);
    expect(later.follower.status()[0]?.error).toBeInstanceOf(ConfigError);
    expect(recorder.types).not.toContain('feature.changed');
  });

  it.each<[Record<string, unknown>, string]>([
    [{ degradation: undefined }, 'followFlags.degradation.setAutomatic must be a function'],
    [{ client: {} }, 'followFlags.client.addHandler must be a function'],
    [{ features: ['serch'] }, 'must be names of recommendations, search, checkout, got "serch"'],
    [{ flagOf: 'x' }, 'followFlags.flagOf must be a function'],
    [{ flagOf: () => '' }, 'followFlags.flagOf(recommendations) must be a non-empty string'],
    [{ actor: '' }, 'followFlags.actor must be a non-empty string'],
    [{ actor: 'a\nb' }, 'followFlags.actor must be one line of at most 200 characters'],
    [{ actor: 'x'.repeat(201) }, 'followFlags.actor must be one line of at most 200 characters'],
    [{ actor: '   ' }, 'followFlags.actor must be one line of at most 200 characters, not all blank'],
    [{ actor: 'a\u2028b' }, 'followFlags.actor must be one line of at most 200 characters'],
    [{ features: 'search' }, 'followFlags.features must be a list of names of features, got "search"'],
    [{ features: null }, 'followFlags.features must be a list of names of features, got null'],
    [{ flagOf: () => 'a\nb' }, 'followFlags.flagOf(recommendations) must be one line'],
    [
      { everyMs: 240_000, timeoutMs: 60_000 },
      'followFlags.everyMs must be at most 199999 where timeoutMs is 60000, got 240000',
    ],
    [{ everyMs: 99 }, 'followFlags.everyMs must be an integer from 100 to 240000'],
    [{ timeoutMs: 0 }, 'followFlags.timeoutMs must be an integer from 1 to 60000'],
    [{ expiresInMs: 77_000 }, 'followFlags.expiresInMs must be a number from 77001 to 300000'],
    [{ expiresInMs: Number.NaN }, 'followFlags.expiresInMs must be a number from 77001 to 300000'],
    [{ expireInMs: 1 }, 'no option "expireInMs"'],
  ])('refuses %j', async (wrong, message) => {
    const { degradation, client, clock, follower } = await setUp(new InMemoryProvider());
    follower.stop();
    const before = clock.pendingCount;

    expect(() => followFlags({ degradation, client, clock, ...wrong })).toThrow(message);
    expect(clock.pendingCount).toBe(before);
  });
});
