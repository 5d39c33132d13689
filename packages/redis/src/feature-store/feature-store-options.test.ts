import { ConfigError } from '@holdfast/core';
import { Cluster, Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';

import { featureStoreSettings, redisFeatureStoreDefaults } from './feature-store-options.ts';

const client = new Redis({ lazyConnect: true });
const namespace = 'shop';

describe('the options of redisFeatureStore', () => {
  it.each([
    ['namespace', [undefined, '', 'a b', 'x'.repeat(65), 5]],
    ['prefix', ['', 'a{', 'x'.repeat(33)]],
    ['pollMs', [49, 60_001, Number.NaN, Infinity, '1000']],
    ['commandTimeoutMs', [9, 10_001, Number.NaN]],
    ['maxAuditEntries', [0, 100_001, 1.5]],
    ['seal', [5, null, {}, { seal: () => '' }, { isSealed: () => true }]],
  ])('%s is refused out of its range', (option, values) => {
    for (const value of values)
      expect(() => featureStoreSettings(client, { namespace, [option]: value })).toThrow(
        option === 'namespace' || value !== undefined ? ConfigError : '',
      );
  });

  it.each([
    ['pollMs', [50, 60_000]],
    ['commandTimeoutMs', [10, 10_000]],
    ['maxAuditEntries', [1, 100_000]],
  ])('%s may be at both ends of its range', (option, values) => {
    for (const value of values)
      expect(featureStoreSettings(client, { namespace, [option]: value })).toMatchObject({ [option]: value });
  });

  it('take their defaults where they are omitted', () => {
    const { random: _random, ...defaults } = redisFeatureStoreDefaults;

    expect(featureStoreSettings(client, { namespace })).toMatchObject({ ...defaults, commandTimeoutMs: 200 });
    const cluster = new Cluster([{ port: 1 }], { lazyConnect: true });
    expect(featureStoreSettings(cluster, { namespace }).commandTimeoutMs).toBe(1000);
  });

  it('are refused where they are not known, and with what is no client', () => {
    expect(() => featureStoreSettings(client, { namespace, ttlMs: 5 } as never)).toThrow(TypeError);
    expect(() => featureStoreSettings({} as never, { namespace })).toThrow('redisFeatureStore.redis');
    expect(() => featureStoreSettings(new Redis({ lazyConnect: true, keyPrefix: 'a' }), { namespace })).toThrow(
      'keyPrefix',
    );
  });

  it('survive a random that throws', () => {
    const random = (): never => {
      throw new Error('mine');
    };

    expect(featureStoreSettings(client, { namespace, random }).random()).toBeLessThan(1);
  });
});
