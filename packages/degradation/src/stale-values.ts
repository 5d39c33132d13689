/**
 * Stale values: the mode that answers with what is known, however old up to a bound, and does not ask again while it may.
 *
 * It stands on the cache of core. In the best mode calls go through that cache as usual; in the cached mode a value that is
 * no older than the mode's `maxStaleMs` is given without any call. Where there is none, one call per key is made through the
 * same cache, so that a cold cache does not become a storm.
 *
 * Invariants
 *  (1) In the cached mode no value is given that is older than `maxStaleMs`, unless the cache itself gives it.
 *  (2) Of calls that find nothing, one per key runs at a time.
 *
 * @module
 */

import { type Cache, type Context, type Operation, inRange, noteProvenance } from '@holdfast/core';

/** What is asked for while degraded. */
export interface StaleRequest {
  /** The key, as the cache's `keyOf` gives it. */
  readonly key: string;
  /** The oldest value that will do. Milliseconds, 0 or more. Comes from the mode's parameters. */
  readonly maxStaleMs: number;
}

/** A value, and how old it is. */
export interface StaleValue<T> {
  readonly value: T;
  /** Milliseconds; 0 for one that was fetched just now. */
  readonly ageMs: number;
}

/**
 * Returns the value of `key` that `cache` holds if it is young enough, and otherwise what `operation` gives through the cache.
 * The cache must hold values as long: its `ttlMs` and `staleIfErrorMs` together bound what there is.
 *
 * @throws what `cache.execute` ends with, unchanged, where nothing young enough is held.
 */
export async function staleValue<T>(
  cache: Cache,
  { key, maxStaleMs }: StaleRequest,
  operation: Operation<T>,
  context: Context,
): Promise<StaleValue<T>> {
  inRange('staleValue.maxStaleMs', maxStaleMs, [0, Infinity]);
  const held = cache.peek(key);
  if (held !== undefined && held.ageMs <= maxStaleMs) {
    const { ageMs } = held;
    const why = { reason: 'degraded', policy: cache.name, step: undefined, error: undefined } as const;
    noteProvenance(context, { ...why, source: 'stale', ageMs });
    return { value: held.value as T, ageMs }; // (1)
  }
  return { value: await cache.execute(operation, context), ageMs: 0 }; // (2)
}
