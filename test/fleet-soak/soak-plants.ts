/**
 * Soak plants: faults of our own that a soak must notice, to see that it does.
 *
 * @module
 */

import { createRegistry, circuitBreaker } from '@holdfast/core';
import { type RedisCircuitStore, redisCircuitStore } from '@holdfast/redis';
import type { Redis } from 'ioredis';

import { rulesOf, soakPlaces } from './soak-place.ts';
import type { SoakRecord } from './soak-record.ts';

/** What a fault is planted in: a process in which a store has been closed. */
export interface SoakPlanting {
  readonly client: Redis;
  readonly record: SoakRecord;
  readonly closed: RedisCircuitStore;
  /** Stores closed so far, this one included. */
  readonly closedCount: number;
}

type Planter = (planting: SoakPlanting) => void;

const kept: unknown[] = [];

/** Faults by name; each is called after every store that was closed. */
const planters: Readonly<Record<string, Planter>> = {
  heap: () => void kept.push(new Float64Array(50_000).fill(1)),
  store: ({ closed }) => void kept.push(closed),
  timer: () => void setTimeout(() => {}, 3_600_000).unref(),
  listener: ({ client }) => void client.on('error', () => {}),
  rejection: ({ closedCount }) => {
    if (closedCount === 1) void Promise.reject(new Error('planted'));
  },
  call: ({ closedCount, record }) => {
    if (closedCount === 1) void record.calls.count(() => Promise.reject(new Error('planted')));
  },
  connection: ({ client, closedCount }) => {
    const [place] = soakPlaces;
    if (closedCount > 1 || place === undefined) return;
    const store = redisCircuitStore(client, { ...place, node: 'forgotten' });
    createRegistry({ store }).create(circuitBreaker, { ...rulesOf('forgotten', place), name: 'forgotten' });
    kept.push(store);
  },
};

/** Names of the faults that can be planted in a process. */
export const soakPlants: readonly string[] = Object.keys(planters);

/** Plants the faults of these names. */
export function plantAll(names: readonly string[], planting: SoakPlanting): void {
  for (const name of names) planters[name]?.(planting);
}
