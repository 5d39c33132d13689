import { describe, expect, it } from 'vitest';

import { createEvents } from '@holdfast/core';
import { recordEvents, settle, virtualClock } from '@holdfast/core/testing';

import { defineFeatures } from './catalogue.ts';
import { createDegradation } from './degradation.ts';
import type { FeatureRecord } from './feature-record.ts';
import { type FeatureStore, type StoreWatch, memoryStore } from './feature-store.ts';
import { featureRecord } from './testing/records.ts';

const features = defineFeatures({ reco: { modes: ['full', 'cached', 'off'] }, pay: { modes: ['full', 'deferred'] } });
const change = { actor: 'alice', reason: 'INC-1', expiresInMs: 60_000 };
const back = { actor: 'bob', reason: 'over' };
const never = () => new Promise<never>(() => {});

/** A store whose methods a test can break and mend. */
function setUp(broken: Partial<FeatureStore> = {}) {
  const clock = virtualClock();
  const memory = memoryStore({ clock });
  const faults: Partial<FeatureStore> = { ...broken };
  const store: FeatureStore = {
    load: () => (faults.load ?? memory.load.bind(memory))(),
    save: (record, told) => (faults.save ?? memory.save.bind(memory))(record, told),
    listen: (listener, watch) => (faults.listen ?? memory.listen.bind(memory))(listener, watch),
  };
  const events = createEvents();
  const recorder = recordEvents(events); // before the link is made, since that may fail at once
  const degradation = createDegradation({ features, store, clock, events, random: () => 0.5, wallClock: () => 0 });
  return { clock, memory, faults, store, degradation, recorder };
}

const throws = () => {
  throw new Error('down');
};
const rejects = () => Promise.reject(new Error('down'));

