import { describe, expect, it } from 'vitest';

import { virtualClock } from '@holdfast/core/testing';

import { defineFeatures } from './catalogue.ts';
import { FeatureCell } from './feature-cell.ts';
import { OwnChanges } from './own-changes.ts';
import { RecordIntake } from './record-intake.ts';
import { ServiceLevel } from './service-level.ts';
import { featureRecord } from './testing/records.ts';

const { reco } = defineFeatures({ reco: { modes: ['full', 'cached', 'off'] } });

function setUp() {
  const cell = new FeatureCell('reco', reco, {
    clock: virtualClock(),
    random: () => 0.5,
    wallClock: () => 0,
    place: { region: undefined, instance: undefined },
    level: new ServiceLevel(),
    mayRestore: () => true,
    onChange: () => {},
  });
  const lost: string[] = [];
  const own = new OwnChanges('a', ({ actor }, kept) => lost.push(`${actor} by ${kept.actor}`));
  let takenCount = 0;
  const intake = new RecordIntake({ cells: new Map([['reco', cell]]), own, onTaken: () => takenCount++ });
  return { cell, intake, own, lost, takenCount: () => takenCount };
}

const theirs = (revision: number) => featureRecord(revision, {}, { origin: 'b', actor: 'bob' });

describe('RecordIntake', () => {
  it.each([[null], [5], [{}], [{ ...theirs(1), revision: 0 }]])('(1) takes nothing that is no record: %j', (given) => {
    const { cell, intake, takenCount } = setUp();

    expect(() => intake.fromStore(given as never)).toThrow(TypeError);
    expect([cell.mode, takenCount()]).toEqual(['full', 0]);
  });

  it('(1) finds what a store lacks, whatever else it loads', () => {
    const { cell, intake } = setUp();
    expect(intake.lackingIn([null])).toEqual([]);
    cell.replace(theirs(2));

    expect(intake.lackingIn([null, undefined, 5, theirs(1)])).toEqual(['reco']);
    expect(intake.lackingIn([null, theirs(2)])).toEqual([]);
  });

  it('says whether a later record is known here, and leaves features of other versions alone', () => {
    const { cell, intake, takenCount } = setUp();

    expect(intake.fromStore(theirs(2))).toBe(false);
    expect([intake.fromStore(theirs(1)), intake.fromStore(theirs(2))]).toEqual([true, false]);
    expect(intake.fromStore({ ...theirs(3), feature: 'other' })).toBe(false);
    intake.fromSnapshot({ ...theirs(3), feature: 'other' });
    expect([cell.revision, takenCount()]).toEqual([2, 1]);
  });

  it.each(['fromStore', 'fromSnapshot'] as const)('(2) tells a change that is lost: %s', (way) => {
    const { cell, intake, own, lost } = setUp();
    const mine = featureRecord(1, {}, { origin: 'a' });
    own.made(mine);
    cell.replace(mine);

    intake[way](theirs(3));

    expect([cell.revision, lost]).toEqual([3, ['alice by bob']]);
  });
});
