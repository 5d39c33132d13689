import { describe, expect, it } from 'vitest';

import type { ChangeableOption } from '../api/answers.ts';
import { fieldOf, readChanges } from './option-fields.ts';

function option(name: string, value: unknown, schema: ChangeableOption['schema']): ChangeableOption {
  return { option: name, value, defaultValue: null, expectation: 'right', schema };
}

const options = [
  option('openForMs', 1000, { type: 'number', minimum: 1 }),
  option('maxProbes', null, { type: 'integer' }),
  option('backoff', 'none', { enum: ['none', 'full-jitter'] }),
  option('isStrict', true, { type: 'boolean' }),
  option('window', { kind: 'count', size: 10 }, {}),
];

describe('fieldOf', () => {
  it('gives numbers, choices and everything else a field of its own', () => {
    expect(options.map(({ schema }) => fieldOf(schema).kind)).toEqual(['number', 'number', 'choice', 'choice', 'json']);
  });
});

describe('readChanges', () => {
  it('reads what is other than it was', () => {
    const texts = {
      openForMs: '1000',
      maxProbes: ' 5 ',
      backoff: 'full-jitter',
      isStrict: 'false',
      window: '{"kind":1}',
    };

    expect(readChanges(options, texts)).toEqual({
      changes: { maxProbes: 5, backoff: 'full-jitter', isStrict: false, window: { kind: 1 } },
      unreadable: [],
    });
  });

  it('names what it cannot read: no number, no JSON, nothing', () => {
    expect(readChanges(options, { openForMs: '', maxProbes: 'many', window: '{' })).toEqual({
      changes: {},
      unreadable: ['openForMs', 'maxProbes', 'window'],
    });
  });
});
