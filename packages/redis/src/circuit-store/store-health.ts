/**
 * Store health: how a store of circuits in Redis is.
 *
 * @module
 */

import type { StoreHealth } from '@holdfast/core';

/** How a store in Redis is. */
export interface RedisStoreHealth extends StoreHealth {
  /** Shards that this process uses, and those of them that it hears messages of; the others are polled more often. */
  readonly shards: { readonly used: number; readonly heard: number };
  /** Messages that could not be read since the store was created. */
  readonly malformedMessages: number;
}
