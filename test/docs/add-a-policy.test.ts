/**
 * Following docs/guides/add-a-policy.md to the letter, in a copy of the repository, leads to a policy that passes.
 *
 * @module
 */

import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { defaultViolations } from '../architecture/defaults.ts';
import { importViolations } from '../architecture/import-law.ts';
import { layoutViolations } from '../architecture/layout.ts';
import { readRepositoryTree, treeOf, type Tree } from '../architecture/source-tree.ts';
import { unitViolations } from '../architecture/units.ts';
import { comparable, expectedOutput } from '../examples/expected-output.ts';
import { inRepository } from '../repository.ts';
import { declaredErrors, errorsInPage } from './error-table.ts';
import { follow, guideFiles, type GuideFile } from './guide-files.ts';
import { optionTable, replaceTable } from './option-table.ts';
import { snippetsOf } from './snippets.ts';

const slug = 'cool-down';
const page = `docs/policies/${slug}.md`;
const unitTests = ['--config', 'test/vitest.config.ts', '--project', 'unit:core'];
const onSource = ['--conditions=@holdfast/source', '--import', 'tsx'];

const present = readRepositoryTree();
const files = guideFiles(present.get('docs/guides/add-a-policy.md') ?? '');
const followed = withOptionTable(follow(present, files));

/** What `npm run docs:options` does. */
function withOptionTable(tree: Tree): Tree {
  const table = optionTable(tree, slug) ?? '';
  return new Map([...tree, [page, replaceTable(tree.get(page) ?? '', table) ?? '']]);
}

const text = (path: string) => followed.get(path) ?? '';
/** What a checker says about the files of the guide. */
const complaintsOf = (violations: (tree: Tree) => readonly string[]) =>
  violations(followed).filter((violation) => violation.includes(slug));

describe('the guide to adding a policy, followed', () => {
  let copy: string;

  beforeAll(() => {
    copy = copyOfRepository(files);
  });
  afterAll(() => rmSync(copy, { recursive: true, force: true }));

  /** Runs a tool in the copy; what it printed is the message when it fails. */
  const succeed = async (...args: readonly string[]): Promise<string> => {
    const env = { ...process.env, NO_COLOR: '1' };
    const ended = await promisify(execFile)(process.execPath, args, { cwd: copy, env }).catch(
      (error: unknown) => error,
    );
    const { code = 0, stdout, stderr } = ended as { code?: number; stdout: string; stderr: string };
    expect(code, `${args.join(' ')}\n${stdout}${stderr}`).toBe(0);
    return stdout;
  };
  const tool = (name: string) => inRepository(`node_modules/${name}`);

  it('breaks no rule of the architecture', () => {
    expect(complaintsOf(layoutViolations)).toEqual([]);
    expect(complaintsOf(importViolations)).toEqual([]);
    expect(complaintsOf(defaultViolations)).toEqual([]);
    expect(complaintsOf((tree) => unitViolations(tree, {}))).toEqual([]);
  });

  it('keeps the error table whole', () => {
    expect(errorsInPage(text('docs/guides/errors.md'))).toEqual(declaredErrors(followed));
  });

  it('compiles', async () => {
    expect(await succeed(tool('typescript/bin/tsc'), '-p', 'followed.tsconfig.json')).toBe('');
  });

  it('passes its own tests', async () => {
    expect(await succeed(tool('vitest/vitest.mjs'), 'run', ...unitTests, slug)).toMatch(/Test Files\s+2 passed/);
  });

  it('has a benchmark that runs', async () => {
    expect(await succeed(tool('vitest/vitest.mjs'), 'bench', '--run', ...unitTests, slug)).toContain('cooling down');
  });

  it('has an example that prints what it says', async () => {
    const example = `examples/policies/${slug}.ts`;

    expect(comparable(await succeed(...onSource, example))).toBe(comparable(expectedOutput(text(example)) ?? ''));
  });

  it('has a page whose blocks run', async () => {
    const blocks = snippetsOf(text(page)).filter(({ isRun }) => isRun);
    expect(blocks).not.toEqual([]);

    for (const { line, text: block } of blocks) {
      writeFileSync(`${copy}/line-${line}.ts`, block);
      await succeed(...onSource, `line-${line}.ts`);
    }
  });
});

