/**
 * Invariants are stated where the search for their tests looks, in every folder of core, and the checker sees each other way.
 *
 * @module
 */

import { describe, expect, it } from 'vitest';

import { layoutViolations } from './layout.ts';
import { numberingViolations } from './numbering.ts';
import { isPackageSource, isTestFile, readRepositoryTree, treeOf } from './source-tree.ts';

const doc = (...lines: readonly string[]) =>
  `/**\n * Says what it is for.\n${lines.map((line) => ` * ${line}\n`).join('')} */\n`;
const violate = (text: string) => numberingViolations('a.ts', text);

describe('numbering', () => {
  it('holds in the repository', () => {
    const sources = [...readRepositoryTree()].filter(([path]) => isPackageSource(path) && !isTestFile(path));

    expect(sources.flatMap(([path, text]) => numberingViolations(path, text))).toEqual([]);
    expect(sources.length).toBeGreaterThan(50);
  });

  it.each([doc(), doc('', 'Invariants', ' (1) One,', '     of two lines (2).', ' (2) Two.'), `#!/bin/node\n${doc()}`])(
    'accepts %j',
    (text) => {
      expect(violate(text)).toEqual([]);
    },
  );

  it.each([
    [doc('Invariants', ' (1) One.', ' (3) Three.'), 'numbers its invariants 1, 3'],
    [doc('Invariants', ' (2) Two.'), 'numbers its invariants 2'],
    [doc('Invariants', ' (1) One.', ' (1) One again.'), 'numbers its invariants 1, 1'],
    [doc('Invariants: it never fails.'), 'states invariants and numbers none'],
    [doc(' (1) One.'), 'numbers sentences without calling them invariants'],
    [doc('Invariants', ' (1) One.', 'Invariants'), 'states invariants twice'],
    [doc() + doc('Invariants'), 'states invariants below the comment that it opens with'],
    [doc() + doc(' (1) One.'), 'numbers sentences below the comment that it opens with'],
  ])('refuses %j', (text, complaint) => {
    expect(violate(text)).toContain(`a.ts: ${complaint}`);
  });
});

describe('an invariant without a test', () => {
  it.each(['kernel', 'mechanisms', 'policies/retry', 'registry', 'config', 'inspection', 'testing'])(
    'is seen in %s/, and so is one that is numbered badly',
    (folder) => {
      const path = `packages/core/src/${folder}/a.ts`;
      const missing = (number: number) =>
        layoutViolations(treeOf({ [path]: doc('Source: a book.', '', 'Invariants', ` (${number}) One.`) }));

      expect(missing(1)).toContain(`${path}: no test beside it is named after invariant 1`);
      expect(missing(2)).toContain(`${path}: numbers its invariants 2`);
    },
  );

  it('is not hidden by the folders that there are: each has some, with a test', () => {
    const tree = readRepositoryTree();
    const folders = new Set(
      [...tree].flatMap(([path, text]) => {
        const folder = /^packages\/core\/src\/(\w[\w-]*)\/.*\.ts$/.exec(path)?.[1];
        return folder !== undefined && !isTestFile(path) && /^ \* {2}\(1\) /m.test(text) ? [folder] : [];
      }),
    );

    expect([...folders].toSorted()).toEqual(
      expect.arrayContaining(['kernel', 'mechanisms', 'policies', 'registry', 'testing']),
    );
  });
});
