import { describe, expect, it } from 'vitest';

import { settle } from '@holdfast/core/testing';

import { SnapshotWriter, openRecords, sealRecords } from './last-known-good.ts';
import { checksum, signature } from './sha256.ts';
import { featureRecord } from './testing/records.ts';

const seal = signature('a secret of the fleet');
const sealed = sealRecords([featureRecord(3)], 10_000, seal);

describe('openRecords', () => {
  it('(2) gives back what was sealed, less what has passed', () => {
    expect(openRecords(sealed, 10_400, seal)).toEqual([featureRecord(3, { remainingMs: 600 })]);
    expect(openRecords(sealed, 9000, seal)).toEqual([featureRecord(3)]);
    expect(openRecords(sealed, 99_000, seal)[0]?.overrides[0]?.remainingMs).toBe(-88_000);
  });

  it.each([
    ['a changed byte', sealed.replace('"off"', '"oof"')],
    ['a missing end', sealed.slice(0, -1)],
    ['no seal', sealed.slice(sealed.indexOf('\n') + 1)],
    ['another seal', sealRecords([featureRecord(3)], 10_000, checksum)],
    ['nothing', ''],
    ['another form', `${seal.seal('{"version":2}')}\n{"version":2}`],
    ['records that are none', sealRecords([{} as never], 0, seal)],
    ['no JSON', `${seal.seal('x')}\nx`],
  ])('(1) refuses %s', (_what, text) => {
    expect(() => openRecords(text, 10_000, seal)).toThrow(/snapshot of features|JSON/);
  });
});

describe('SnapshotWriter', () => {
  it('(3) writes one after the other, the newest last, and tells of failures', async () => {
    const saved: string[] = [];
    const failures: unknown[] = [];
    let finish: () => void = () => {};
    const port = {
      load: () => Promise.resolve(undefined),
      save: (text: string) => {
        saved.push(text);
        if (text === 'c') return Promise.reject(new Error('disk'));
        return new Promise<void>((resolve) => (finish = resolve));
      },
    };
    const writer = new SnapshotWriter(port, (error) => failures.push(error));

    for (const text of ['a', 'b', 'c']) writer.write(() => text);
    expect(saved).toEqual(['a']);
    finish();
    await settle();

    expect(saved).toEqual(['a', 'c']);
    expect(failures).toHaveLength(1);
  });
});
