/**
 * The import law holds, and the checker sees each way of breaking it.
 *
 * @module
 */

import { describe, expect, it } from 'vitest';

import { importViolations } from './import-law.ts';
import { readRepositoryTree, treeOf } from './source-tree.ts';

const core = 'packages/core/src';
const manifest = { 'packages/core/package.json': '{}' };

const violate = (files: Record<string, string>) => importViolations(treeOf({ ...manifest, ...files }));

describe('import law', () => {
  it('holds in the repository', () => {
    expect(importViolations(readRepositoryTree())).toEqual([]);
  });

  it('needs packages/core', () => {
    expect(importViolations(treeOf({}))).toEqual(['packages/core is missing']);
  });

  it('allows imports that go down', () => {
    const violations = violate({
      [`${core}/index.ts`]: `export { retry } from './policies/retry/retry.ts';`,
      [`${core}/kernel/clock.ts`]: `export const clock = 1;`,
      [`${core}/mechanisms/ewma.ts`]: `export const ewma = 1;`,
      [`${core}/policies/retry/retry.ts`]: `
        import { clock } from '../../kernel/clock.ts';
        import { ewma } from '../../mechanisms/ewma.ts';
        export const retry = clock + ewma;`,
      [`${core}/policies/retry/retry.test.ts`]: `
        import { it } from 'vitest';
        import { virtualClock } from '@holdfast/core/testing';
        import { timeout } from '../timeout/timeout.ts';`,
      [`${core}/registry/registry.ts`]: `import { retry } from '../policies/retry/retry.ts';`,
      [`${core}/inspection/describe.ts`]: `import type { Clock } from '../kernel/clock.ts';`,
      [`${core}/config/configure.ts`]: `
        import '../registry/registry.ts';
        import '../inspection/describe.ts';`,
      [`${core}/testing/testing.ts`]: `import type { Clock } from '../kernel/clock.ts';`,
      'packages/degradation/src/index.ts': `import { retry } from '@holdfast/core/retry';\nimport 'node:fs';`,
      'packages/console/src/index.ts': `import type { Feature } from '@holdfast/degradation';`,
    });

    expect(violations).toEqual([]);
  });

  it.each([
    ['a package up', 'packages/degradation/src/a.ts', `import '@holdfast/console';`, 'level 1 to level 3'],
    ['a package sideways', 'packages/degradation/src/a.ts', `export * from '@holdfast/redis';`, 'level 1 to level 1'],
    ['a package up, types only', 'packages/core/src/kernel/a.ts', `import type { A } from '@holdfast/redis';`, 'level'],
    [
      'a package up, in a test',
      'packages/core/src/kernel/a.test.ts',
      `import '@holdfast/redis';`,
      'level 0 to level 1',
    ],
    ['an unknown package', 'packages/redis/src/a.ts', `import '@holdfast/nothing';`, 'no such package'],
    ['a package without a level', 'packages/nothing/src/a.ts', ``, 'has no level'],
    [
      'another package by path',
      'packages/redis/src/a.ts',
      `import '../../core/src/kernel/a.ts';`,
      'leaves its package',
    ],
    ['itself by name', 'packages/redis/src/a.ts', `import '@holdfast/redis';`, 'own files by path'],
    ['the testing kit in source', 'packages/redis/src/a.ts', `import '@holdfast/core/testing';`, 'is for tests'],
    ['a test in source', 'packages/redis/src/a.ts', `import './b.test.ts';`, 'does not import tests'],
    ['npm from core', `${core}/kernel/a.ts`, `import ms from 'ms';`, 'core has no dependencies'],
    [
      'a builtin from core',
      `${core}/kernel/a.ts`,
      `import type { Socket } from 'node:net';`,
      'core has no dependencies',
    ],
    ['a builtin by import()', `${core}/kernel/a.ts`, `await import('node:net');`, 'core has no dependencies'],
    ['a builtin by type import()', `${core}/kernel/a.ts`, `type A = import('node:net').Socket;`, 'core has no'],
    ['an unknown layer', `${core}/extras/a.ts`, ``, 'core has no layer extras'],
    [
      'kernel to policies',
      `${core}/kernel/a.ts`,
      `import '../policies/retry/retry.ts';`,
      'kernel may not import policies',
    ],
    [
      'mechanisms to kernel',
      `${core}/mechanisms/a.ts`,
      `import type { C } from '../kernel/clock.ts';`,
      'may not import',
    ],
    ['a policy to another', `${core}/policies/a/a.ts`, `export { b } from '../b/b.ts';`, 'another policy'],
    [
      'a policy to testing',
      `${core}/policies/a/a.ts`,
      `import '../../testing/testing.ts';`,
      'policies may not import testing',
    ],
    [
      'a policy to the registry',
      `${core}/policies/a/a.ts`,
      `import '../../registry/registry.ts';`,
      'may not import registry',
    ],
    [
      'a policy to configuration',
      `${core}/policies/a/a.ts`,
      `import '../../config/configure.ts';`,
      'policies may not import config',
    ],
    ['inspection to policies', `${core}/inspection/a.ts`, `import '../policies/a/a.ts';`, 'may not import policies'],
    ['the registry to configuration', `${core}/registry/a.ts`, `import '../config/a.ts';`, 'may not import config'],
    ['testing to policies', `${core}/testing/a.ts`, `import '../policies/a/a.ts';`, 'testing may not import policies'],
    ['the package root', `${core}/registry/a.ts`, `import '../index.ts';`, 'nobody imports index.ts'],
  ])('refuses %s', (_name, path, text, message) => {
    expect(violate({ [path]: text }).join('\n')).toContain(message);
  });

  it('refuses cycles, also of types', () => {
    const violations = violate({
      [`${core}/kernel/a.ts`]: `import type { B } from './b.ts';`,
      [`${core}/kernel/b.ts`]: `import type { C } from './c.ts';`,
      [`${core}/kernel/c.ts`]: `import { a } from './a.ts';`,
    });

    expect(violations).toEqual([
      `import cycle: ${core}/kernel/a.ts -> ${core}/kernel/b.ts -> ${core}/kernel/c.ts -> ${core}/kernel/a.ts`,
    ]);
  });
});
