import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { type FeatureStore, memoryStore } from '../feature-store.ts';
import { type FeatureStoreSubject, featureStoreConformance } from './feature-store-conformance.ts';

/** Stores in memory, of which `spoil` may spoil each. */
function subjectOf(spoil: (store: FeatureStore) => Partial<FeatureStore> = () => ({})): FeatureStoreSubject {
  const clock = virtualClock();
  return {
    stores(count) {
      const memory = memoryStore({ clock });
      const store = {
        load: () => memory.load(),
        save: memory.save.bind(memory),
        listen: memory.listen.bind(memory),
        audit: () => memory.audit(),
        ...spoil(memory),
      };
      return Promise.resolve(Array.from({ length: count }, () => store));
    },
    pass: (ms) => clock.advance(ms),
    async until(condition, limitMs) {
      await clock.advance(limitMs);
      if (!condition()) throw new Error(`not within ${limitMs} ms`);
    },
  };
}

/** Stores that do one thing wrong, each. */
const breaks: readonly (readonly [what: string, spoil: (store: FeatureStore) => Partial<FeatureStore>])[] = [
  ['forgets', () => ({ load: () => Promise.resolve([]) })],
  ['has what nobody saved', (store) => ({ load: async () => [...(await store.load()), ...(await store.load())] })],
  ['keeps whatever comes last', (store) => overwriting(store)],
  ['answers with what it was given', (store) => ({ save: async (given) => (await store.save(given), given) })],
  ['keeps the time', (store) => ({ load: async () => (await store.load()).map(fresh) })],
  ['tells nobody', () => ({ listen: () => () => {} })],
  ['tells for ever', (store) => ({ listen: (listener) => (store.listen(listener), () => {}) })],
  ['breaks names', (store) => ({ load: async () => (await store.load()).map((one) => ({ ...one, origin: 'x' })) })],
  ['writes no trail', () => ({ audit: () => Promise.resolve([]) }) as Partial<FeatureStore>],
];

function fresh<R extends { readonly overrides: readonly object[] }>(record: R): R {
  return { ...record, overrides: record.overrides.map((one) => ({ ...one, remainingMs: 150 })) };
}

function overwriting(store: FeatureStore): Partial<FeatureStore> {
  const kept = new Map<string, Awaited<ReturnType<FeatureStore['save']>>>();
  return {
    save: async (given, change) => {
      kept.set(given.feature, given);
      await store.save(given, change);
      return given;
    },
    load: () => Promise.resolve([...kept.values()]),
  };
}

describe('featureStoreConformance', () => {
  it.each(featureStoreConformance)('memoryStore $name', async (each) => {
    await expect(each.run(subjectOf())).resolves.toBeUndefined();
  });

  it.each(breaks)('notices a store that %s', async (_what, spoil) => {
    const results = await Promise.allSettled(featureStoreConformance.map((each) => each.run(subjectOf(spoil))));

    expect(results.map(({ status }) => status)).toContain('rejected');
  });
});
