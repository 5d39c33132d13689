import { describe, expect, it } from 'vitest';

import { isRejection } from '@holdfast/core';

import {
  readAdded,
  readCounts,
  readDead,
  readFirstAge,
  readFlag,
  readItem,
  readRisks,
  readTaken,
  writeItem,
} from './outbox-reply.ts';

const settings = (policy: string, appendOnly: 0 | 1): string =>
  `used_memory:1\r\nmaxmemory_policy:${policy}\r\n# Persistence\r\naof_enabled:${appendOnly}\r\n`;

describe('outbox reply', () => {
  it('reads what scripts say', () => {
    expect(readAdded('known')).toBe('known');
    expect(readTaken(['none'])).toBe(Infinity);
    expect(readTaken(['wait', 7])).toBe(7);
    expect(readTaken(['entry', '5-0', 'k', 2, '{"a":1}', '1-0', 1, '500'])).toEqual({
      id: '5-0',
      key: 'k',
      attempt: 2,
      text: '{"a":1}',
      generation: '1-0',
      unendedCount: 1,
      ageMs: 500,
    });
    expect([readFlag(1), readFlag(0)]).toEqual([true, false]);
    expect(readCounts([5, 2, 1, [], '', '7'])).toEqual({ waiting: 3, taken: 2, dead: 1 });
    expect([readFirstAge([5, 2, 1, [], '', '7']), readFirstAge([0, 0, 1, [], '', '-1'])]).toEqual([7, undefined]);
    expect(
      readDead([
        0,
        0,
        2,
        [
          ['k', '3', 'no', '7'],
          ['l', '1', 'no', '{'],
        ],
        '',
      ]),
    ).toEqual([
      { key: 'k', item: 7, attempt: 3, why: 'no' },
      { key: 'l', item: undefined, attempt: 1, why: 'no' },
    ]);
  });

  it.each([
    ['noeviction', 1, []],
    ['volatile-lru', 1, []],
    ['allkeys-lru', 1, ['evicts-keys']],
    ['noeviction', 0, ['no-append-only-file']],
    ['allkeys-random', 0, ['evicts-keys', 'no-append-only-file']],
  ] as const)('finds what may cost the work with %s and %i', (policy, appendOnly, risks) => {
    expect(readRisks([0, 0, 0, [], settings(policy, appendOnly)])).toEqual(risks);
  });

  it.each([
    undefined,
    null,
    [],
    'OK',
    7,
    ['entry', '5-0', 'k', 2],
    ['entry', '5-0', 'k', 2, '1', '1-0'],
    ['wait', 'long'],
    [1, 'x', 2],
  ])('(1) takes %j for no reply', (reply) => {
    for (const read of [readAdded, readTaken, readFlag, readCounts, readFirstAge, readDead, readRisks])
      expect(() => read(reply)).toThrow(TypeError);
  });

  it('(2) writes what comes back equal', () => {
    const item = { id: 'ü', lines: [1, null, true], note: undefined };

    expect(readItem(writeItem('k', item, 1000))).toEqual({ id: 'ü', lines: [1, null, true] });
  });

  it.each([
    ['undefined', undefined, 'not-json'],
    ['a function', () => 1, 'not-json'],
    ['a bigint', 1n, 'not-json'],
    ['a circle', circle(), 'not-json'],
    ['too much', 'x'.repeat(999), 'too-large'],
    ['too many bytes', 'ü'.repeat(500), 'too-large'],
  ])('(2) refuses %s', (_what, item, reason) => {
    let error: unknown;
    try {
      writeItem('k', item, 1000);
    } catch (thrown) {
      error = thrown;
    }

    expect(error).toMatchObject({ name: 'OutboxItemError', code: 'OUTBOX_ITEM', key: 'k', reason });
    expect(isRejection(error)).toBe(true);
  });
});

function circle(): unknown {
  const made: Record<string, unknown> = {};
  made['made'] = made;
  return made;
}
