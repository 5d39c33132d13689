/** The provider, asked and heard through the official server SDK. */

import { type Client, OpenFeature, ProviderEvents, ProviderStatus } from '@openfeature/server-sdk';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ConfigError } from '@holdfast/core';
import { seededRandom, settle, virtualClock } from '@holdfast/core/testing';
import { type FeatureStore, createDegradation, defineFeatures, memoryStore } from '@holdfast/degradation';

import { featureProvider } from './feature-provider.ts';

const features = defineFeatures({
  recommendations: { modes: ['full', 'cached', 'off'], onLevel: { 1: 'cached', 3: 'off' } },
  search: {
    modes: ['full', 'reduced', 'off'],
    params: { full: { limit: 20, sort: 'best' }, reduced: { limit: 5, isFuzzy: false, fields: ['title'] } },
  },
});
const change = { actor: 'alice', reason: 'INC-4711', expiresInMs: 60_000 };

/** The domain of this test: handlers of a client outlive its provider. */
let domain = '';
let count = 0;

beforeEach(() => {
  domain = `test-${++count}`;
});
afterEach(() => OpenFeature.clearProviders());

function makeParts(more: { store?: FeatureStore } = {}) {
  const clock = virtualClock();
  const wallClock = () => Date.UTC(2026, 0, 1) + clock.now();
  const degradation = createDegradation({ features, clock, wallClock, random: seededRandom(7), ...more });
  return { clock, degradation, provider: featureProvider({ degradation, clock }) };
}

async function setUp(more: { store?: FeatureStore } = {}) {
  const parts = makeParts(more);
  const client = OpenFeature.getClient(domain);
  const heard = hear(client);
  await OpenFeature.setProviderAndWait(domain, parts.provider);
  await parts.clock.advance(0);
  return { ...parts, client, heard };
}

/** What a client is told from now on. */
function hear(client: Client): string[] {
  const heard: string[] = [];
  client.addHandler(ProviderEvents.Ready, () => void heard.push('ready'));
  client.addHandler(ProviderEvents.Stale, () => void heard.push('stale'));
  client.addHandler(ProviderEvents.Error, () => void heard.push('error'));
  client.addHandler(ProviderEvents.ConfigurationChanged, (details) => {
    heard.push(`changed ${details?.flagsChanged?.join(' ')}: ${details?.message}`);
  });
  return heard;
}

/** A store that a test takes away and brings back. */
function fragileStore() {
  const memory = memoryStore();
  const fault = { isAway: false };
  const ask = <T>(answer: () => Promise<T>) => (fault.isAway ? Promise.reject(new Error('away')) : answer());
  const store: FeatureStore = {
    load: () => ask(() => memory.load()),
    save: (record, ...rest) => ask(() => memory.save(record, ...rest)),
    listen: (listener, ...rest) => memory.listen(listener, ...rest),
  };
  return { store, fault };
}