describe('StoreLink', () => {
  it.each([
    ['load', 'throws', { load: throws }],
    ['load', 'rejects', { load: rejects }],
    ['load', 'hangs', { load: never }],
    ['load', 'gives rubbish', { load: () => Promise.resolve(5 as never) }],
    ['save', 'throws', { save: throws }],
    ['save', 'rejects', { save: rejects }],
    ['save', 'hangs', { save: never }],
    ['listen', 'throws', { listen: throws }],
  ])('(1) lets modes be read and set at once while %s %s, and says so', async (operation, _how, broken) => {
    const { degradation, clock, recorder } = setUp(broken);

    degradation.set('reco', 'off', change);
    expect(degradation.mode('reco')).toBe('off');
    await clock.advance(500);

    const failure = { type: 'feature.store-failed', name: 'store', operation };
    expect(degradation.mode('reco')).toBe('off');
    expect(degradation.storeStatus().state).toBe('stale');
    expect(recorder.events.find(({ type }) => type === failure.type)).toMatchObject(failure);
  });

  it('(1) counts a record that is none, and goes on', async () => {
    let tell: (record: FeatureRecord) => void = () => {};
    const { degradation, recorder } = setUp({
      listen: (listener) => {
        tell = listener;
        return () => {};
      },
    });
    await degradation.loaded;

    tell({ feature: 'reco', revision: -1 } as never);
    tell(undefined as never);

    expect(recorder.types).toEqual(['feature.store-failed', 'feature.store-failed']);
    expect(degradation.storeStatus()).toEqual({ state: 'live', failureCount: 2, pendingCount: 0 });
  });

  it('(2) offers a change again until the store has it', async () => {
    const { degradation, clock, faults, memory } = setUp({ save: rejects });
    degradation.set('reco', 'off', change);
    await clock.advance(5000);
    expect(degradation.storeStatus()).toEqual({ state: 'stale', failureCount: 2, pendingCount: 1 });

    delete faults.save;
    await clock.advance(5000);

    expect(degradation.storeStatus()).toEqual({ state: 'live', failureCount: 2, pendingCount: 0 });
    expect(await memory.load()).toMatchObject([{ feature: 'reco', overrides: [{ mode: 'off', remainingMs: 50_000 }] }]);
  });

  it('(2) offers what is then current, also when that has expired', async () => {
    const { degradation, clock, faults, memory } = setUp({ save: rejects });
    degradation.set('reco', 'off', { ...change, expiresInMs: 4000 });
    delete faults.save;

    await clock.advance(5000);

    expect(await memory.load()).toMatchObject([{ revision: 1, overrides: [{ remainingMs: -1000 }] }]);
  });

  it('(2) offers what the store lost', async () => {
    const { degradation, clock, faults, memory } = setUp({ load: rejects });
    degradation.set('reco', 'off', change);
    await memory.save({ ...(await memory.load())[0]!, feature: 'pay' });
    delete faults.load;
    const emptied = memoryStore({ clock });
    faults.load = () => emptied.load();
    faults.save = (record) => emptied.save(record);

    await clock.advance(5000);

    expect((await emptied.load()).map(({ feature }) => feature)).toEqual(['reco', 'pay']);
  });

  it('(3) has no timer at rest', async () => {
    const { degradation, clock } = setUp();
    await degradation.loaded;

    degradation.set('reco', 'off', change);
    degradation.restore('reco', back);
    await settle();

    expect(clock.pendingCount).toBe(0);
  });

  it('(3) keeps the process alive while it starts, and no longer, when the store hangs', async () => {
    const { degradation, clock } = setUp({ load: never, save: never });

    degradation.set('reco', 'off', change);
    await clock.advance(499);
    expect(clock.referencedCount).toBe(1);
    await clock.advance(1);
    await degradation.loaded;

    expect(clock.pendingCount).toBeGreaterThan(0);
    expect(clock.referencedCount).toBe(0);
  });

  it('(3) keeps no process alive once it has loaded, or is closed', async () => {
    const { degradation, clock } = setUp();
    await degradation.loaded;
    await settle();
    expect(clock.referencedCount).toBe(0);

    const hanging = setUp({ load: never });
    expect(hanging.clock.referencedCount).toBe(1);
    hanging.degradation.close();
    expect(hanging.clock.referencedCount).toBe(0);
  });

  it.each([
    ['hangs', { load: never, save: never }],
    ['fails', { load: rejects, save: rejects }],
  ])('(4) leaves no timer after close while the store %s, and takes nothing any more', async (_how, broken) => {
    const { degradation, clock, memory } = setUp(broken);
    degradation.set('reco', 'off', change);
    await settle();

    degradation.close();
    degradation.close();
    await memory.save({ ...firstRecord(), feature: 'pay' });

    expect(clock.pendingCount).toBe(0);
    expect(degradation.mode('pay')).toBe('full');
    await degradation.loaded;
  });

  it('welcomes an answer that comes late', async () => {
    let answer: (records: readonly FeatureRecord[]) => void = () => {};
    const { degradation, clock } = setUp({ load: () => new Promise((resolve) => (answer = resolve)) });
    await clock.advance(500);
    await degradation.loaded;
    expect(degradation.storeStatus().state).toBe('stale');

    answer([firstRecord()]);
    await settle();

    expect(degradation.mode('reco')).toBe('off');
    expect(degradation.storeStatus().state).toBe('live');
  });

  it('(5) is loaded after 500 ms, also when the store may take longer', async () => {
    const clock = virtualClock();
    const store = { load: never, save: never, listen: () => () => {} };
    const degradation = createDegradation({ features, store, clock, storeTimeoutMs: 60_000 });
    let isLoaded = false;
    void degradation.loaded.then(() => (isLoaded = true));

    await clock.advance(499);
    expect(isLoaded).toBe(false);
    await clock.advance(1);

    expect(isLoaded).toBe(true);
    expect(degradation.storeStatus().state).toBe('connecting');
  });

  it('tells connecting from failed', async () => {
    const { degradation, clock } = setUp({ load: never });
    expect(degradation.storeStatus().state).toBe('connecting');

    await clock.advance(499);
    expect(degradation.storeStatus().state).toBe('connecting');
    await clock.advance(1);

    expect(degradation.storeStatus().state).toBe('stale');
  });

  it('survives a store that always answers with an old record', async () => {
    const { degradation } = setUp({ save: (given) => Promise.resolve({ ...given, revision: 1, origin: '' }) });
    degradation.set('reco', 'cached', change);
    degradation.set('reco', 'off', change);
    await settle();

    expect(degradation.mode('reco')).toBe('off');
  });

  it('tells whoever passes on an old record of the later one', async () => {
    let tell: (record: FeatureRecord) => void = () => {};
    const saved: number[] = [];
    const { degradation } = setUp({
      listen: (listener) => {
        tell = listener;
        return () => {};
      },
      save: (given) => {
        saved.push(given.revision);
        return Promise.resolve(given);
      },
    });
    degradation.set('reco', 'cached', change);
    degradation.set('reco', 'off', change);
    await settle();

    tell(firstRecord());
    await settle();

    expect(saved).toEqual([1, 2, 2]);
  });
});

