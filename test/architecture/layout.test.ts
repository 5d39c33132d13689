/**
 * The layout holds, and the checker sees each way of leaving it.
 *
 * @module
 */

import { describe, expect, it } from 'vitest';

import { layoutViolations } from './layout.ts';
import { readRepositoryTree, treeOf } from './source-tree.ts';

const core = 'packages/core/src';
const doc = '/** Says what it is for. */\n';

const retry: Record<string, string> = {
  'packages/core/package.json': '{}',
  [`${core}/index.ts`]: doc,
  [`${core}/policies/retry/retry.ts`]: doc,
  [`${core}/policies/retry/retry.test.ts`]: '',
  [`${core}/policies/retry/retry.prop.test.ts`]: '',
  [`${core}/policies/retry/retry.test-d.ts`]: '',
  [`${core}/policies/retry/retry.bench.ts`]: '',
  'examples/policies/retry.ts': '',
  'docs/policies/retry.md': '',
};

const violate = (files: Record<string, string>) => layoutViolations(treeOf({ ...retry, ...files })).join('\n');

describe('layout', () => {
  it('holds in the repository', () => {
    expect(layoutViolations(readRepositoryTree())).toEqual([]);
  });

  it('needs packages/core', () => {
    expect(layoutViolations(treeOf({}))).toEqual(['packages/core is missing']);
  });

  it('accepts a complete policy', () => {
    expect(violate({})).toBe('');
  });

  it.each(Object.keys(retry).filter((path) => path.includes('retry')))('misses %s', (path) => {
    const { [path]: _removed, ...rest } = retry;

    expect(layoutViolations(treeOf(rest))).toEqual([`policy retry lacks ${path}`]);
  });

  it.each([
    [`${core}/kernel/utils.ts`, 'says a kind of code'],
    [`${core}/helpers/a.ts`, 'says a kind of code'],
    [`packages/redis/src/types.ts`, 'says a kind of code'],
    [`${core}/kernel/index.ts`, 'index.ts only at the package root'],
    [`${core}/kernel/rollingWindow.ts`, 'is not kebab-case'],
    [`${core}/Kernel/clock.ts`, 'is not kebab-case'],
  ])('refuses the name %s', (path, message) => {
    expect(violate({ [path]: doc })).toContain(message);
  });

  it('refuses a source file without a module doc', () => {
    expect(violate({ [`${core}/kernel/a.ts`]: 'export const a = 1;\n' })).toContain('no module doc');
  });

  it('refuses a source file above 300 lines', () => {
    const lines = (count: number) => ({
      [`${core}/kernel/a.ts`]: doc + '\n'.repeat(count - 2) + 'export const a = 1;\n',
    });

    expect(violate(lines(300))).toBe('');
    expect(violate(lines(301))).toContain('301 lines');
  });

  it('refuses a mechanism without its source', () => {
    const cited = '/**\n * Backoff.\n *\n * Source: Exponential Backoff And Jitter, M. Brooker, 2015.\n */\n';

    expect(violate({ [`${core}/mechanisms/backoff.ts`]: cited })).toBe('');
    expect(violate({ [`${core}/mechanisms/backoff.ts`]: doc })).toContain('no "Source:" line');
  });
});

