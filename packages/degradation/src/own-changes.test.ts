import { describe, expect, it } from 'vitest';

import type { FeatureRecord } from './feature-record.ts';
import { OwnChanges } from './own-changes.ts';
import { featureRecord, overrideRecord } from './testing/records.ts';

function setUp() {
  const told: (readonly [number, number])[] = [];
  const own = new OwnChanges('a', (lost, kept) => told.push([lost.revision, kept.revision]));
  return { own, told };
}

/** A record of this process, made by alice; of another one, made by bob. */
const mine = (revision: number): FeatureRecord => featureRecord(revision, {}, { origin: 'a' });
const theirs = (revision: number): FeatureRecord => featureRecord(revision, { actor: 'bob' }, { origin: 'b' });

describe('OwnChanges', () => {
  it('(1) tells each change that no store had, once, whatever the revision of what takes its place', () => {
    const { own, told } = setUp();
    own.made(mine(1));
    own.made(mine(2));

    own.replaced(mine(2), theirs(9), false);
    own.replaced(theirs(9), theirs(10), false);

    expect(told).toEqual([
      [1, 9],
      [2, 9],
    ]);
  });

  it('(1) tells nothing that a store had, nor what stands in the other record too', () => {
    const { own, told } = setUp();
    own.made(mine(1));
    own.made(mine(2));
    own.confirmed(theirs(2));
    own.confirmed(mine(1));
    own.replaced(mine(2), { ...theirs(3), overrides: [overrideRecord({ revision: 2 })] }, false);
    own.made(mine(4));
    own.confirmed(mine(4));
    own.replaced(mine(4), theirs(5), false);

    expect(told).toEqual([]);
  });

  it('(2) tells a change that a store had, where nobody can have seen it', () => {
    const { own, told } = setUp();
    own.made(mine(1));
    own.confirmed(mine(1));

    own.replaced(mine(1), theirs(1), false);
    own.replaced(mine(1), theirs(3), true);
    own.replaced(theirs(1), theirs(3), true);

    expect(told).toEqual([
      [1, 1],
      [1, 3],
    ]);
  });

  it('(3) remembers the last 32 changes of a feature', () => {
    const { own, told } = setUp();
    for (let revision = 1; revision <= 40; revision++) own.made(mine(revision));

    own.replaced(mine(40), theirs(50), false);

    expect(told.map(([lost]) => lost)).toEqual(Array.from({ length: 32 }, (_, index) => index + 9));
  });
});
