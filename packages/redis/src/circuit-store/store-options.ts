/**
 * Store options: what a store of circuits in Redis goes by, checked and completed.
 *
 * @module
 */

import {
  type Clock,
  type Events,
  type Random,
  inRange,
  integerInRange,
  isFunction,
  isName,
  oneOf,
  reportHookError,
  systemClock,
  systemRandom,
  withKnown,
  steadyRandom,
} from '@holdfast/core';
import { type NodeSettings, type SharingWay, nodeDefaults } from '@holdfast/core/fleet';

import { hashSlot } from '../hash-slot.ts';
import { isCluster } from '../own-connection.ts';
import type { RedisClient } from '../redis-client.ts';
import { requireKeyPlace } from '../redis-key.ts';
import { requireClient } from '../require-client.ts';

/** How many distinct nodes must agree before the fleet opens: max(`min`, `ratio` of those that are there, rounded up). */
export interface QuorumRule {
  /** Integer, 1 to 1 000. */
  readonly min: number;
  /** From 0 to 1. */
  readonly ratio: number;
}

/** Options of {@link redisCircuitStore}. Omitted ones take {@link redisCircuitStoreDefaults}. */
export interface RedisCircuitStoreOptions {
  /** Who shares: one application in one environment, as `shop-prod`. 1 to 64 letters, digits, `_ . : -`. */
  readonly namespace: string;
  /** What all keys begin with. 1 to 32 letters, digits, `_ . : -`. @defaultValue 'rb' */
  readonly prefix?: string;
  /** Name of this process in the fleet, unique among those that are alive; by default one is made up. */
  readonly node?: string;
  /**
   * Parts into which the circuits are divided, each with a channel, a clock and a poll of its own; the same in the whole fleet.
   * Integer, 1 to 1 024; by default 1, and 8 in a Cluster.
   */
  readonly shardCount?: number;
  /**
   * Text by which a circuit is assigned to its shard; the same in the whole fleet. Circuits with the same text are together, so
   * that a process listens only to the shards that it uses. By default the name.
   */
  readonly shardKey?: (name: string) => string;
  /** Time after which a request counts as lost. Milliseconds, 10 to 10 000; by default 200, and 1 000 in a Cluster. */
  readonly commandTimeoutMs?: number;
  /**
   * How many distinct nodes must have opened by themselves before the fleet opens, as a rule or as a function of the number of
   * nodes. By default 1, and 2 from three nodes on.
   */
  readonly quorum?: QuorumRule | ((nodes: number) => number);
  /** Time for which a node's own opening counts towards the quorum. Milliseconds, 100 to 60 000. @defaultValue 10_000 */
  readonly ballotTtlMs?: number;
  /** Probes of a half-open round that may be lost, with their processes, before it is open again. Integer, 0 to 100. @defaultValue 3 */
  readonly maxLostProbes?: number;
  /**
   * `ruling`: each node decides by its own window, and votes. `window`: nodes add up their windows while a circuit is near its
   * threshold, so that a fleet whose nodes see few calls each opens as one. A function says it for each circuit.
   * @defaultValue 'ruling'
   */
  readonly mode?: SharingWay | ((circuit: string) => SharingWay);
  /**
   * Time that the store may be silent before a process probes by itself, counted from the later of its last word and the end of
   * the open time; never less than three polls, which are 6 000 in a small fleet. Milliseconds, 0 to 3 600 000.
   * @defaultValue 5_000
   */
  readonly holdOffMs?: number;
  /** Source of time; by default the platform's. */
  readonly clock?: Clock;
  /** Source of randomness; by default the platform's. */
  readonly random?: Random;
  /** Where events go: see {@link CircuitStoreEvent}; by default nowhere. */
  readonly events?: Events;
}

/** Every default of {@link redisCircuitStore}, in one place. */
export const redisCircuitStoreDefaults: Readonly<
  Required<Omit<RedisCircuitStoreOptions, 'namespace' | 'node' | 'shardCount' | 'commandTimeoutMs' | 'events'>>
> = Object.freeze({
  prefix: 'rb',
  shardKey: (name: string): string => name,
  quorum: nodeDefaults.quorum,
  ballotTtlMs: 10_000,
  maxLostProbes: 3,
  mode: 'ruling',
  holdOffMs: 5000,
  clock: systemClock,
  random: systemRandom,
});

/** Options that are checked and complete. */
export interface StoreSettings extends Pick<
  NodeSettings,
  'node' | 'ballotTtlMs' | 'maxLostProbes' | 'mode' | 'holdOffMs'
