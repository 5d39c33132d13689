/**
 * Recency map: a map of bounded size that forgets what was used longest ago, and bit by bit what is of no use any more.
 *
 * Invariants
 *  (1) It never holds more than `maxEntries` entries.
 *  (2) When there is no room, the entry that was used longest ago goes.
 *  (3) While entries are added, those that `isDead` calls dead go: each addition looks at two, all in turn.
 *
 * Source: the least recently used rule, P. J. Denning, "The Working Set Model for Program Behavior", Communications of the
 * ACM 11 (5), 1968; the order is that of insertion into a `Map`, which ECMAScript defines.
 * Deviation: each addition looks at two entries and drops those that are dead, so that no timer is needed.
 * Cost: O(1) per operation; memory in proportion to the entries held.
 *
 * @module
 */

/** Why an entry was forgotten: there was no room, or it was dead. */
export type ForgottenReason = 'full' | 'dead';

/** A map that forgets what was used longest ago. */
export class RecencyMap<V> {
  readonly #entries = new Map<string, V>();
  readonly #onForgotten: (key: string, why: ForgottenReason) => void;
  #maxEntries: number;
  #newestKey: string | undefined = undefined;
  /** Goes round the entries, two steps per addition. */
  #sweep: Iterator<[string, V]> | undefined = undefined;

  /** @param onForgotten - Told of each entry that went for lack of room or because it was dead. Must not throw. */
  constructor(maxEntries: number, onForgotten: (key: string, why: ForgottenReason) => void) {
    this.#maxEntries = maxEntries;
    this.#onForgotten = onForgotten;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Returns the value of `key`, without counting as a use. */
  peek(key: string): V | undefined {
    return this.#entries.get(key);
  }

  /** Notes that the value of `key` was used. */
  touch(key: string): void {
    if (this.#newestKey === key) return;
    const value = this.#entries.get(key);
    if (value === undefined || !this.#entries.delete(key)) return;
    this.#entries.set(key, value);
    this.#newestKey = key;
  }

  /** Adds or replaces a value, which counts as a use. */
  set(key: string, value: V, isDead: (value: V) => boolean): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    this.#newestKey = key;
    this.#dropDead(isDead);
    this.#makeRoom();
  }

  /** Removes `key`. Returns whether it was there. Nobody is told. */
  delete(key: string): boolean {
    if (this.#newestKey === key) this.#newestKey = undefined;
    return this.#entries.delete(key);
  }

  /** Removes all. Nobody is told. */
  clear(): void {
    this.#entries.clear();
    this.#newestKey = undefined;
    this.#sweep = undefined;
  }

  /** Sets the bound, and makes room for it. */
  resize(maxEntries: number): void {
    this.#maxEntries = maxEntries;
    this.#makeRoom();
  }

  #makeRoom(): void {
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxEntries) return; // (1)
      this.#forget(key, 'full'); // (2): the first is the one used longest ago
    }
  }

  #dropDead(isDead: (value: V) => boolean): void {
    for (let step = 0; step < 2; step++) {
      this.#sweep ??= this.#entries.entries();
      const next = this.#sweep.next();
      if (next.done === true) this.#sweep = undefined; // goes round again with the next step
      else if (isDead(next.value[1])) this.#forget(next.value[0], 'dead'); // (3)
    }
  }

  #forget(key: string, why: ForgottenReason): void {
    this.delete(key);
    this.#onForgotten(key, why);
  }
}
