/**
 * The charter page: which test proves which demand. Its tables name tests by file and title; this reads them and compares
 * them with the tests that there are. As a program with `--write`, it adds the rows of tests that name an item.
 *
 * @module
 */

import { writeFileSync } from 'node:fs';
import { posix } from 'node:path';

import { liveTests } from '../architecture/live-tests.ts';
import { type Tree, readRepositoryTree } from '../architecture/source-tree.ts';
import { inRepository } from '../repository.ts';

/** One row: a demand and either a test of it, or why there is none. */
export interface CharterRow {
  /** `A1`. */
  readonly item: string;
  /** Titles of groups and test, joined by ` > `, or a part of that; undefined where no test is named. */
  readonly test: string | undefined;
  /** File of the test, from the top of the repository. */
  readonly file: string | undefined;
  /** What the row says in place of a test: `later: ...`, `does not apply: ...` or `checked otherwise: ...`. */
  readonly verdict: string | undefined;
}

/** Returns the rows of all tables of the page. */
export function charterRows(page: string): CharterRow[] {
  return page
    .split('\n')
    .filter((line) => /^\| [A-Z]\d+ /.test(line))
    .map((line) => {
      const [item = '', , said = '', link = ''] = line
        .replace(/^\||\|$/g, '')
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim());
      const test = /^(`+) ?(.*?) ?\1$/.exec(said)?.[2]?.replaceAll('\\|', '|');
      return {
        item,
        test,
        file: /\]\(\.\.\/([^)]*)\)/.exec(link)?.[1],
        verdict: test === undefined ? said : undefined,
      };
    });
}

/** Returns what is wrong with the page, as sentences: `tree` holds the page and all test files. */
export function charterViolations(tree: Tree): string[] {
  const rows = charterRows(tree.get(charterPage) ?? '');
  const tests = testsIn(tree);
  return [
    ...rows.flatMap((row) => rowViolations(row, tests)),
    ...tests.flatMap((test) => unlisted(test, rows)),
    ...orderViolations(rows),
  ];
}

/** Returns the page with a row for each test that names an item and is not listed, after the last row of that item. */
export function withUnlistedTests(tree: Tree): string {
  let page = tree.get(charterPage) ?? '';
  for (const test of testsIn(tree)) {
    for (const item of unlistedItems(test, charterRows(page))) page = withRow(page, item, test);
  }
  return page;
}

// --- internal ---

const charterPage = 'docs/charter.md';
const folders = ['docs', 'packages', 'test'];

interface NamedTest {
  readonly file: string;
  readonly path: readonly string[];
}

function testsIn(tree: Tree): NamedTest[] {
  return [...tree]
    .filter(([file]) => file.endsWith('.test.ts'))
    .flatMap(([file, text]) => liveTests(file, text).map(({ path }) => ({ file, path })));
}

function withRow(page: string, item: string, { file, path }: NamedTest): string {
  const lines = page.split('\n');
  const last = lines.findLastIndex((line) => line.startsWith(`| ${item} `));
  const demand = lines[last]?.split('|')[2] ?? '';
  const title = (path.find((part) => itemsIn([part]).includes(item)) ?? '').replaceAll('|', '\\|');
  const code = title.includes('`') ? `\`\` ${title} \`\`` : `\`${title}\``;
  const row = `| ${item} |${demand}| ${code} | [${posix.basename(file)}](../${file}) |`;
  return last < 0 ? page : lines.toSpliced(last + 1, 0, row).join('\n');
}

function rowViolations({ item, test, file, verdict }: CharterRow, tests: readonly NamedTest[]): string[] {
  if (test === undefined) {
    const isReasoned = /^(?:later|does not apply|checked otherwise): \S.{10}/.test(verdict ?? '');
    return isReasoned ? [] : [`${item} names no test and gives no reason: ${verdict}`];
  }
  const isThere = tests.some((other) => other.file === file && isPartOf(test, other.path));
  return isThere ? [] : [`${item}: ${file ?? 'no file'} has no live test "${test}"`];
}

function unlisted(test: NamedTest, rows: readonly CharterRow[]): string[] {
  return unlistedItems(test, rows).map((item) => `${item} does not list "${test.path.join(' > ')}" of ${test.file}`);
}

/** Items that a test names, as in "charter A1", and that do not list it. */
function unlistedItems({ file, path }: NamedTest, rows: readonly CharterRow[]): string[] {
  return itemsIn(path).filter(
    (item) => !rows.some((row) => row.item === item && row.file === file && isPartOf(row.test ?? '', path)),
  );
}

function itemsIn(path: readonly string[]): string[] {
  const claims = [...path.join(' > ').matchAll(/\bcharter ((?:[A-Z]\d+(?:, )?)+)/g)];
  return claims.flatMap(([, items = '']) => items.split(', ').filter((item) => item !== ''));
}

/** Whether `name` is one or several whole titles of `path`. */
function isPartOf(name: string, path: readonly string[]): boolean {
  return ` > ${path.join(' > ')} > `.includes(` > ${name} > `);
}

function orderViolations(rows: readonly CharterRow[]): string[] {
  const items = rows.map(({ item }) => item).filter((item, index, all) => item !== all[index - 1]);
  const sorted = [...new Set(items)].toSorted(
    (a, b) => a[0]!.localeCompare(b[0]!) || Number(a.slice(1)) - Number(b.slice(1)),
  );
  return items.join() === sorted.join() ? [] : [`the items are not in order: ${items.join(', ')}`];
}

if (process.argv.includes('--write'))
  writeFileSync(inRepository(charterPage), withUnlistedTests(readRepositoryTree(folders)));