describe('invariants', () => {
  const stated = '/**\n * Retry.\n *\n * Invariants\n *  (1) One.\n *  (2) Two,\n *      with (9) in its text.\n */\n';
  const file = `${core}/policies/retry/retry.ts`;
  const tests = `${core}/policies/retry/retry.prop.test.ts`;

  it('may be named as (n) or as invariant n', () => {
    const text = `it('runs at most n times (1)', () => {});\nit.each([])(\`invariant 2: \${'x'}\`, () => {});`;

    expect(violate({ [file]: stated, [tests]: text })).toBe('');
  });

  it('need a test each', () => {
    const text = `it('runs at most n times (1)', () => {});\n// (2)\nit('invariant 22', () => {});`;

    expect(violate({ [file]: stated, [tests]: text })).toBe(`${file}: no test beside it is named after invariant 2`);
  });

  it('outside policies/ are proven by the tests of the same name', () => {
    const text = `it('holds (1) and (2)', () => {});`;
    const clock = `${core}/kernel/clock.ts`;

    expect(violate({ [clock]: stated, [`${core}/kernel/clock.prop.test.ts`]: text })).toBe('');
    expect(violate({ [clock]: stated, [`${core}/kernel/random.test.ts`]: text })).toContain('invariant 1');
    expect(violate({ [clock]: stated, [`${core}/kernel/clock-face.test.ts`]: text })).toContain('invariant 1');
  });

  it('or by a test beside it that names it', () => {
    const text = `describe('the clock', () => { it('holds (1) and (2)', () => {}); });`;
    const clock = `${core}/kernel/clock.ts`;

    expect(violate({ [clock]: stated, [`${core}/kernel/random.test.ts`]: text })).toBe('');
    expect(violate({ [clock]: stated, [`${core}/mechanisms/random.test.ts`]: text })).toContain('invariant 1');
  });

  it.each([
    `test('(1) (2)', () => {});`,
    `it.each([1])('(1) %d', () => {});\nit.for([1])('(2) %d', () => {});`,
    `describe('(1)', () => { it('(2)', () => {}); });`,
    `describe.each([1])('(1) %d', () => { test.concurrent.each([1])('(2)', () => {}, 100); });`,
    `it('(1) (2)', { timeout: 5 }, () => {});`,
  ])('are proven by live tests, as %j', (text) => {
    expect(violate({ [file]: stated, [tests]: text })).toBe('');
  });

  it.each([
    `it.todo('(1) (2)');`,
    `it('(1) (2)');`,
    `it.skip('(1) (2)', () => {});`,
    `it.fails('(1) (2)', () => {});`,
    `it.skipIf(true)('(1) (2)', () => {});`,
    `it.each([])('(1) (2)');`,
    `it('(1) (2)', { skip: true }, () => {});`,
    `describe.skip('(1)', () => { it('(2)', () => {}); });`,
    `describe('(1) (2)', () => {});`,
    `describe.todo('(1) (2)');`,
    `console.log('(1) (2)');`,
    `expect('(1) (2)').toBe(1);`,
    `it('holds', () => { it2('(1) (2)', () => {}); log('(1) (2)'); });`,
  ])('are not proven by what does not run, as %j', (text) => {
    expect(violate({ [file]: stated, [tests]: text }).split('\n')).toHaveLength(2);
  });

  describe('of several files in a folder', () => {
    const queue = `${core}/policies/retry/retry-queue.ts`;
    const missing = (name: string, others: Record<string, string> = {}) =>
      violate({ [file]: stated, [queue]: stated, [tests]: `it('${name}', () => {});`, ...others })
        .split('\n')
        .map((line) => line.replace(/^.*\/(.*): no test .* (\d)$/, '$1 $2'))
        .join();
    const queueLacks = 'retry-queue.ts 1,retry-queue.ts 2';

    it.each([
      ['(1) (2) are those of the file that the tests are named after', queueLacks],
      ['retry (1), (2)', queueLacks],
      ['the retry queue (1) and (2)', 'retry.ts 1,retry.ts 2'],
      ['retry-queue (1) (2)', 'retry.ts 1,retry.ts 2'],
      ['retry (1), the retry queue (2)', 'retry.ts 2,retry-queue.ts 1'],
      ['(1) (2) in a retry queue', ''],
    ])('are told apart by name: %s', (name, expected) => {
      expect(missing(name)).toBe(expected);
    });

    it('are told apart by the name of the test file', () => {
      const own = `${core}/policies/retry/retry-queue.test.ts`;

      expect(missing('(1) (2)', { [own]: `it('(1) (2) hold', () => {});` })).toBe('');
      expect(missing('of nothing', { [own]: `it('(1) (2) hold', () => {});` })).toBe('retry.ts 1,retry.ts 2');
      expect(missing('(1) (2)', { [`${core}/policies/retry/options.test.ts`]: `it('(1) (2)', () => {});` })).toBe(
        queueLacks,
      );
    });
  });
});
