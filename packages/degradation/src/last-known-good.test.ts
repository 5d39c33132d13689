import { describe, expect, it } from 'vitest';

import { createEvents } from '@holdfast/core';
import { recordEvents, settle, virtualClock } from '@holdfast/core/testing';

import { defineFeatures } from './catalogue.ts';
import { createDegradation } from './degradation.ts';
import { FeatureError } from './feature-error.ts';
import type { FeatureStoreFailedEvent } from './feature-events.ts';
import { type FeatureStore, memoryStore } from './feature-store.ts';
import { openRecords, sealRecords } from './last-known-good.ts';
import { checksum, signature } from './sha256.ts';
import { featureRecord } from './testing/records.ts';

const seal = signature('a secret of the fleet');
const rules = { seal, maxAgeMs: 86_400_000 };
const sealed = sealRecords([featureRecord(3)], 10_000, seal);
const features = defineFeatures({ reco: { modes: ['full', 'cached', 'off'] } });
const change = { actor: 'alice', reason: 'INC-1', expiresInMs: 60_000 };

/** A process that finds `kept`, with a store that is away unless another is given. */
function start(
  kept: () => Promise<string | undefined>,
  more: { store?: FeatureStore; save?: () => Promise<void> } = {},
) {
  const clock = virtualClock();
  const events = createEvents();
  const recorder = recordEvents(events);
  const saved: string[] = [];
  const save = more.save ?? ((text: string) => Promise.resolve(void saved.push(text)));
  const away = { load: () => new Promise<never>(() => {}), save: () => new Promise<never>(() => {}) };
  const store: FeatureStore = more.store ?? { ...away, listen: () => () => {} };
  const lastKnownGood = { load: kept, save };
  const ports = { clock, events, wallClock: () => 10_000 + clock.now() };
  const degradation = createDegradation({ features, store, lastKnownGood, seal, ...ports });
  const refusals = () =>
    recorder.events.filter(({ type }) => type === 'feature.store-failed') as FeatureStoreFailedEvent[];
  return { clock, degradation, recorder, saved, refusals };
}

describe('openRecords', () => {
  it('(2) gives back what was sealed, less what has passed', () => {
    expect(openRecords(sealed, 10_400, rules)).toEqual([featureRecord(3, { remainingMs: 600 })]);
    expect(openRecords(sealed, 9000, rules)).toEqual([featureRecord(3)]);
    expect(openRecords(sealed, 99_000, rules)[0]?.overrides[0]?.remainingMs).toBe(-88_000);
  });

  it.each([
    ['a changed byte', 'seal', sealed.replace('"off"', '"oof"')],
    ['a missing end', 'seal', sealed.slice(0, -1)],
    ['no seal', 'seal', sealed.slice(sealed.indexOf('\n') + 1)],
    ['a seal of nobody', 'seal', `\n${sealed.slice(sealed.indexOf('\n') + 1)}`],
    ['another seal', 'seal', sealRecords([featureRecord(3)], 10_000, checksum)],
    ['nothing', 'seal', ''],
    ['another form', 'form', `${seal.seal('{"version":2}')}\n{"version":2}`],
    ['records that are none', 'form', sealRecords([{} as never], 0, seal)],
    ['no object', 'form', `${seal.seal('null')}\nnull`],
    ['no JSON', 'form', `${seal.seal('x')}\nx`],
  ])('(1) refuses %s, by its %s', (_what, field, text) => {
    const refused = expect.objectContaining({ name: 'FeatureError', code: 'SNAPSHOT_REFUSED', field });
    expect(() => openRecords(text, 10_000, rules)).toThrow(refused);
  });

  it('(1) refuses what is too old, on both sides of the moment', () => {
    const old = { ...rules, maxAgeMs: 500 };

    expect(openRecords(sealed, 10_500, old)).toHaveLength(1);
    expect(() => openRecords(sealed, 10_501, old)).toThrow('it is 501 ms old, more than 500');
  });
});

describe('LastKnownGood', () => {
  it('has what was kept in force before the store is asked, and waits for neither with a read', async () => {
    const { degradation, clock, refusals } = start(() => Promise.resolve(sealed));
    expect(degradation.mode('reco')).toBe('full');

    await settle();
    expect(degradation.status('reco')).toMatchObject({ mode: 'off', revision: 3 });
    await clock.advance(499);
    expect(refusals()).toEqual([]);
  });

  it.each([
    ['is damaged', () => Promise.resolve(sealed.slice(0, -2))],
    ['cannot be read', () => Promise.reject(Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' }))],
    [
      'throws',
      () => {
        throw new Error('no disk');
      },
    ],
  ])('(1) starts from the coded defaults, and tells so, when it %s', async (_what, load) => {
    const { degradation, refusals } = start(load);
    await settle();

    expect(degradation.status('reco')).toMatchObject({ mode: 'full', revision: 0, overrides: [] });
    expect(refusals()).toMatchObject([{ name: 'store', operation: 'load-last-known-good' }]);
    expect(refusals()[0]?.error).toBeInstanceOf(Error);
    expect(degradation.audit()).toEqual([]);
  });

  it('(3) goes on to the store when it hangs, and starts within 500 ms whatever both do', async () => {
    let answer: (text: string) => void = () => {};
    const hanging = () => new Promise<string>((resolve) => (answer = resolve));
    const clock = virtualClock();
    const store = memoryStore({ clock });
    await store.save(featureRecord(9, { mode: 'cached' }));
    const one = start(hanging, { store });
    await one.clock.advance(200);
    expect(one.degradation.mode('reco')).toBe('cached');
    answer(sealed); // of revision 3: too late, and too old
    await settle();
    expect(one.degradation.status('reco')).toMatchObject({ mode: 'cached', revision: 9 });

    const other = start(hanging);
    let isStarted = false;
    void other.degradation.loaded.then(() => (isStarted = true));
    await other.clock.advance(500);
    expect(isStarted).toBe(true);
    answer(sealed); // late, and all that is known
    await settle();
    expect(other.degradation.mode('reco')).toBe('off');
  });

  it('keeps what changed once things are quiet, and not once per change', async () => {
    const { degradation, clock, saved } = start(() => Promise.resolve(undefined));
    for (const mode of ['cached', 'off', 'cached'] as const) degradation.set('reco', mode, change);
    await clock.advance(99);
    expect(saved).toEqual([]);

    await clock.advance(1);

    expect(saved.map((text) => openRecords(text, 10_100, rules)[0]?.revision)).toEqual([3]);
  });

  it('keeps what it still owes when it is closed, leaves no timer, and takes nothing in any more', async () => {
    let answer: (text: string) => void = () => {};
    const { degradation, clock, saved } = start(() => new Promise((resolve) => (answer = resolve)));
    degradation.set('reco', 'cached', change);

    degradation.close();
    answer(sealed);
    await settle();

    expect(clock.pendingCount).toBe(0);
    expect(openRecords(saved[0] ?? '', 10_000, rules)).toMatchObject([{ revision: 1 }]);
    expect(degradation.mode('reco')).toBe('cached');
  });

  it('tells of a save that fails, and changes modes all the same', async () => {
    const { degradation, clock, refusals } = start(() => Promise.resolve(undefined), {
      save: () => Promise.reject(new Error('EROFS: read-only file system')),
    });

    expect(degradation.set('reco', 'off', change).mode).toBe('off');
    await clock.advance(100);

    expect(refusals()).toMatchObject([{ operation: 'save-last-known-good', error: { message: /EROFS/ } }]);
    expect(refusals()[0]?.error).not.toBeInstanceOf(FeatureError);
  });
});
