/**
 * Last known: the latest good answer per product, for the time when there is no new one.
 *
 * It holds one entry per product on sale, so it is bounded by the assortment.
 *
 * @module
 */

/** Latest answers by product id. */
export interface LastKnown<T> {
  /** Keeps `value` and returns it. */
  remember(id: string, value: T): T;
  get(id: string): T | undefined;
}

/** Creates an empty one. */
export function lastKnown<T>(): LastKnown<T> {
  const values = new Map<string, T>();
  return {
    remember(id, value) {
      values.set(id, value);
      return value;
    },
    get: (id) => values.get(id),
  };
}
