/**
 * Feature store conformance: what every store of features must do, as data that any test runner can run.
 *
 * A subject makes the stores of several processes over one place, and lets time pass: virtual time for a store in memory, real
 * time for a server.
 *
 * @module
 */

import { isDeepStrictEqual } from 'node:util';

import { type AuditEntry, type AuditedChange, findTampering } from '../audit-trail.ts';
import { type FeatureRecord, isFeatureRecord } from '../feature-record.ts';
import type { FeatureStore } from '../feature-store.ts';
import { featureRecord } from './records.ts';

/** What the suite is run on. */
export interface FeatureStoreSubject {
  /** Makes the stores of `count` processes over one place, which is empty and nobody else's. */
  stores(count: number): Promise<readonly ConformingStore[]>;
  /** Lets time pass. */
  pass(ms: number): Promise<void>;
  /** Waits until that is so. Rejects when it is not within `limitMs`. */
  until(condition: () => boolean, limitMs: number): Promise<void>;
}

/** A store, which may have a trail. */
export interface ConformingStore extends FeatureStore {
  audit?(): Promise<readonly AuditEntry[]>;
}

/** One case of the suite. */
export interface FeatureStoreCase {
  readonly name: string;
  run(subject: FeatureStoreSubject): Promise<void>;
}

/** What every store of features must do. */
export const featureStoreConformance: readonly FeatureStoreCase[] = Object.freeze([
  {
    name: 'has nothing at first',
    run: async (subject) => {
      const [store] = await storesOf(subject, 1);
      requireEqual(await store.load(), []);
    },
  },
  {
    name: 'gives back what was saved, whatever characters it is made of, as a record',
    run: async (subject) => {
      const [one, other] = await storesOf(subject, 2);
      const record = strange('a{b} c%20/é\u{1f600}');
      await one.save(record);
      const loaded = await other.load();
      requireThat(loaded.every(isFeatureRecord), 'what is loaded is no record');
      requireEqual(loaded.map(timeless), [timeless(record)]);
    },
  },
  {
    name: 'keeps the records of features apart',
    run: async (subject) => {
      const [store] = await storesOf(subject, 1);
      for (const feature of ['a', 'b', 'A', 'a ']) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await store.save(strange(feature));
      }
      requireEqual((await store.load()).map(({ feature }) => feature).toSorted(), ['A', 'a', 'a ', 'b']);
    },
  },
  {
    name: 'keeps a record that supersedes, and tells which one stands',
    run: async (subject) => {
      const [one, other] = await storesOf(subject, 2);
      await one.save(featureRecord(2));
      requireEqual(orderOf(await other.save(featureRecord(1))), [2, 'a']);
      requireEqual(orderOf(await other.save(featureRecord(2))), [2, 'a']);
      requireEqual(orderOf(await other.save(featureRecord(2, {}, { origin: 'b' }))), [2, 'b']);
      requireEqual(orderOf(await one.save(featureRecord(2, {}, { origin: 'aa' }))), [2, 'b']);
      requireEqual(orderOf(await one.save(featureRecord(10, {}, { origin: '' }))), [10, '']);
      requireEqual((await one.load()).map(orderOf), [[10, '']]);
    },
  },
  {
    name: 'agrees on one of many records that are saved at once',
    run: async (subject) => {
      const stores = await storesOf(subject, 4);
      const origins = ['c', 'a', 'd', 'b'];
      const saved = await Promise.all(
        stores.map((store, index) => store.save(featureRecord(1, {}, { origin: origins[index] as string }))),
      );
      const isBetter = saved.every(({ origin }, index) => origin >= (origins[index] as string));
      requireThat(isBetter, `saves were answered with ${JSON.stringify(saved.map(orderOf))}`);
      for (const all of await Promise.all(stores.map((store) => store.load())))
        requireEqual(all.map(orderOf), [[1, 'd']]);
    },
  },
  {
    name: 'counts what remains from when a record is handed over, also below nothing',
    run: async (subject) => {
      const [one, other] = await storesOf(subject, 2);
      await one.save(featureRecord(1, { remainingMs: 150 }));
      await subject.pass(400);
      const [loaded] = await other.load();
      const kept = await other.save(featureRecord(1, { remainingMs: 150 }));
      for (const record of [loaded, kept]) {
        const remainingMs = record?.overrides[0]?.remainingMs ?? Number.NaN;
        requireThat(remainingMs <= -200 && remainingMs > -10_000, `after 400 of 150 ms there remain ${remainingMs}`);
      }
    },
  },
  {
    name: 'tells all who listen what any of them saves, and nothing after the end',
    run: async (subject) => {
      const [one, other] = await storesOf(subject, 2);
      const heard: number[][] = [[], []];
      const ends = [one, other].map((store, index) => store.listen(({ revision }) => heard[index]?.push(revision)));
      const hasHeard = (revision: number) => (): boolean => heard.every((all) => all.includes(revision));
      await Promise.all([one.load(), other.load()]);
      await subject.pass(300); // until it is heard
      await one.save(featureRecord(1));
      await subject.until(hasHeard(1), 5000);
      await other.save(featureRecord(2));
      await subject.until(hasHeard(2), 5000);
      ends[1]?.();
      ends[1]?.();
      await one.save(featureRecord(3));
      await subject.until(() => heard[0]?.includes(3) === true, 5000);
      requireThat(heard[1]?.includes(3) === false, 'who had ended was told');
      ends[0]?.();
    },
  },
  {
    name: 'has, where it has a trail, an entry of each change that it kept, in a chain',
    run: async (subject) => {
      const [one, other] = await storesOf(subject, 2);
      if (one.audit === undefined) return;
      await one.save(featureRecord(1), changeOf(1, 'alice', 'say "\u00e9"\\'));
      await other.save(featureRecord(2), changeOf(2, 'bob', 'over'));
      await one.save(featureRecord(1), changeOf(1, 'nobody', 'too late'));
      await one.save(featureRecord(3), changeOf(3, 'alice', 'again'));
      const entries = await one.audit();
      requireEqual(
        entries.map(({ actor, revision }) => [actor, revision]),
        [
          ['alice', 1],
          ['bob', 2],
          ['alice', 3],
        ],
      );
      requireThat(findTampering(entries) === undefined, 'the chain is broken');
      requireThat(
        entries[0]?.previousHash === '' && entries[0].reason === 'say "\u00e9"\\',
        'the first entry is another',
      );
      requireThat(findTampering([entries[0], entries[2]!]) === 1, 'a missing entry is not noticed');
    },
  },
]);