/** A store that tells how it is when a test says so, and what it was asked to save. */
function setUpWatched(broken: Partial<FeatureStore> = {}) {
  const parts: { watch?: StoreWatch } = {};
  const saved: FeatureRecord[] = [];
  const changes: unknown[] = [];
  const made = setUp({
    listen: (_listener, watch) => {
      parts.watch = watch!;
      return () => {};
    },
    save: (record, told) => {
      saved.push(record);
      changes.push(told);
      return Promise.resolve(record);
    },
    ...broken,
  });
  return { ...made, saved, changes, watch: parts.watch! };
}

describe('StoreLink of a store that tells how it is', () => {
  it('is stale while the store is away, whatever is answered late, and live when it is back', async () => {
    const { degradation, watch, recorder } = setUpWatched();
    await degradation.loaded;

    watch.away(new Error('gone'));
    expect(degradation.storeStatus()).toEqual({ state: 'stale', failureCount: 1, pendingCount: 0 });
    expect(recorder.events).toMatchObject([{ type: 'feature.store-failed', operation: 'listen' }]);
    degradation.set('reco', 'off', change);
    await settle();
    expect(degradation.storeStatus()).toMatchObject({ state: 'stale', pendingCount: 0 });

    watch.whole([firstRecord()]);
    await settle();
    expect(degradation.storeStatus()).toMatchObject({ state: 'live' });
  });

  it('(3) waits for no timer while the store is away and nothing is owed', async () => {
    const { degradation, clock, watch } = setUpWatched();
    await degradation.loaded;

    watch.away(new Error('gone'));

    expect(clock.pendingCount).toBe(0);
  });

  it('(2) offers at once what is owed, and what the store has lost, when it is back', async () => {
    const { degradation, watch, saved, faults } = setUpWatched();
    degradation.set('reco', 'off', change);
    await settle();
    const take = faults.save!;
    faults.save = rejects;
    degradation.set('pay', 'deferred', change);
    await settle();
    faults.save = take;

    watch.whole([]);
    await settle();

    expect(saved.map(({ feature }) => feature)).toEqual(['reco', 'reco', 'pay']);
    expect(degradation.storeStatus()).toMatchObject({ state: 'live', pendingCount: 0 });
  });

  it('(2) owes nothing any more where the store tells of the change, though it has not answered', async () => {
    const { degradation, watch, clock } = setUpWatched({ save: never });
    await degradation.loaded;
    degradation.set('reco', 'off', change);
    degradation.set('pay', 'deferred', change);
    await clock.advance(500);
    expect(degradation.storeStatus()).toMatchObject({ state: 'stale', pendingCount: 2 });

    watch.whole([firstRecord(), { ...firstRecord(), feature: 'pay', origin: 'zz' }]);

    expect(degradation.storeStatus()).toMatchObject({ state: 'stale', pendingCount: 1 });
  });

  it('is loaded by what a store has when it comes back, where the first load failed', async () => {
    const { degradation, watch } = setUpWatched({ load: rejects });
    await degradation.loaded;
    expect(degradation.mode('reco')).toBe('full');

    watch.whole([firstRecord()]);

    expect(degradation.mode('reco')).toBe('off');
    expect(degradation.storeStatus()).toMatchObject({ state: 'live' });
  });

  it('(1) takes no harm from what is no list, and nothing after close', async () => {
    const { degradation, watch, recorder } = setUpWatched();
    await degradation.loaded;

    watch.whole(undefined as never);
    degradation.close();
    watch.whole([firstRecord()]);
    watch.away(new Error('gone'));

    expect(recorder.types).toEqual(['feature.store-failed']);
    expect(degradation.mode('reco')).toBe('full');
  });

  it('tells what a record did: as it was told here, or as the record says where nothing changed here', async () => {
    const { degradation, changes } = setUpWatched();

    degradation.set('reco', 'off', change);
    degradation.restore('reco', back);
    degradation.set('pay', 'deferred', { ...change, scope: { region: 'elsewhere' } });
    await settle();

    const { actor, reason } = change;
    const expiresAt = '1970-01-01T00:01:00.000Z';
    expect(changes).toMatchObject([
      { feature: 'reco', from: 'full', to: 'off', actor, reason, revision: 1, cause: 'set', expiresAt },
      { feature: 'reco', from: 'off', to: 'full', actor: 'bob', revision: 2, cause: 'restored', expiresAt: undefined },
      { feature: 'pay', from: 'full', to: 'full', actor, reason, revision: 1, cause: 'set', expiresAt },
    ]);
  });
});

function firstRecord(): FeatureRecord {
  return featureRecord(1, {}, { origin: '' });
}
