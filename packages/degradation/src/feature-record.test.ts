import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type FeatureRecord, isFeatureRecord, supersedes } from './feature-record.ts';

const order = fc.record({ revision: fc.integer({ min: 1, max: 4 }), origin: fc.constantFrom('', 'a', 'b', 'c') });

const valid: FeatureRecord = {
  feature: 'reco',
  revision: 1,
  origin: 'a',
  mode: 'off',
  remainingMs: 10,
  actor: 'alice',
  reason: 'why',
  changedAtMs: 0,
};

describe('supersedes', () => {
  it('(1) chooses exactly one of two different records, and never the same one over itself', () => {
    fc.assert(
      fc.property(order, order, (a, b) => {
        const isSame = a.revision === b.revision && a.origin === b.origin;

        expect(Number(supersedes(a, b)) + Number(supersedes(b, a))).toBe(isSame ? 0 : 1);
      }),
    );
  });

  it('(2) prefers the higher revision', () => {
    expect(supersedes({ revision: 2, origin: '' }, { revision: 1, origin: 'z' })).toBe(true);
  });

  it('is transitive', () => {
    fc.assert(
      fc.property(order, order, order, (a, b, c) => {
        fc.pre(supersedes(a, b) && supersedes(b, c));

        expect(supersedes(a, c)).toBe(true);
      }),
    );
  });

  it('prefers a change to an expiry of the same revision', () => {
    expect(supersedes({ revision: 1, origin: 'a' }, { revision: 1, origin: '' })).toBe(true);
  });
});

describe('isFeatureRecord', () => {
  it('knows a record, also after JSON', () => {
    const restored = { ...valid, mode: undefined, remainingMs: 0 };

    expect(isFeatureRecord(valid)).toBe(true);
    expect(isFeatureRecord(JSON.parse(JSON.stringify(restored)))).toBe(true);
  });

  it.each<[unknown]>([
    [undefined],
    [null],
    ['reco'],
    [[]],
    ...Object.entries<unknown[]>({
      feature: [undefined, 1],
      revision: [0, 1.5, Infinity, '1', 2 ** 53],
      origin: [undefined, null],
      mode: [null, 1],
      remainingMs: [undefined, Number.NaN, Infinity, 86_400_001],
      actor: ['', ' ', 'a\nb', 1],
      reason: ['', 'x'.repeat(1001)],
      changedAtMs: [undefined, Number.NaN, Infinity, 8.64e15 + 1],
    }).flatMap(([field, values]) => values.map((value) => [{ ...valid, [field]: value }] as [unknown])),
  ])('refuses %j', (value) => {
    expect(isFeatureRecord(value)).toBe(false);
  });
});
