import { describe, expect, it } from 'vitest';

import { ConfigError } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';

import { type AuditedChange, findTampering } from './audit-trail.ts';
import type { FeatureRecord } from './feature-record.ts';
import { memoryStore } from './feature-store.ts';
import { featureRecord } from './testing/records.ts';

const record = (revision: number, more: Partial<FeatureRecord> = {}, remainingMs = 1000): FeatureRecord =>
  featureRecord(revision, { remainingMs }, more);

describe('memoryStore', () => {
  it('(1) keeps the record that supersedes the others, and says which', async () => {
    const store = memoryStore({ clock: virtualClock() });

    await store.save(record(2));

    expect(await store.save(record(1))).toEqual(record(2));
    expect(await store.save(record(2, { origin: 'b' }))).toEqual(record(2, { origin: 'b' }));
    expect(await store.load()).toEqual([record(2, { origin: 'b' })]);
  });

  it('(2) counts what remains from when a record is handed over', async () => {
    const clock = virtualClock();
    const store = memoryStore({ clock });
    await store.save(record(1));

    await clock.advance(400);

    expect(await store.load()).toEqual([record(1, {}, 600)]);
    expect(await store.save(record(1))).toEqual(record(1, {}, 600));
  });

  it('tells listeners what it keeps, and nothing else, until they end', async () => {
    const store = memoryStore({ clock: virtualClock() });
    const heard: number[] = [];
    const stop = store.listen(({ revision }) => heard.push(revision));

    await store.save(record(1));
    await store.save(record(1));
    await store.save(record(3));
    stop();
    await store.save(record(4));

    expect(heard).toEqual([1, 3]);
  });

  it('keeps a trail of the changes that it kept', async () => {
    const store = memoryStore({ clock: virtualClock() });
    const change = {
      at: '',
      from: 'full',
      to: 'off',
      actor: 'alice',
      reason: 'why',
      cause: 'set',
      expiresAt: undefined,
    };
    const told = (revision: number) => ({ ...change, feature: 'reco', revision }) as AuditedChange;

    await store.save(record(2), told(2));
    await store.save(record(1), told(1));
    await store.save(record(3), told(3));
    await store.save(record(4));

    const entries = await store.audit();
    expect(entries.map(({ revision }) => revision)).toEqual([2, 3]);
    expect(findTampering(entries)).toBeUndefined();
  });

  it('needs a clock that is one', () => {
    expect(() => memoryStore({ clock: 5 as never })).toThrow(ConfigError);
  });
});
