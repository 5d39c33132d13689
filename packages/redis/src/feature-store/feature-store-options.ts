/**
 * Feature store options: what a store of features in Redis goes by, checked and completed.
 *
 * @module
 */

import { createHash, timingSafeEqual } from 'node:crypto';

import {
  type Clock,
  ConfigError,
  type Events,
  type Random,
  inRange,
  integerInRange,
  systemClock,
  systemRandom,
  withKnown,
  steadyRandom,
} from '@holdfast/core';

import { isCluster } from '../own-connection.ts';
import type { RedisClient } from '../redis-client.ts';
import { requireKeyPlace } from '../redis-key.ts';
import { requireClient } from '../require-client.ts';
import type { RecordSeal } from './shared-feature.ts';

/** Options of {@link redisFeatureStore}. Omitted ones take {@link redisFeatureStoreDefaults}. */
export interface RedisFeatureStoreOptions {
  /** Who shares: one application in one environment, as `shop-prod`. 1 to 64 letters, digits, `_ . : -`. */
  readonly namespace: string;
  /** What all keys begin with. 1 to 32 letters, digits, `_ . : -`. @defaultValue 'rb' */
  readonly prefix?: string;
  /**
   * The longest time between two looks at what the server has: how late a change is where its notice was lost. Each process
   * looks at times of its own, up to a fifth earlier. Milliseconds, 50 to 60 000. @defaultValue 1000
   */
  readonly pollMs?: number;
  /** Time after which a request counts as lost. Milliseconds, 10 to 10 000; by default 200, and 1 000 in a Cluster. */
  readonly commandTimeoutMs?: number;
  /** Changes that the trail of the fleet holds; the oldest go first. Integer, 1 to 100 000. @defaultValue 1000 */
  readonly maxAuditEntries?: number;
  /**
   * Seals each record: `signature(secret)` of `@holdfast/degradation`, the same in the whole fleet, also tells who wrote it.
   * By default a checksum, which tells damage only.
   */
  readonly seal?: RecordSeal;
  /** Source of time; by default the platform's. */
  readonly clock?: Clock;
  /** Source of randomness; by default the platform's. */
  readonly random?: Random;
  /** Where events go: see {@link FeatureStoreEvent}; by default nowhere. */
  readonly events?: Events;
}

/** Tells damage from what was written, and nothing else: whoever can write can seal. */
const checksum: RecordSeal = Object.freeze({ seal: digest, isSealed: isDigest });

/** Every default of {@link redisFeatureStore}, in one place. */
export const redisFeatureStoreDefaults: Readonly<
  Required<Omit<RedisFeatureStoreOptions, 'namespace' | 'commandTimeoutMs' | 'events'>>
> = Object.freeze({
  prefix: 'rb',
  pollMs: 1000,
  maxAuditEntries: 1000,
  seal: checksum,
  clock: systemClock,
  random: systemRandom,
});

/** Options that are checked and complete. */
export type FeatureStoreSettings = Required<Omit<RedisFeatureStoreOptions, 'events'>> & {
  readonly events: Events | undefined;
};

/**
 * Checks and completes the options.
 *
 * @throws ConfigError when an option has a value that it cannot have, or `client` is no client of ioredis without a `keyPrefix`.
 * @throws TypeError when an option is not known.
 */
export function featureStoreSettings(client: RedisClient, options: RedisFeatureStoreOptions): FeatureStoreSettings {
  const place = 'redisFeatureStore';
  requireClient(place, client);
  const defaults = { ...redisFeatureStoreDefaults, commandTimeoutMs: isCluster(client) ? 1000 : 200 };
  const given = withKnown(place, defaults, options, ['namespace', 'events']);
  requireKeyPlace(place, { prefix: given.prefix, namespace: given.namespace });
  inRange(`${place}.pollMs`, given.pollMs, [50, 60_000]);
  inRange(`${place}.commandTimeoutMs`, given.commandTimeoutMs, [10, 10_000]);
  integerInRange(`${place}.maxAuditEntries`, given.maxAuditEntries, [1, 100_000]);
  requireSeal(`${place}.seal`, given.seal);
  return { ...given, events: given.events, random: steadyRandom(given.random, given.namespace) };
}

// --- internal ---

function requireSeal(option: string, seal: unknown): void {
  for (const method of ['seal', 'isSealed'])
    if (typeof (seal as Record<string, unknown> | null)?.[method] !== 'function')
      throw new ConfigError(`${option}.${method}`, 'a function', seal);
}

function digest(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

function isDigest(text: string, given: string): boolean {
  const [right, other] = [Buffer.from(digest(text)), Buffer.from(given)];
  return right.length === other.length && timingSafeEqual(right, other);
}
