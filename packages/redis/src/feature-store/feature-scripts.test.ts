import { describe, expect, it } from 'vitest';

import { featureKeys } from './feature-keys.ts';
import { readNotice, readSave, readSync, saveInput, syncInput } from './feature-scripts.ts';
import { sharedChange } from './testing/records.ts';

const keys = featureKeys({ prefix: 'rb', namespace: 'prod' });
const sent = {
  field: 'reco',
  revision: '7',
  origin: '0061',
  seal: 'abc',
  text: '{"a b":1}',
  madeRemainingMs: undefined,
};

describe('the scripts of features', () => {
  it('name all keys that they touch, and one channel', () => {
    expect(syncInput(keys, 's1')).toEqual({ keys: ['rb1:{prod/features}:m', 'rb1:{prod/features}:r'], args: ['s1'] });
    expect(
      saveInput(keys, {
        sent,
        change: sharedChange(7),
        publish: 'SPUBLISH',
        mark: 'm',
        maxAuditEntries: 9,
        sentMs: 5.5,
        unreadable: 'x y',
      }),
    ).toEqual({
      keys: ['rb1:{prod/features}:m', 'rb1:{prod/features}:r', 'rb1:{prod/features}:t'],
      args: [
        'rb1:{prod/features}:e',
        'SPUBLISH',
        'm',
        'reco',
        '7',
        '0061',
        'abc',
        '{"a b":1}',
        '"reco","full","off","alice","why",7,"set"',
        '1000',
        9,
        5.5,
        'x y',
        '',
      ],
    });
  });

  it('send no entry of nothing, and no end of what has none, or of which nobody knows when it was', () => {
    const argsOf = (change: Parameters<typeof saveInput>[1]['change'], madeRemainingMs?: number) => {
      const request = {
        change,
        publish: 'PUBLISH',
        mark: 'm',
        maxAuditEntries: 9,
        sentMs: undefined,
        unreadable: undefined,
      } as const;
      return saveInput(keys, { ...request, sent: { ...sent, madeRemainingMs } }).args.slice(8, 10);
    };

    expect(argsOf(undefined)).toEqual(['', '']);
    expect(argsOf(sharedChange(7, { expiresAt: undefined }))[1]).toBe('');
    expect(argsOf(sharedChange(7, { at: '' }))[1]).toBe('');
    expect(argsOf(sharedChange(7), 400)[1]).toBe('400'); // offered again
    expect(argsOf(sharedChange(7, { cause: 'restored' }), 400)[1]).toBe('1000');
  });

  it('send the parameters that a change has, after all else of its entry', () => {
    const request = {
      publish: 'PUBLISH',
      mark: 'm',
      maxAuditEntries: 9,
      sentMs: undefined,
      unreadable: undefined,
    } as const;
    const lastOf = (change: Parameters<typeof saveInput>[1]['change']) =>
      saveInput(keys, { ...request, sent, change }).args.at(-1);

    expect(lastOf(sharedChange(7, { params: { limit: 3, sort: 'b"est' } }))).toBe(',{"limit":3,"sort":"b\\"est"}');
    expect([lastOf(sharedChange(7)), lastOf(undefined)]).toEqual(['', '']);
  });

  it('read what the server says', () => {
    expect(readSync(['5', 's1'])).toEqual({ serverMs: 5, stamp: 's1', all: undefined });
    expect(readSync(['5', 's1', ['a', 'x', 'b', 'y']]).all).toEqual([
      { field: 'a', packed: 'x' },
      { field: 'b', packed: 'y' },
    ]);
    expect(readSave(['5', 's1', 's2', 'saved', 'p'])).toEqual({
      serverMs: 5,
      before: 's1',
      after: 's2',
      isSaved: true,
      packed: 'p',
    });
  });

  it.each([[null], ['OK'], [[]], [['soon', 's1']], [['5']], [['5', 's1', 'x']], [['5', 's1', [1, 2]]]])(
    'refuse a reply to a look that is none: %j',
    (reply) => {
      expect(() => readSync(reply)).toThrow('cannot be read');
    },
  );

  it.each([
    [null],
    [[]],
    [['5', 's1', 's2', 'later', 'p']],
    [['5', 's1', 's2', 'saved']],
    [['x', 's1', 's2', 'kept', 'p']],
  ])('refuse a reply to a save that is none: %j', (reply) => {
    expect(() => readSave(reply)).toThrow('cannot be read');
  });

  it('read notices of this major version', () => {
    expect(readNotice('1 s1 s2 reco 7 0061 5 seal {"a":\n1}')).toEqual({
      before: 's1',
      after: 's2',
      field: 'reco',
      packed: '7 0061 5 seal {"a":\n1}',
    });
    for (const text of ['', '1', '2 s1 s2 reco 7', '1 s1 s2 reco']) expect(readNotice(text)).toBeUndefined();
  });
});