describe('following a guide', () => {
  const fence = '```';

  it('takes blocks that name a path, and no others', () => {
    const guide = `${fence}typescript a/b.ts\n1;\n${fence}\n\n${fence}sh\nls a/b\n${fence}\n\n${fence}md a/c.md before="| x"\nrow\n${fence}\n`;

    expect(guideFiles(guide)).toEqual([
      { path: 'a/b.ts', text: '1;\n', before: undefined },
      { path: 'a/c.md', text: 'row\n', before: '| x' },
    ]);
  });

  it('writes new files, and inserts into those that exist', () => {
    const tree = treeOf({ 'a/b.ts': 'one;\n\n// two\ntwo;\n', 'a/c.md': '| a |\n| x |\n' });
    const change = [
      { path: 'a/new.ts', text: 'new;\n', before: undefined },
      { path: 'a/b.ts', text: '// new\nnew;\n', before: '// two' },
      { path: 'a/c.md', text: '| row |\n', before: '| x' },
    ];

    expect(Object.fromEntries(follow(tree, change))).toEqual({
      'a/new.ts': 'new;\n',
      'a/b.ts': 'one;\n\n// new\nnew;\n\n// two\ntwo;\n',
      'a/c.md': '| a |\n| row |\n| x |\n',
    });
  });

  it('changes nothing the second time, whatever formatting did to a table', () => {
    const change = [
      { path: 'a/new.ts', text: 'new;\n', before: undefined },
      { path: 'a/b.ts', text: '// new\nnew;\n', before: '// two' },
      { path: 'a/c.md', text: '| row | |\n', before: '| x' },
    ];
    const once = new Map(follow(treeOf({ 'a/b.ts': '// two\n', 'a/c.md': '| x |\n' }), change));
    once.set('a/c.md', '| row |      |\n| x   |\n');

    expect(follow(once, change)).toEqual(once);
  });

  it.each([
    ['a place that does not exist', { path: 'a/b.ts', text: 'new;\n', before: '// three' }],
    ['a file that does not exist', { path: 'a/d.ts', text: 'new;\n', before: '// two' }],
  ])('refuses %s', (_what, file) => {
    expect(() => follow(treeOf({ 'a/b.ts': '// two\n' }), [file])).toThrow('has no line');
  });
});

const settings = ['package.json', 'packages/core/package.json', 'packages/core/tsconfig.json', 'test/vitest.config.ts'];

/** Copies what the policy needs, links the installed packages, and writes the files of the guide. Returns its folder. */
function copyOfRepository(written: readonly GuideFile[]): string {
  const copy = mkdtempSync(`${tmpdir()}/holdfast-guide-`);
  for (const path of settings) {
    mkdirSync(dirname(`${copy}/${path}`), { recursive: true });
    cpSync(inRepository(path), `${copy}/${path}`);
  }
  cpSync(inRepository('packages/core/src'), `${copy}/packages/core/src`, { recursive: true });
  for (const { path } of written) {
    mkdirSync(dirname(`${copy}/${path}`), { recursive: true });
    writeFileSync(`${copy}/${path}`, text(path) || (written.find((file) => file.path === path)?.text ?? ''));
  }
  linkPackages(copy);
  const root = JSON.parse(readFileSync(inRepository('tsconfig.json'), 'utf8')) as object;
  writeFileSync(`${copy}/tsconfig.json`, JSON.stringify({ ...root, references: [] }));
  writeFileSync(`${copy}/followed.tsconfig.json`, JSON.stringify(compilerSettings));
  return copy;
}

/** Links each installed package, and `@holdfast/core` to the copy. */
function linkPackages(copy: string): void {
  mkdirSync(`${copy}/node_modules/@holdfast`, { recursive: true });
  for (const name of readdirSync(inRepository('node_modules'))) {
    if (name !== '@holdfast' && !name.startsWith('.')) {
      symlinkSync(inRepository(`node_modules/${name}`), `${copy}/node_modules/${name}`);
    }
  }
  symlinkSync('../../packages/core', `${copy}/node_modules/@holdfast/core`);
}

const compilerSettings = {
  extends: './tsconfig.json',
  compilerOptions: { noEmit: true, composite: false, isolatedDeclarations: false },
  files: [`examples/policies/${slug}.ts`],
  include: [`packages/core/src/policies/${slug}/*.ts`],
  references: [],
};
