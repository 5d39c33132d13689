/**
 * Feature keys: where the features of a namespace are kept on the server.
 *
 *   rb1:{shop-prod/features}:m   hash      the stamp
 *   rb1:{shop-prod/features}:r   hash      the records
 *   rb1:{shop-prod/features}:t   list      the trail
 *   rb1:{shop-prod/features}:e   channel   notices
 *
 * @module
 */

import { type KeyPlace, keyTag } from '../redis-key.ts';

/** The keys of the features of a namespace, all of one hash slot, and their channel. */
export interface FeatureKeys {
  readonly stamp: string;
  readonly records: string;
  readonly trail: string;
  readonly channel: string;
}

/** Returns the keys of a namespace. */
export function featureKeys(place: KeyPlace): FeatureKeys {
  const base = keyTag(place, 'features');
  return Object.freeze({ stamp: `${base}:m`, records: `${base}:r`, trail: `${base}:t`, channel: `${base}:e` });
}
