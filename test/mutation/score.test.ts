import { describe, expect, it } from 'vitest';

import type { Mutant } from './mutants.ts';
import { ratioOf, scoreOf, strictRatioOf, toLine, toMissedLine } from './score.ts';
import { coreSources, folderOf } from './sources.ts';

const mutants = (...statuses: readonly Mutant['status'][]): Mutant[] =>
  statuses.map((status, line) => ({
    file: 'packages/core/src/kernel/clock.ts',
    line,
    column: 4,
    mutator: 'BooleanLiteral',
    replacement: 'a\n  b',
    status,
  }));

describe('the score', () => {
  it('is the share of mutants noticed, killed or hung', () => {
    const score = scoreOf('all', mutants('killed', 'timed-out', 'survived', 'uncovered', 'other'), () => false);

    expect(ratioOf(score)).toBe(0.5);
    expect(toLine(score)).toBe('50.0 % (50.0 % strict)  2 noticed, 2 missed, 0 accepted  all');
    expect(score.missed.map(toMissedLine)).toEqual([
      '  survived kernel/clock.ts:2:5 BooleanLiteral a b',
      '  uncovered kernel/clock.ts:3:5 BooleanLiteral a b',
    ]);
  });

  it('leaves out those that are accepted, and says what it would be with them', () => {
    const score = scoreOf('all', mutants('killed', 'survived', 'survived', 'killed'), ({ line }) => line === 1);

    expect([ratioOf(score), strictRatioOf(score), score.accepted]).toEqual([2 / 3, 0.5, 1]);
  });

  it('is whole where nothing can be changed', () => {
    expect(ratioOf(scoreOf('none', [], () => false))).toBe(1);
  });
});

describe('the sources', () => {
  it('are those of core, without tests and what only tests share', () => {
    const all = coreSources([]);

    expect(all).toContain('packages/core/src/kernel/policy.ts');
    expect(all).toContain('packages/core/src/testing/virtual-clock.ts');
    expect(all.filter((path) => /\.(test|test-d|bench)\.ts$|-table\.ts$|index\.ts$/.test(path))).toEqual([]);
  });

  it('are chosen by a part of their path', () => {
    expect(coreSources(['kernel/clock'])).toEqual(['packages/core/src/kernel/clock.ts']);
    expect(coreSources(['mechanisms/']).map(folderOf)).toContain('packages/core/src/mechanisms');
    expect(coreSources(['nowhere'])).toEqual([]);
  });
});
