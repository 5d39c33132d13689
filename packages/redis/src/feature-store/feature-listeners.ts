/**
 * Feature listeners: the degradations of this process that go by one store.
 *
 * Invariants
 *  (1) What one of them throws is reported, and keeps nothing from the others: a throw would end the process.
 *
 * @module
 */

import { reportHookError } from '@holdfast/core';

import type { FeatureStoreWatch, SharedFeature } from './shared-feature.ts';

interface Listener {
  readonly listener: (record: SharedFeature) => void;
  readonly watch: FeatureStoreWatch | undefined;
}

/** Tells all who listen. */
export class FeatureListeners {
  private readonly store: string;
  private readonly listeners = new Set<Listener>();

  /** `store` is the name that errors are reported under. */
  constructor(store: string) {
    this.store = store;
  }

  get size(): number {
    return this.listeners.size;
  }

  /** Returns a function that ends it. */
  add(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  record(record: SharedFeature): void {
    this.each(({ listener }) => listener(record));
  }

  whole(records: readonly SharedFeature[]): void {
    this.each(({ watch }) => watch?.whole(records));
  }

  away(error: unknown): void {
    this.each(({ watch }) => watch?.away(error));
  }

  clear(): void {
    this.listeners.clear();
  }

  // --- internal ---

  private each(tell: (listener: Listener) => void): void {
    for (const listener of this.listeners) {
      try {
        tell(listener);
      } catch (error) {
        reportHookError('featureStore', error, this.store); // (1)
      }
    }
  }
}
