/**
 * The pages are in shape, and the checker sees when they are not.
 *
 * @module
 */

import { existsSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { readRepositoryTree, treeOf } from '../architecture/source-tree.ts';
import { inRepository } from '../repository.ts';
import { sections, shapeViolations } from './page-shape.ts';

const violate = (files: Record<string, string>) => shapeViolations(treeOf(files), (path) => path === 'docs/a.md');

const pageOf = (titles: readonly string[]) => titles.map((section) => `## ${section}\n\n### Detail\n`).join('\n');

describe('pages', () => {
  it('are in shape', () => {
    expect(shapeViolations(readRepositoryTree(), (path) => existsSync(inRepository(path)))).toEqual([]);
  });

  it.each(['[a](a.md)', '[a](./a.md#part)', '[a](#part)', '[a](https://example.com/b.md)', '`[a](b.md)`'])(
    'may link as in %s',
    (link) => {
      expect(violate({ 'docs/b.md': link })).toEqual([]);
    },
  );

  it.each(['[a](b.md)', '- [a](../a.md)', '| a |\n| - |\n| [a](guides/a.md) |'])('may not link as in %s', (link) => {
    expect(violate({ 'docs/c.md': link }).join()).toContain('which does not exist');
  });

  it('about a policy follow the sections', () => {
    expect(violate({ 'docs/policies/a.md': pageOf(sections) })).toEqual([]);
  });

  it.each(sections)('about a policy may not leave out "%s"', (section) => {
    expect(violate({ 'docs/policies/a.md': pageOf(sections.filter((name) => name !== section)) })).toHaveLength(1);
  });

  it('about a policy may not be in another order', () => {
    expect(violate({ 'docs/policies/a.md': pageOf(sections.toReversed()) })).toHaveLength(1);
  });

  it('about a decision are in the index', () => {
    const decision = { 'docs/adr/0001-a.md': '# 0001 A\n' };

    expect(violate({ ...decision, 'docs/adr/README.md': '`(0001-a.md)`' })).toEqual([]);
    expect(violate({ ...decision, 'docs/adr/README.md': '# Decisions\n' })).toEqual([
      'docs/adr/0001-a.md is not in docs/adr/README.md',
    ]);
  });
});
