/**
 * Defaults agree with their tags and pages.
 *
 * @module
 */

import { describe, expect, it } from 'vitest';

import { optionTable, replaceTable } from '../docs/option-table.ts';
import { defaultViolations } from './defaults.ts';
import { readRepositoryTree, treeOf } from './source-tree.ts';

const file = 'packages/core/src/policies/retry/retry.ts';
const page = 'docs/policies/retry.md';

const source = (member: string, entry: string) => `
export interface RetryOptions {
  /** Names it. */
  readonly name?: string;
  ${member}
}
export const retryDefaults: Required<RetryOptions> = Object.freeze({ name: 'retry', ${entry} });
`;

const maxDelay = (tag: string) => `
  /**
   * Upper bound. Milliseconds, 0 to 10 | 20.
   * ${tag}
   */
  readonly maxDelayMs?: number;`;

const violate = (text: string) => defaultViolations(treeOf({ [file]: text }));

describe('defaults', () => {
  it('agree in the repository', () => {
    expect(defaultViolations(readRepositoryTree())).toEqual([]);
  });

  it.each([
    ['@defaultValue 10_000', 'maxDelayMs: 10_000'],
    ['@defaultValue 10000', 'maxDelayMs: 10_000'],
    ['@defaultValue `-1`', 'maxDelayMs: -1'],
    ['@defaultValue Infinity', 'maxDelayMs: Infinity'],
    ['', 'maxDelayMs: computed'],
  ])('may be said as %s for %s', (tag, entry) => {
    expect(violate(source(maxDelay(tag), entry))).toEqual([]);
  });

  it.each([
    ['@defaultValue 3', 'maxDelayMs: 4', 'is 4, but its @defaultValue says 3'],
    ['', 'maxDelayMs: 4', 'has no @defaultValue; it is 4'],
    ['@defaultValue 3', '', 'has a @defaultValue and no default'],
    ['@defaultValue 3', 'maxDelayMs: 3, other: 1', 'RetryOptions.other has a default and is no option'],
  ])('may not be said as %s for %s', (tag, entry, message) => {
    expect(violate(source(maxDelay(tag), entry)).join('\n')).toContain(message);
  });

  it('belong to an options interface', () => {
    expect(violate('export const retryDefaults = { a: 1 };')).toEqual([
      `${file}: retryDefaults has no options interface`,
    ]);
  });
});

describe('option table', () => {
  const text = source(maxDelay('@defaultValue 3'), 'maxDelayMs: 3');
  const table = optionTable(treeOf({ [file]: text }), 'retry') ?? '';
  const markers = '# Retry\n\n<!-- options:start -->\n<!-- options:end -->\n';

  it('has one row per option', () => {
    expect(table.split('\n')).toEqual([
      '| option | type | default | meaning |',
      '| --- | --- | --- | --- |',
      '| `name` | `string` |  | Names it. |',
      String.raw`| ${'`maxDelayMs` | `number` | `3`'} | Upper bound. Milliseconds, 0 to 10 \| 20. |`,
    ]);
  });

  it('is up to date in the page, however it is padded', () => {
    const written = replaceTable(markers, table.replaceAll('| `', '|   `').replaceAll('---', '-------')) ?? '';

    expect(defaultViolations(treeOf({ [file]: text, [page]: written }))).toEqual([]);
  });

  it('may not be out of date', () => {
    const written = replaceTable(markers, table.replace('`3`', '`4`')) ?? '';

    expect(defaultViolations(treeOf({ [file]: text, [page]: written })).join()).toContain('out of date');
  });

  it('may not be missing', () => {
    expect(defaultViolations(treeOf({ [file]: text, [page]: '# Retry\n' }))).toEqual([`${page} has no option table`]);
  });
});
