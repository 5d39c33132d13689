import { seededRandom } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { startTrace } from '../formats/trace-context.ts';
import {
  fitting,
  packTrace,
  readBaggage,
  readCompact,
  theOnly,
  unpackTrace,
  writeBaggage,
  writeCompact,
} from './value-forms.ts';

const found = (headers: Record<string, string[]>) => new Map(Object.entries(headers));

describe('value forms', () => {
  it('(1): take what fits, and leave out what does not', () => {
    const members = [['a', '1'], ['long', 'x'.repeat(50)], ['b', '2']] as const; // prettier-ignore

    expect(fitting(members, 8)).toEqual([['a', '1'], ['b', '2']]); // prettier-ignore
    expect(fitting(members, 7)).toEqual([['a', '1']]);
    expect(fitting(members, 0)).toEqual([]);
    expect(fitting(members, 64)).toEqual(members);
  });

  it('(2): have no value where there are two', () => {
    expect([theOnly(undefined), theOnly(['a']), theOnly(['a', 'a']), theOnly(['a', 'b'])]).toEqual([
      undefined,
      'a',
      'a',
      undefined,
    ]);
    expect([...readCompact(found({ x: ['u=1;r=eu;u=2', 'r=eu'] }), 'x')]).toEqual([['r', 'eu']]);
  });

  it('read what of the compact header is of its form', () => {
    expect([...readCompact(found({ x: ['u=1; r = eu ;;=;=5;novalue;e=;f=a=b'] }), 'x')]).toEqual([
      ['u', '1'],
      ['r', 'eu'],
      ['e', ''],
      ['f', 'a=b'],
    ]);
    expect(readCompact(found({}), 'x').size).toBe(0);
    expect(readCompact(found({ x: [Array.from({ length: 200 }, (_, at) => `k${at}=1`).join(';')] }), 'x').size).toBe(
      64,
    );
    expect(writeCompact([['u', '1'], ['e', '']])).toBe('u=1;e='); // prettier-ignore
  });

  it('keep the baggage of others, and not that in our names', () => {
    const before = found({ baggage: ['user=eve,tenant=7', 'color=a%20b'] });

    expect(writeBaggage(before, new Set(['user']), [['user', 'ada']])).toBe('user=ada,tenant=7,color=a%20b');
    expect([...readBaggage(before)]).toEqual([['user', 'eve'], ['tenant', '7'], ['color', 'a%20b']]); // prettier-ignore
  });

  it('pack a trace into 34 characters', () => {
    const random = seededRandom(3);
    for (const isSampled of [true, false]) {
      const trace = startTrace(random, undefined, isSampled);
      const packed = packTrace(trace) ?? '';

      expect(packed).toHaveLength(34);
      expect(unpackTrace(packed)).toEqual(trace);
    }
    for (const text of [undefined, '', 'A'.repeat(34), 'x'.repeat(33), `${'x'.repeat(33)}=`])
      expect(unpackTrace(text)).toBeUndefined();
    expect(packTrace({ traceId: 'x', spanId: 'y', isSampled: true })).toBeUndefined();
  });
});
