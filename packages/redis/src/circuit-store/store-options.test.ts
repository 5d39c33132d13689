import { onHookError } from '@holdfast/core';
import { Cluster, Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';

import type { RedisClient } from '../redis-client.ts';
import { type RedisCircuitStoreOptions, storeSettings } from './store-options.ts';

const redis = new Redis({ lazyConnect: true });
const cluster = new Cluster([{ port: 1 }], { lazyConnect: true });
const namespace = 'shop-prod';

function settingsWith(options: Partial<RedisCircuitStoreOptions> = {}, client: RedisClient = redis) {
  return storeSettings(client, { namespace, ...options });
}

/** What is reported while `run` runs. */
function reported(run: () => unknown): string[] {
  const hooks: string[] = [];
  const before = onHookError((error) => hooks.push(error.hook));
  run();
  onHookError(before);
  return hooks;
}

describe('storeSettings', () => {
  it.each([
    ['namespace', { namespace: '' }],
    ['namespace', { namespace: 'a b' }],
    ['prefix', { prefix: '' }],
    ['node', { node: '' }],
    ['shardCount', { shardCount: 0 }],
    ['shardCount', { shardCount: 1.5 }],
    ['shardKey', { shardKey: 'name' as never }],
    ['commandTimeoutMs', { commandTimeoutMs: 9 }],
    ['ballotTtlMs', { ballotTtlMs: Infinity }],
    ['maxLostProbes', { maxLostProbes: -1 }],
    ['mode', { mode: 'counters' as never }],
    ['holdOffMs', { holdOffMs: -1 }],
    ['quorum.min', { quorum: { min: 0, ratio: 0 } }],
    ['quorum.ratio', { quorum: { min: 1, ratio: 2 } }],
    ['quorum.ratio', { quorum: { min: 1 } as never }],
  ])('refuses %s where it makes no sense: %o', (option, options) => {
    expect(() => settingsWith(options)).toThrow(`redisCircuitStore.${option} must be`);
  });

  it('refuses options that it does not know, and a client that is none', () => {
    expect(() => settingsWith({ namespce: 'a' } as never)).toThrow('has no option');
    expect(() => settingsWith({ quorum: { min: 1, ratio: 1, max: 3 } as never })).toThrow('has no option');
    expect(() => settingsWith({}, {} as never)).toThrow('redisCircuitStore.redis must be a client of ioredis');
    expect(() => settingsWith({}, new Redis({ lazyConnect: true, keyPrefix: 'a:' }))).toThrow('keyPrefix');
  });

  it('has one shard and little patience stand-alone, and more of both in a Cluster', () => {
    expect(settingsWith()).toMatchObject({ shardCount: 1, commandTimeoutMs: 200 });
    expect(settingsWith({}, cluster)).toMatchObject({ shardCount: 8, commandTimeoutMs: 1000 });
    expect(settingsWith({ shardCount: 4, commandTimeoutMs: 300 }, cluster)).toMatchObject({
      shardCount: 4,
      commandTimeoutMs: 300,
    });
  });

  it('makes up a name for the node, from the source of randomness', () => {
    expect(settingsWith({ random: () => 0.5 }).node).toBe(settingsWith({ random: () => 0.5 }).node);
    expect(settingsWith().node).not.toBe(settingsWith().node);
    expect(settingsWith({ node: 'shop-7' }).node).toBe('shop-7');
  });

  it('asks for two nodes from three on', () => {
    const { quorum } = settingsWith();

    expect([1, 2, 3, 100].map(quorum)).toEqual([1, 1, 2, 2]);
  });

  it('takes a rule or a function for the quorum', () => {
    const { quorum } = settingsWith({ quorum: { min: 2, ratio: 0.1 } });

    expect([1, 20, 21, 100].map(quorum)).toEqual([2, 2, 3, 10]);
    expect(settingsWith({ quorum: (nodes) => nodes }).quorum(7)).toBe(7);
  });

  it('goes by the default where a function for the quorum says what it cannot be', () => {
    const broken = settingsWith({ quorum: () => 0 }).quorum;

    expect(reported(() => expect(broken(3)).toBe(2))).toEqual(['quorum']);
  });

  it('spreads circuits over all shards, the same in each process', () => {
    const { shardOf } = settingsWith({ shardCount: 8 });
    const shards = Array.from({ length: 1000 }, (_, number) => shardOf(`circuit-${number}`));

    expect(new Set(shards).size).toBe(8);
    expect(shards).toEqual(
      Array.from({ length: 1000 }, (_, number) => settingsWith({ shardCount: 8 }).shardOf(`circuit-${number}`)),
    );
  });

  it('keeps circuits together that have the same key', () => {
    const { shardOf } = settingsWith({ shardCount: 1024, shardKey: (name) => name.split('/')[0] ?? '' });

    expect(shardOf('payments/charge')).toBe(shardOf('payments/refund'));
    expect(shardOf('payments/charge')).not.toBe(shardOf('stock/read'));
  });

  it('goes by the name where shardKey is broken', () => {
    const { shardOf } = settingsWith({ shardCount: 64, shardKey: () => 7 as never });

    expect(reported(() => expect(shardOf('a')).toBe(settingsWith({ shardCount: 64 }).shardOf('a')))).toEqual([
      'shardKey',
    ]);
  });
});
