import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { aged, isFeatureRecord, supersedes } from './feature-record.ts';
import { featureRecord, overrideRecord } from './testing/records.ts';

const order = fc.record({ revision: fc.integer({ min: 1, max: 4 }), origin: fc.constantFrom('', 'a', 'b', 'c') });

const valid = featureRecord(1);

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

  it('(3) stays the record that it was while its overrides age', () => {
    const later = aged(valid, 5000);

    expect(later.overrides[0]?.remainingMs).toBe(-4000);
    expect(supersedes(later, valid) || supersedes(valid, later)).toBe(false);
  });
});

describe('isFeatureRecord', () => {
  it('knows a record, also after JSON', () => {
    const restored = featureRecord(2, 'none');

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
      overrides: [
        undefined,
        {},
        [null],
        Array.from({ length: 33 }, () => overrideRecord()),
        ...Object.entries<unknown[]>({
          mode: [null, 1],
          kind: ['atleast', undefined],
          source: ['anybody'],
          remainingMs: [undefined, Number.NaN, Infinity, 86_400_001],
          shareRatio: [0, 1.1, Number.NaN],
          match: [
            undefined,
            [{}],
            [{ attribute: 'a' }],
            [{ attribute: 'a', in: [{}] }],
            [{ attribute: 'a', below: '1' }],
          ],
          scope: [undefined, [], { zone: 'a' }, { region: 5 }],
          restore: [
            {},
            { shareRatios: [], stepMs: 1 },
            { shareRatios: [0.5, 0.6], stepMs: 1 },
            { shareRatios: [0.5], stepMs: 0 },
          ],
          betterModes: [undefined, [1]],
          actor: ['', 1],
          revision: [-1, 0.5],
          setAtMs: [Infinity],
        }).flatMap(([part, values]) => values.map((value) => [{ ...overrideRecord(), [part]: value }])),
      ],
      isAtOnce: [undefined, 1],
      atOnceIds: [null, 'a', [1], Array.from({ length: 33 }, () => 'a')],
      actor: ['', ' ', 'a\nb', 1],
      reason: ['', 'x'.repeat(1001)],
      changedAtMs: [undefined, Number.NaN, Infinity, 8.64e15 + 1],
    }).flatMap(([field, values]) => values.map((value) => [{ ...valid, [field]: value }] as [unknown])),
  ])('refuses %j', (value) => {
    expect(isFeatureRecord(value)).toBe(false);
  });
});
