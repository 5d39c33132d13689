/**
 * Numeric options carry their unit.
 *
 * @module
 */

import { describe, expect, it } from 'vitest';

import { readRepositoryTree, treeOf } from './source-tree.ts';
import { unitViolations } from './units.ts';

/** Numeric options whose name is clear without a unit, each with the reason. */
const exceptions: Readonly<Record<string, string>> = {
  deadline: 'an instant of the clock, not a length of time',
  port: 'a port number, as node:net has it',
};

const violate = (member: string) =>
  unitViolations(
    treeOf({ 'packages/core/src/kernel/a.ts': `export interface RetryOptions { ${member} }` }),
    exceptions,
  );

describe('units', () => {
  it('are in the name of every numeric option', () => {
    expect(unitViolations(readRepositoryTree(), exceptions)).toEqual([]);
  });

  it.each(['delayMs', 'bodyBytes', 'failureRatio', 'permitsPerSecond', 'probeCount', 'maxAttempts', 'minCalls'])(
    'accept %s',
    (name) => {
      expect(violate(`readonly ${name}?: number;`)).toEqual([]);
    },
  );

  it.each(['delay?: number', 'timeout: number', 'ratioOfCalls?: number | undefined', 'every: number | Strategy'])(
    'refuse %s',
    (member) => {
      expect(violate(`readonly ${member};`)).toHaveLength(1);
    },
  );

  it('do not concern options that are not numbers, nor interfaces that are not options', () => {
    expect(violate('readonly name?: string; onRetry?(delay: number): void;')).toEqual([]);
    expect(
      unitViolations(treeOf({ 'packages/core/src/a.ts': 'export interface Snapshot { calls: number }' }), {}),
    ).toEqual([]);
  });

  it('may be excepted by name', () => {
    const tree = treeOf({ 'packages/core/src/a.ts': 'export interface AOptions { level: number }' });

    expect(unitViolations(tree, { level: 'is a level' })).toEqual([]);
    expect(unitViolations(tree, {})).toHaveLength(1);
  });
});
