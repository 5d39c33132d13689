import { describe, expect, it } from 'vitest';

import { isAccepted, readAccepted, staleRows } from './accepted.ts';
import type { Mutant } from './mutants.ts';

const page = [
  'Text, with `code` in it.',
  '',
  '| `not.ts` | `in the table` | `X` | y |',
  '<!-- accepted -->',
  '| file | line | changes | why |',
  '| ---- | ---- | ------- | --- |',
  '| `mechanisms/gcra.ts` | `return a \\|\\| b;` | `LogicalOperator a && b`, `StringLiteral` | both are the same |',
  '| `kernel/clock.ts` | `` a `b` c `` | `Regex` | costs time only |',
  '<!-- accepted -->',
].join('\n');

const mutant: Mutant = {
  file: 'packages/core/src/mechanisms/gcra.ts',
  line: 7,
  column: 1,
  mutator: 'LogicalOperator',
  replacement: 'a &&\n  b',
  status: 'survived',
};

describe('accepted mutants', () => {
  it('of the repository are those of lines that are there, each with a reason', () => {
    expect(staleRows(readAccepted())).toEqual([]);
    expect(readAccepted().length).toBeGreaterThan(10);
  });

  it('are read from the table', () => {
    expect(readAccepted(page)).toEqual([
      {
        file: 'packages/core/src/mechanisms/gcra.ts',
        text: 'return a || b;',
        mutators: ['LogicalOperator a && b', 'StringLiteral'],
        reason: 'both are the same',
      },
      {
        file: 'packages/core/src/kernel/clock.ts',
        text: 'a `b` c',
        mutators: ['Regex'],
        reason: 'costs time only',
      },
    ]);
  });

  it('are those of the line, the kind and the replacement that a row names', () => {
    const rows = readAccepted(page);
    const accepts = (changes: Partial<Mutant>, line = '  return a || b;') =>
      isAccepted({ ...mutant, ...changes }, line, rows);

    expect(accepts({})).toBe(true);
    expect(accepts({ mutator: 'StringLiteral', replacement: 'whatever' })).toBe(true);
    expect(accepts({ replacement: 'false' })).toBe(false);
    expect(accepts({ mutator: 'Regex' })).toBe(false);
    expect(accepts({}, '  return a;')).toBe(false);
    expect(accepts({ file: 'packages/core/src/kernel/clock.ts' })).toBe(false);
  });

  it('go stale with their line, their file or without a reason', () => {
    const row = { file: 'packages/core/src/kernel/clock.ts', text: '', mutators: ['Regex'], reason: 'costs time only' };

    expect(staleRows([row])).toEqual([]);
    expect(staleRows([{ ...row, text: 'return nowhere;' }])).toEqual([`${row.file} has no line return nowhere;`]);
    expect(staleRows([{ ...row, file: 'packages/core/src/gone.ts' }])).toEqual(['packages/core/src/gone.ts is gone']);
    expect(staleRows([{ ...row, reason: '' }])).toHaveLength(1);
    expect(staleRows([{ ...row, mutators: [] }])).toHaveLength(1);
  });
});
