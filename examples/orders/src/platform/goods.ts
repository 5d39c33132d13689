/**
 * Goods: what the shop has.
 *
 * @module
 */

/** A thing that can be ordered. */
export interface Good {
  readonly sku: string;
  readonly available: number;
  /** How long it takes to find one on its shelf, which is done by the database. */
  readonly findSeconds: number;
}

/** Everything that there is. */
export const goods: readonly Good[] = Object.freeze([
  { sku: 'lamp', available: 1_000_000, findSeconds: 0 },
  { sku: 'chair', available: 1_000_000, findSeconds: 0 },
  { sku: 'desk', available: 1_000_000, findSeconds: 0 },
  { sku: 'vase', available: 3, findSeconds: 0 },
  { sku: 'mirror', available: 1_000_000, findSeconds: 0.03 },
  { sku: 'wardrobe', available: 1_000_000, findSeconds: 0.6 },
  { sku: 'piano', available: 1_000_000, findSeconds: 20 }, // nobody knows where it is
]);
