import { describe, expect, it } from 'vitest';

import { ServiceLevel, checkLevelChange } from './service-level.ts';

const change = { actor: 'brownout', reason: 'shed ratio' };

describe('ServiceLevel', () => {
  it('(1) is 0 again unless it is renewed in time', () => {
    const level = new ServiceLevel();
    level.set(2.5, change, 1000);

    expect([level.at(999), level.at(1000)]).toEqual([2.5, 0]);
    level.set(2, change, 2000);
    expect(level.at(1000)).toBe(2);
  });

  it.each<[unknown, unknown]>([
    [-1, change],
    [4.1, change],
    [Number.NaN, change],
    ['1', change],
    [1, { ...change, actor: '' }],
    [1, { ...change, reason: undefined }],
    [1, { ...change, expiresInMs: 300_001 }],
    [1, undefined],
    [1, null],
    [1, [change]],
    [1, 'brownout'],
  ])('refuses level %j by %j', (level, given) => {
    expect(() => checkLevelChange(level, given as never)).toThrow('level.');
  });

  it.each(['expireInMs', 'role', 'ifRevision'])('refuses a change with %s, which it does not know', (field) => {
    const attempt = (): void => checkLevelChange(1, { ...change, [field]: undefined });

    expect(attempt).toThrow(`no field "${field}"; it knows actor, reason, expiresInMs`);
    expect(attempt).toThrow(expect.objectContaining({ code: 'INVALID_CHANGE', field }));
  });
});
