/**
 * The coverage page names what exists, for every capability; and every fact about Go's contexts has its test.
 *
 * @module
 */

import { existsSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { readRepositoryTree, treeOf } from '../architecture/source-tree.ts';
import { inRepository } from '../repository.ts';
import { coverageRows, coverageViolations } from './coverage.ts';

describe('the coverage', () => {
  it('has a row for each capability, each with a proof that exists or a reason, and a test for each fact', () => {
    const tree = readRepositoryTree(['docs', 'packages', 'test']);

    expect(coverageViolations(tree, (path) => existsSync(inRepository(path)))).toEqual([]);
  });

  it('is known by what it says', () => {
    expect(coverageRows('| S2-17 | It works | `a` [x.test.ts](../test/x.test.ts) |\n| id | x | y |')).toEqual([
      { id: 'S2-17', capability: 'It works', proof: '`a` [x.test.ts](../test/x.test.ts)' },
    ]);
  });

  it.each([
    ['S0-1 has neither proof nor reason', '| S0-1 | A service | trust me |'],
    ['S0-1 has neither proof nor reason', '| S0-1 | A service | not yet: x |'],
    ['S0-1 says no capability', '| S0-1 | - | not yet: packages/http |'],
    ['S0-1 names test/gone.test.ts, which does not exist', '| S0-1 | A service | [x](../test/gone.test.ts) |'],
    ['S0-1 names test/b.test.ts, which has no live test', '| S0-1 | A service | [x](../test/b.test.ts) |'],
    ['S0-1: test/a.test.ts has no live test "hold"', '| S0-1 | A service | `hold` [x](../test/a.test.ts) |'],
    ['no S0-2', '| S0-1 | A service | not yet: packages/http |'],
    ['odd S0-1', '| S0-1 | A service | left out: for a reason |\n| S0-1 | A service | left out: for a reason |'],
    ['no live test is named after B1', ''],
  ])('has %s: %j', (message, rows) => {
    const tree = treeOf({
      'docs/coverage.md': rows,
      'test/a.test.ts': `it('holds', () => {});`,
      'test/b.test.ts': `it.skip('rests', () => {});`,
    });
    const found = coverageViolations(tree, (path) => path !== 'test/gone.test.ts');

    expect(found.join('\n')).toContain(message);
  });

  it('may name a test by its title, a page, or both a proof and what is still to come', () => {
    const tree = treeOf({
      'docs/coverage.md':
        '| S0-1 | A service | `holds` [x](../test/a.test.ts); [y](README.md); not yet: packages/http |',
      'test/a.test.ts': `it('holds', () => {});`,
    });

    expect(coverageViolations(tree, () => true).filter((sentence) => sentence.startsWith('S0-1'))).toEqual([]);
  });
});
