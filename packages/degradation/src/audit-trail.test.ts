import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { onHookError } from '@holdfast/core';

import { AuditTrail, type AuditedChange, findTampering } from './audit-trail.ts';
import { sha256 } from './sha256.ts';

const entry = (revision: number): AuditedChange => ({
  at: '1970-01-01T00:00:00.000Z',
  feature: 'reco',
  from: 'full',
  to: 'off',
  actor: 'alice',
  reason: 'why',
  revision,
  cause: 'set',
  expiresAt: undefined,
});

describe('AuditTrail', () => {
  it('(1) holds the last entries, oldest first', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 100 }), (maxEntries, count) => {
        const trail = new AuditTrail(maxEntries);
        const all = Array.from({ length: count }, (_, revision) => entry(revision));

        for (const one of all) trail.add(one);

        expect(trail.list()).toMatchObject(all.slice(-maxEntries));
        expect(findTampering(trail.list())).toBeUndefined();
      }),
    );
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no entropy');
      },
    ],
    ['returns a number', () => 5],
    ['returns nothing', () => undefined],
    ['returns a promise', () => Promise.resolve('abc')],
    ['rejects', () => Promise.reject(new Error('later'))],
  ])('(3) keeps a change whose hash cannot be had, and reports the hash function that %s', (_what, broken) => {
    const reported: string[] = [];
    const before = onHookError(({ hook, policy }) => reported.push(`${hook} of ${policy}`));
    let isBroken = false;
    const trail = new AuditTrail(10, (text) => (isBroken ? (broken() as string) : sha256(text)));

    trail.add(entry(1));
    isBroken = true;
    trail.add(entry(2));
    isBroken = false;
    trail.add(entry(3));
    onHookError(before);

    expect(trail.list().map(({ revision }) => revision)).toEqual([1, 2, 3]);
    expect(reported).toEqual(['hash of reco']);
    expect(findTampering(trail.list())).toBe(1);
    expect(findTampering(trail.list().slice(2))).toBeUndefined();
  });

  it('hands out a copy', () => {
    const trail = new AuditTrail(2);
    trail.add(entry(1));
    const before = trail.list();

    trail.add(entry(2));

    expect(before).toHaveLength(1);
  });

  it('(2) shows what was changed, dropped, inserted or moved', () => {
    const trail = new AuditTrail(10);
    for (let revision = 0; revision < 5; revision++) trail.add(entry(revision));
    const all = trail.list();
    const other = new AuditTrail(10);
    other.add(entry(9));

    expect(findTampering(all)).toBeUndefined();
    expect(findTampering(all.slice(2))).toBeUndefined();
    expect(findTampering(all.with(2, { ...all[2]!, reason: 'another' }))).toBe(2);
    expect(findTampering(all.with(2, { ...all[2]!, expiresAt: 'never' }))).toBe(2);
    expect(findTampering(all.toSpliced(2, 1))).toBe(2);
    expect(findTampering(all.toSpliced(2, 0, other.list()[0]!))).toBe(2);
    expect(findTampering([all[0]!, all[2]!, all[1]!])).toBe(1);
  });

  it('takes any hash', () => {
    const hash = (text: string): string => String(text.length);
    const trail = new AuditTrail(2, hash);
    trail.add(entry(1));

    expect(findTampering(trail.list(), hash)).toBeUndefined();
    expect(findTampering(trail.list())).toBe(0);
  });
});
