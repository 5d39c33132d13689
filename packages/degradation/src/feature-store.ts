/**
 * Feature store: the port through which the instances of a service share the changes of their features.
 *
 * Nobody waits for a store: modes are read from memory, and a change is in force in its own process before the store
 * hears of it. A store keeps, per feature, the record that supersedes the others.
 *
 *   save ──► keeps what supersedes ──► listener of every instance: a hint, which may be lost
 *                                          ▲
 *   away ─ ─ ─ ─ ─ ─ ─ ─ back, or lost ────┴── whole: all that the store has, which is the truth
 *
 * Invariants
 *  (1) A store never replaces a record by one that does not supersede it.
 *  (2) `remainingMs` is counted from when a record is handed over, whoever wrote it and whenever.
 *
 * @module
 */

import { type Clock, ConfigError, systemClock } from '@holdfast/core';

import { type AuditEntry, type AuditedChange, AuditTrail } from './audit-trail.ts';
import { type FeatureRecord, aged, supersedes } from './feature-record.ts';

/** Where instances share the changes of their features. It may fail, hang and deliver late, twice and out of order. */
export interface FeatureStore {
  /** Returns the records of all features that were ever changed. */
  load(): Promise<readonly FeatureRecord[]>;
  /**
   * Keeps `record` unless the one it has supersedes it; returns the one that it has then. `change` says what the record did,
   * for the trail of the fleet, where the store has one.
   */
  save(record: FeatureRecord, change?: AuditedChange): Promise<FeatureRecord>;
  /**
   * Calls `listener` with every record that any instance saves from now on, and with what may have been missed while the
   * store was away. `listener` never throws. A store that knows when it is away tells `watch`. Returns a function that ends
   * both.
   */
  listen(listener: (record: FeatureRecord) => void, watch?: StoreWatch): () => void;
}

/** Is told how a store is, by a store that knows. Its functions never throw. */
export interface StoreWatch {
  /** The store cannot be reached: what is known is as of before. */
  away(error: unknown): void;
  /** All records that the store has: when it is back, when it has lost some, and when some were missed. */
  whole(records: readonly FeatureRecord[]): void;
}

/** A store in this process's memory. */
export interface MemoryStore extends FeatureStore {
  /** Returns the last changes of all instances that share it, oldest first: what `findTampering` checks. At most 1000. */
  audit(): Promise<readonly AuditEntry[]>;
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
export function memoryStore({ clock = systemClock }: MemoryStoreOptions = {}): MemoryStore {
  if (typeof clock?.now !== 'function') throw new ConfigError('memoryStore.clock', 'a clock', clock);
  return new RecordMemory(clock);
}

// --- internal ---

/** Changes that a store in memory remembers. */
const MAX_AUDITED = 1000;

interface Kept {
  readonly record: FeatureRecord;
  readonly keptAt: number;
}

class RecordMemory implements MemoryStore {
  readonly #clock: Clock;
  readonly #trail = new AuditTrail(MAX_AUDITED);
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
  async save(record: FeatureRecord, change?: AuditedChange): Promise<FeatureRecord> {
    const kept = this.#kept.get(record.feature);
    if (kept !== undefined && !supersedes(record, kept.record)) return this.#handOver(kept); // (1)
    this.#kept.set(record.feature, { record, keptAt: this.#clock.now() });
    if (change !== undefined) this.#trail.add(change);
    for (const listener of this.#listeners) listener(record);
    return record;
  }

  // oxlint-disable-next-line require-await -- the port is asynchronous; memory is not
  async audit(): Promise<readonly AuditEntry[]> {
    return this.#trail.list();
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
