/**
 * The charter page names tests that exist, and all that were written for it.
 *
 * @module
 */

import { describe, expect, it } from 'vitest';

import { readRepositoryTree, treeOf } from '../architecture/source-tree.ts';
import { charterRows, charterViolations, withUnlistedTests } from './charter.ts';

const head = '| item | demand | test | file |\n|---|---|---|---|\n';
const row = (item: string, said: string, file = '') => `| ${item} | It works | ${said} | ${file} |\n`;
const link = '[a.test.ts](../test/a.test.ts)';
const tests = `describe('a', () => { it('charter B2, C1: works', () => {}); it('holds', () => {}); it.skip('rests', () => {}); });`;
const listed = row('B2', '`charter B2, C1: works`', link) + row('C1', '`a > charter B2, C1: works`', link);

const violate = (rows: string) =>
  charterViolations(treeOf({ 'docs/charter.md': head + rows, 'test/a.test.ts': tests }));

describe('the charter', () => {
  it('names tests that run, and gives reasons where there are none; `node --import tsx test/docs/charter.ts --write` adds rows', () => {
    expect(charterViolations(readRepositoryTree(['docs', 'packages', 'test']))).toEqual([]);
  });

  it('has an entry for every item', () => {
    const page = readRepositoryTree(['docs']).get('docs/charter.md') ?? '';
    const items = new Set(charterRows(page).map(({ item }) => item));
    const counts = { A: 7, B: 2, C: 5, D: 10, E: 6, F: 7, G: 7, H: 9, I: 5, J: 6, K: 8, L: 6, M: 13, N: 6 };
    const rest = { O: 2, P: 2, Q: 3, R: 4, S: 5, T: 3, U: 3 };

    const found = Object.keys({ ...counts, ...rest }).map((group) => [
      group,
      [...items].filter((item) => item.startsWith(group)).length,
    ]);
    expect(Object.fromEntries(found)).toEqual({ ...counts, ...rest });
  });
});

describe('a charter', () => {
  it('may name a test by any of its titles, or give a reason', () => {
    const reason = row('A1', 'later: nothing forgets it yet') + listed + row('C2', '`a > holds`', link);

    expect(violate(reason)).toEqual([]);
  });

  it.each([
    ['no live test', row('D1', '`hold`', link)],
    ['no live test', row('D1', '`rests`', link)],
    ['no live test', row('D1', '`holds`', '[b.test.ts](../test/b.test.ts)')],
    ['no file has', row('D1', '`holds`')],
    ['gives no reason', row('D1', '')],
    ['gives no reason', row('D1', 'later')],
    ['gives no reason', row('D1', 'works, trust me')],
    ['not in order', row('D10', '`holds`', link) + row('D2', '`holds`', link)],
  ])('has %s: %j', (message, rows) => {
    const found = violate(listed + rows);

    expect(found).toHaveLength(1);
    expect(found.join()).toContain(message);
  });

  it('must list the tests that name an item', () => {
    expect(violate(row('B2', '`charter B2, C1: works`', link))).toEqual([
      'C1 does not list "a > charter B2, C1: works" of test/a.test.ts',
    ]);
  });

  it('is given the rows of tests that it lacks', () => {
    const page = head + row('B2', 'later: a test of that') + row('C1', 'later: a test of this');
    const tree = treeOf({ 'docs/charter.md': page, 'test/a.test.ts': tests });
    const written = withUnlistedTests(tree);

    expect(charterRows(written).map(({ item, test }) => [item, test])).toEqual([
      ['B2', undefined],
      ['B2', 'charter B2, C1: works'],
      ['C1', undefined],
      ['C1', 'charter B2, C1: works'],
    ]);
    expect(charterViolations(treeOf({ 'docs/charter.md': written, 'test/a.test.ts': tests }))).toEqual([]);
  });

  it('reads titles with bars and backticks, however the table is padded', () => {
    const [found] = charterRows('| A1 |  It works  | `` a \\| `b` ``    | [x](../test/x.test.ts)   |');

    expect(found).toEqual({ item: 'A1', test: 'a | `b`', file: 'test/x.test.ts', verdict: undefined });
  });
});