describe('featureProvider', () => {
  it('is a feature as a flag of each type: mode, whether it is the best, position, and all of it', async () => {
    const { client, degradation } = await setUp();
    const ask = async () => [
      await client.getStringValue('search', 'x'),
      await client.getBooleanValue('search', false),
      await client.getNumberValue('search', 9),
      await client.getObjectValue('search', {}),
    ];

    const best = { mode: 'full', position: 0, isBest: true, params: { limit: 20, sort: 'best' } };
    expect(await ask()).toEqual(['full', true, 0, best]);
    degradation.set('search', 'reduced', change);
    const params = { limit: 5, isFuzzy: false, fields: ['title'] };
    expect(await ask()).toEqual(['reduced', false, 1, { mode: 'reduced', position: 1, isBest: false, params }]);
    degradation.set('search', 'off', change);
    expect(await ask()).toEqual(['off', false, 2, { mode: 'off', position: 2, isBest: false, params: {} }]);
  });

  it('is a parameter as a flag of its own type, and the default value where the mode has none', async () => {
    const { client, degradation } = await setUp();
    expect(await client.getNumberDetails('search.limit', 1)).toMatchObject({ value: 20, variant: 'full' });
    degradation.set('search', 'reduced', change);

    expect(await client.getNumberDetails('search.limit', 1)).toMatchObject({ value: 5, variant: 'reduced' });
    expect(await client.getBooleanValue('search.isFuzzy', true)).toBe(false);
    expect(await client.getObjectValue('search.fields', [])).toEqual(['title']);
    expect(await client.getStringDetails('search.sort', 'new')).toMatchObject({
      value: 'new',
      variant: 'reduced',
      reason: 'DEFAULT',
    });
  });

  it('tells in the details what decided, who, why, until when and at which revision', async () => {
    const { client, degradation } = await setUp();
    expect(await client.getStringDetails('recommendations', 'x')).toEqual({
      flagKey: 'recommendations',
      value: 'full',
      variant: 'full',
      reason: 'DEFAULT',
      flagMetadata: { decidedBy: 'default', isDegraded: false, version: '0', level: 0 },
    });

    degradation.set('recommendations', 'cached', change);

    expect(await client.getStringDetails('recommendations', 'x')).toMatchObject({
      reason: 'STATIC',
      flagMetadata: {
        decidedBy: 'manual',
        isDegraded: true,
        version: '1',
        actor: 'alice',
        why: 'INC-4711',
        expiresAt: '2026-01-01T00:01:00.000Z',
      },
    });
  });

  it('gives users their own modes, and SPLIT or TARGETING_MATCH as the reason', async () => {
    const { client, degradation } = await setUp();
    const users = Array.from({ length: 200 }, (_each, index) => ({ targetingKey: `user-${index}` }));
    degradation.set('search', 'off', { ...change, shareRatio: 0.3 });

    const details = await Promise.all(users.map((user) => client.getStringDetails('search', 'x', user)));
    const again = await Promise.all(users.map((user) => client.getStringValue('search', 'x', user)));
    const handle = degradation.handle('search');
    expect(again).toEqual(users.map(({ targetingKey: key }) => handle.read(undefined, { key }).mode));
    expect(details.map(({ value }) => value)).toEqual(again);
    expect(new Set(details.map(({ value, reason }) => `${value} ${reason}`))).toEqual(
      new Set(['off SPLIT', 'full DEFAULT']),
    );

    degradation.set('search', 'reduced', { ...change, match: [{ attribute: 'tier', in: ['free'] }] });
    const ask = (tier: unknown) => client.getStringDetails('search', 'x', { targetingKey: 'user-1', tier } as never);
    expect(await ask('free')).toMatchObject({ value: 'reduced', reason: 'TARGETING_MATCH' });
    expect((await ask({ nested: 'free' })).value).not.toBe('reduced');
    expect((await ask(undefined)).value).not.toBe('reduced');
  });

  it('tells the level, and SPLIT while it is a fraction', async () => {
    const { client, degradation } = await setUp();
    const ask = (user: string) => client.getStringDetails('recommendations', 'x', { targetingKey: user });
    degradation.setLevel(0.5, { actor: 'brownout', reason: 'shedRatio is 0.2' });

    const answers = await Promise.all(Array.from({ length: 50 }, (_each, index) => ask(`user-${index}`)));
    expect(new Set(answers.map(({ value, reason }) => `${value} ${reason}`))).toEqual(
      new Set(['cached SPLIT', 'full DEFAULT']),
    );
    degradation.setLevel(1, { actor: 'brownout', reason: 'shedRatio is 0.2' });
    expect(await ask('user-1')).toMatchObject({
      value: 'cached',
      reason: 'STATIC',
      flagMetadata: { decidedBy: 'level', level: 1, why: 'shedRatio is 0.2' },
    });
  });

  it.each<[string, 'FLAG_NOT_FOUND' | 'TYPE_MISMATCH']>([
    ['nothing', 'FLAG_NOT_FOUND'],
    ['', 'FLAG_NOT_FOUND'],
    ['toString', 'FLAG_NOT_FOUND'],
    ['search.', 'FLAG_NOT_FOUND'],
    ['search.limt', 'FLAG_NOT_FOUND'],
    ['search.constructor', 'FLAG_NOT_FOUND'],
    ['search.limit.x', 'FLAG_NOT_FOUND'],
    ['search.limit', 'TYPE_MISMATCH'],
  ])('answers %j with the default value and %s', async (key, errorCode) => {
    const { client } = await setUp();

    expect(await client.getStringDetails(key, 'mine')).toMatchObject({ value: 'mine', reason: 'ERROR', errorCode });
  });

  it('(1) answers from memory while the store is away and after close, and says STALE or goes to ERROR', async () => {
    const { store, fault } = fragileStore();
    const { client, degradation, clock, heard } = await setUp({ store });
    degradation.set('search', 'off', change);
    await settle();
    fault.isAway = true;
    degradation.set('recommendations', 'off', change);
    await settle();

    expect(client.providerStatus).toBe(ProviderStatus.STALE);
    expect(await client.getStringDetails('search', 'x')).toMatchObject({ value: 'off', reason: 'STALE' });
    fault.isAway = false;
    await clock.advance(10_000);
    expect(client.providerStatus).toBe(ProviderStatus.READY);
    expect(await client.getStringDetails('search', 'x')).toMatchObject({ value: 'off', reason: 'STATIC' });

    degradation.close();
    expect(await client.getStringValue('search', 'x')).toBe('off');
    expect(await client.getStringValue('search', 'x')).toBe('off');
    expect(client.providerStatus).toBe(ProviderStatus.ERROR);
    expect(heard.filter((event) => !event.startsWith('changed'))).toEqual(['ready', 'stale', 'ready', 'error']);
  });

  it('(2) is ready within 500 ms of a store that hangs, and stale then', async () => {
    const hanging = { load: () => new Promise<never>(() => {}), save: () => new Promise<never>(() => {}) };
    const { clock, provider } = makeParts({ store: { ...hanging, listen: () => () => {} } });
    const client = OpenFeature.getClient(domain);
    const heard = hear(client);
    OpenFeature.setProvider(domain, provider);

    await clock.advance(499);
    expect([client.providerStatus, heard]).toEqual([ProviderStatus.NOT_READY, []]);
    expect(await client.getStringDetails('search', 'x')).toMatchObject({ errorCode: 'PROVIDER_NOT_READY' });
    await clock.advance(1);
    await clock.advance(0);

    expect(heard).toEqual(['ready', 'stale']);
    expect(client.providerStatus).toBe(ProviderStatus.STALE);
    expect(await client.getStringDetails('search', 'x')).toMatchObject({ value: 'full', reason: 'STALE' });
  });

  it('(3) tells each change once, expiries included, with the flags that it concerns', async () => {
    const { degradation, clock, heard } = await setUp();
    degradation.set('recommendations', 'off', change);
    degradation.set('search', 'reduced', change);
    await clock.advance(60_000);

    const keys = 'search search.limit search.sort search.isFuzzy search.fields';
    expect(heard).toEqual([
      'ready',
      'changed recommendations: recommendations: full -> off: INC-4711',
      `changed ${keys}: search: full -> reduced: INC-4711`,
      'changed recommendations: recommendations: off -> full: INC-4711',
      `changed ${keys}: search: reduced -> full: INC-4711`,
    ]);
  });

  it('(4) listens to nothing and has no timer after shutdown, leaves the degradation alone, and may come back', async () => {
    const { store, fault } = fragileStore();
    const { degradation, client, clock, provider, heard } = await setUp({ store });
    fault.isAway = true;
    degradation.set('search', 'off', change);
    await settle();
    const before = clock.pendingCount;

    await OpenFeature.clearProviders();
    expect(clock.pendingCount).toBe(before - 1);
    expect(degradation.events.active).toBe(false);
    expect(degradation.set('search', 'reduced', change).mode).toBe('reduced');
    expect(heard.filter((event) => event === 'ready')).toHaveLength(1);

    await OpenFeature.setProviderAndWait(domain, provider);
    const again = hear(client);
    expect(await client.getStringValue('search', 'x')).toBe('reduced');
    degradation.restore('search', { actor: 'bob', reason: 'over' });
    await settle();
    expect(again[0]).toBe('ready');
    expect(again.filter((event) => event.endsWith('search: reduced -> full: over'))).toHaveLength(1);
  });

  it('(4) has no timer either when it is shut down before it was ready', async () => {
    const hanging = { load: () => new Promise<never>(() => {}), save: () => new Promise<never>(() => {}) };
    const { clock, provider, degradation } = makeParts({ store: { ...hanging, listen: () => () => {} } });
    OpenFeature.setProvider(domain, provider);
    await OpenFeature.clearProviders();
    await clock.advance(500);
    degradation.close();

    expect(clock.pendingCount).toBe(0);
  });

  it('is FATAL where the degradation was closed before, and says so to whoever waits', async () => {
    const { degradation, provider } = makeParts();
    degradation.close();
    const client = OpenFeature.getClient(domain);

    await expect(OpenFeature.setProviderAndWait(domain, provider)).rejects.toThrow('the degradation was closed');
    expect(client.providerStatus).toBe(ProviderStatus.FATAL);
    expect(await client.getStringDetails('search', 'x')).toMatchObject({ errorCode: 'PROVIDER_FATAL', value: 'x' });
  });

  it('tells a handler that comes late what the status is', async () => {
    const { client } = await setUp();

    expect(hear(client)).toEqual(['ready']);
  });

  it('serves clients of a domain, gives hooks the variant, and takes tracking without doing anything', async () => {
    const { provider } = makeParts();
    await OpenFeature.setProviderAndWait(domain, provider);
    const client = OpenFeature.getClient(domain);
    const seen: unknown[] = [];
    client.addHooks({ after: (_context, { variant, flagKey }) => void seen.push([flagKey, variant]) });

    await client.getBooleanValue('search', false);
    client.track('bought', { targetingKey: 'user-1' }, { value: 3 });

    expect(seen).toEqual([['search', 'full']]);
    expect(client.metadata.providerMetadata.name).toBe('holdfast');
    expect(OpenFeature.getClient('elsewhere').metadata.providerMetadata.name).not.toBe('holdfast');
  });

  it('goes by what was asked, whatever the context holds', async () => {
    const { client, degradation } = await setUp();
    degradation.set('search', 'off', { ...change, shareRatio: 0.5 });
    const odd = { targetingKey: '', when: new Date(0), list: [1], nothing: null } as never;

    const answers = await Promise.all(Array.from({ length: 50 }, () => client.getStringValue('search', 'x', odd)));
    expect(new Set(answers)).toEqual(new Set(['full', 'off'])); // without a key each evaluation draws anew
  });

  it.each<[unknown, string]>([
    [undefined, 'featureProvider must be an object of options'],
    [{}, 'featureProvider.degradation.handle must be a function, got undefined'],
    [{ degradation: {} }, 'featureProvider.degradation.handle must be a function, got undefined'],
  ])('refuses the options %j', (options, message) => {
    expect(() => featureProvider(options as never)).toThrow(ConfigError);
    expect(() => featureProvider(options as never)).toThrow(message);
  });

  it('refuses options that are out of range, or unknown', () => {
    const { degradation } = makeParts();

    expect(() => featureProvider({ degradation, lookEveryMs: 0 })).toThrow('lookEveryMs must be an integer from 1 to');
    expect(() => featureProvider({ degradation, lookEvery: 1 } as never)).toThrow('no option "lookEvery"');
  });
});
