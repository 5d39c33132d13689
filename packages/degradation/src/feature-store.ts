/**
 * Feature store: the port through which the instances of a service share the changes of their features.
 *
 * Nobody waits for a store: modes are read from memory, and a change is in force in its own process before the store
 * hears of it. A store keeps, per feature, the record that supersedes the others.
 *
 * Invariants
 *  (1) A store never replaces a record by one that does not supersede it.
 *  (2) `remainingMs` is counted from when a record is handed over, whoever wrote it and whenever.
 *
 * @module
 */

import { type Clock, ConfigError, systemClock } from '@holdfast/core';

import { type FeatureRecord, aged, supersedes } from './feature-record.ts';

/** Where instances share the changes of their features. It may fail, hang and deliver late, twice and out of order. */
export interface FeatureStore {
  /** Returns the records of all features that were ever changed. */
  load(): Promise<readonly FeatureRecord[]>;
  /** Keeps `record` unless the one it has supersedes it; returns the one that it has then. */
  save(record: FeatureRecord): Promise<FeatureRecord>;
  /**
   * Calls `listener` with every record that any instance saves from now on, and with what may have been missed while the
   * store was away. `listener` never throws. Returns a function that ends it.
   */
  listen(listener: (record: FeatureRecord) => void): () => void;
}

/** Options of {@link memoryStore}. */
export interface MemoryStoreOptions {
  /** Measures what remains until a record expires; by default the platform's monotonic clock. */
  readonly clock?: Clock;
}

/**
 * Creates a store in this process's memory. Instances that are given the same one agree at once.
 *
 * @throws ConfigError at creation, when `clock` is not a clock.
 */
export function memoryStore({ clock = systemClock }: MemoryStoreOptions = {}): FeatureStore {
  if (typeof clock?.now !== 'function') throw new ConfigError('memoryStore.clock', 'a clock', clock);
  return new MemoryStore(clock);
}

// --- internal ---

interface Kept {
  readonly record: FeatureRecord;
  readonly keptAt: number;
}

class MemoryStore implements FeatureStore {
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();
  #listeners: readonly ((record: FeatureRecord) => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  // oxlint-disable-next-line require-await -- the port is asynchronous; memory is not
  async load(): Promise<readonly FeatureRecord[]> {
    return [...this.#kept.values()].map((kept) => this.#handOver(kept));
  }

  // oxlint-disable-next-line require-await -- the port is asynchronous; memory is not
  async save(record: FeatureRecord): Promise<FeatureRecord> {
    const kept = this.#kept.get(record.feature);
    if (kept !== undefined && !supersedes(record, kept.record)) return this.#handOver(kept); // (1)
    this.#kept.set(record.feature, { record, keptAt: this.#clock.now() });
    for (const listener of this.#listeners) listener(record);
    return record;
  }

  listen(listener: (record: FeatureRecord) => void): () => void {
    const entry = (record: FeatureRecord): void => listener(record);
    this.#listeners = [...this.#listeners, entry];
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== entry);
    };
  }

  #handOver({ record, keptAt }: Kept): FeatureRecord {
    return aged(record, this.#clock.now() - keptAt); // (2)
  }
}