> {
  readonly prefix: string;
  readonly namespace: string;
  readonly shardCount: number;
  readonly commandTimeoutMs: number;
  readonly clock: Clock;
  readonly events: Events | undefined;
  /** Never throws. */
  readonly random: Random;
  /** Never throws. */
  readonly quorum: (nodes: number) => number;
  /** The shard of a circuit. Never throws. */
  readonly shardOf: (name: string) => number;
}

/**
 * Checks and completes the options.
 *
 * @throws ConfigError when an option has a value that it cannot have, or `client` is no client of ioredis without a `keyPrefix`.
 * @throws TypeError when an option is not known.
 */
export function storeSettings(client: RedisClient, options: RedisCircuitStoreOptions): StoreSettings {
  const place = 'redisCircuitStore';
  requireClient(place, client);
  const perTopology = isCluster(client) ? clusterDefaults : loneDefaults;
  const given = withKnown(place, { ...redisCircuitStoreDefaults, ...perTopology }, options, [
    'namespace',
    'node',
    'events',
  ]);
  check(given);
  const random = steadyRandom(given.random, given.namespace);
  const { prefix, namespace, shardCount, commandTimeoutMs, ballotTtlMs, maxLostProbes, mode, holdOffMs, clock } = given;
  return {
    prefix,
    namespace,
    shardCount,
    commandTimeoutMs,
    ballotTtlMs,
    maxLostProbes,
    mode,
    holdOffMs,
    clock,
    random,
    events: given.events,
    node: given.node ?? `n${Math.floor(random() * 2 ** 48).toString(36)}`,
    quorum: steadyQuorum(given.quorum, namespace),
    shardOf: shardFinder(given.shardKey, shardCount, namespace),
  };
}

// --- internal ---

const loneDefaults = Object.freeze({ shardCount: 1, commandTimeoutMs: 200 });
const clusterDefaults = Object.freeze({ shardCount: 8, commandTimeoutMs: 1000 });

const MAX_QUORUM = 1000;

function check(given: RedisCircuitStoreOptions): void {
  requireKeyPlace('redisCircuitStore', { prefix: given.prefix ?? '', namespace: given.namespace });
  if (given.node !== undefined) isName('redisCircuitStore.node', given.node);
  integerInRange('redisCircuitStore.shardCount', given.shardCount, [1, 1024]);
  isFunction('redisCircuitStore.shardKey', given.shardKey);
  inRange('redisCircuitStore.commandTimeoutMs', given.commandTimeoutMs, [10, 10_000]);
  inRange('redisCircuitStore.ballotTtlMs', given.ballotTtlMs, [100, 60_000]);
  integerInRange('redisCircuitStore.maxLostProbes', given.maxLostProbes, [0, 100]);
  if (typeof given.mode !== 'function') oneOf('redisCircuitStore.mode', given.mode, ['ruling', 'window']);
  inRange('redisCircuitStore.holdOffMs', given.holdOffMs, [0, 3_600_000]);
  checkQuorum(given.quorum);
}

function checkQuorum(quorum: RedisCircuitStoreOptions['quorum']): void {
  if (typeof quorum === 'function') return;
  const rule = withKnown('redisCircuitStore.quorum', {}, quorum as QuorumRule, ['min', 'ratio']);
  integerInRange('redisCircuitStore.quorum.min', rule.min, [1, MAX_QUORUM]);
  inRange('redisCircuitStore.quorum.ratio', rule.ratio, [0, 1]);
}

function steadyQuorum(quorum: QuorumRule | ((nodes: number) => number), name: string): (nodes: number) => number {
  if (typeof quorum !== 'function') {
    const { min, ratio } = quorum;
    return (nodes) => Math.max(min, Math.ceil(ratio * nodes - ROUNDING));
  }
  return (nodes) => {
    try {
      const wanted: unknown = quorum(nodes);
      if (Number.isInteger(wanted) && (wanted as number) >= 1) return wanted as number;
      throw new RangeError('quorum must return an integer of at least 1');
    } catch (error) {
      reportHookError('quorum', error, name);
      return nodeDefaults.quorum(nodes);
    }
  };
}

/** What products of ratios and integers may be off by. */
const ROUNDING = 1e-9;

function shardFinder(shardKey: (name: string) => string, shardCount: number, store: string): (name: string) => number {
  const keyOf = (name: string): string => {
    try {
      const key: unknown = shardKey(name);
      if (typeof key === 'string') return key;
      throw new TypeError('shardKey must return a string');
    } catch (error) {
      reportHookError('shardKey', error, store);
      return name;
    }
  };
  return (name) => (shardCount === 1 ? 0 : hashSlot(keyOf(name)) % shardCount);
}
