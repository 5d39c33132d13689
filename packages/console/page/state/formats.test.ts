import { describe, expect, it } from 'vitest';

import { amount, countdown, duration, isolated, optionValue, percent } from './formats.ts';

describe('formats', () => {
  it.each([
    [countdown, [-5, 0, 1, 65_000, 3_723_000], ['0:00', '0:00', '0:01', '1:05', '1:02:03']],
    [duration, [0, 1.25, 85.4, 1200, 900_000, 7_200_000], ['0 ms', '1.3 ms', '85 ms', '1.2 s', '15 min', '2 h']],
    [duration, [null, undefined], ['any time', 'any time']],
    [
      amount,
      [0, 0.44, 12.4, 999.4, 999.6, 1200, 12_345, 3_000_000],
      ['0', '0.4', '12', '999', '1k', '1.2k', '12k', '3M'],
    ],
    [percent, [0, 0.0001, 0.004, 0.12, 1], ['0 %', '<0.1 %', '0.4 %', '12 %', '100 %']],
    [isolated, ['alice', '\u202eecila', 'שרה'], ['alice', '\u2068\u202eecila\u2069', '\u2068שרה\u2069']],
    [optionValue, [null, 'fifo', 3, { kind: 'count' }], ['none', 'fifo', '3', '{"kind":"count"}']],
  ] as const)('%o of %j is %j', (format, values, texts) => {
    expect(values.map((value) => (format as (value: unknown) => string)(value))).toEqual(texts);
  });
});