// --- internal ---

async function storesOf(subject: FeatureStoreSubject, count: 1): Promise<readonly [ConformingStore]>;
async function storesOf(
  subject: FeatureStoreSubject,
  count: number,
): Promise<readonly [ConformingStore, ConformingStore, ...ConformingStore[]]>;
async function storesOf(subject: FeatureStoreSubject, count: number): Promise<readonly ConformingStore[]> {
  return subject.stores(count);
}

function requireThat(isSo: boolean, otherwise: string): asserts isSo {
  if (!isSo) throw new Error(otherwise);
}

function requireEqual(is: unknown, shouldBe: unknown): void {
  requireThat(isDeepStrictEqual(is, shouldBe), `${JSON.stringify(is)} is not ${JSON.stringify(shouldBe)}`);
}

function orderOf({ revision, origin }: FeatureRecord): readonly [number, string] {
  return [revision, origin];
}

/** A record as it is whenever it is looked at. */
function timeless(record: FeatureRecord): unknown {
  const overrides = record.overrides.map((one) => ({ ...one, remainingMs: 0 }));
  return JSON.parse(JSON.stringify({ ...record, overrides }));
}

function strange(feature: string): FeatureRecord {
  const match = [{ attribute: 'tier "x"', in: ['free', 1, true] }] as const;
  const restore = { shareRatios: [0.5, 0.1], stepMs: 1000 };
  const more = { feature, origin: 'o p\u00e9', actor: 'a\u{1f600}', reason: '%s \\ "q"', changedAtMs: 1.5 };
  return featureRecord(2 ** 52, { match, restore, scope: { region: 'eu 1' }, remainingMs: 86_400_000 }, more);
}

function changeOf(revision: number, actor: string, reason: string): AuditedChange {
  const at = '2026-01-02T03:04:05.678Z';
  return { at, feature: 'reco', from: 'full', to: 'off', actor, reason, revision, cause: 'set', expiresAt: undefined };
}
