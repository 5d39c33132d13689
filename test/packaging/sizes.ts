/**
 * The page of sizes, docs/benchmarks/sizes.md: what each export of core weighs, beside its budget.
 *
 *   node --import tsx test/packaging/sizes.ts    (npm run sizes) writes the page, of the last build
 *
 * @module
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';

import { commandLineOf } from '../check/command-line.ts';
import { inRepository } from '../repository.ts';
import { bundle } from './bundle.ts';
import { sizeBudgets } from './size-budgets.ts';

/** Where the page is, from the top of the repository. */
export const sizesPage = 'docs/benchmarks/sizes.md';

/** The sizes in bytes, minified and gzipped, of the exports with a budget, in the application in `folder`. */
export async function measureSizes(folder: string): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  for (const subpath of Object.keys(sizeBudgets)) {
    const { gzipBytes } = await bundle(`export * from '${specifierOf(subpath)}';`, folder);
    sizes.set(subpath, gzipBytes);
  }
  return sizes;
}

/** `@holdfast/core/retry` of `retry`. */
export function specifierOf(subpath: string): string {
  return subpath === '.' ? '@holdfast/core' : `@holdfast/core/${subpath}`;
}

/** The sizes and budgets on a page, by subpath. */
export function sizesOn(page: string): ReadonlyMap<string, { readonly size: number; readonly budget: number }> {
  const rows = page.matchAll(/^\| `@holdfast\/core\/?([a-z-]*)` +\| +([\d ]+) +\| +([\d ]+) +\|$/gm);
  return new Map(
    [...rows].map(([, subpath = '', size = '', budget = '']) => [
      subpath === '' ? '.' : subpath,
      { size: numberIn(size), budget: numberIn(budget) },
    ]),
  );
}

/** Returns `page` with a table of `sizes` between its markers. */
export function withSizes(page: string, sizes: ReadonlyMap<string, number>): string {
  const cells = [...sizes].map(([subpath, size]) => [
    `\`${specifierOf(subpath)}\``,
    grouped(size),
    grouped(sizeBudgets[subpath] ?? 0),
  ]);
  const table = [['import', 'bytes', 'budget'], ['---', '--:', '--:'], ...cells].map((row) => `| ${row.join(' | ')} |`);
  return page.replace(
    /(<!-- sizes:start -->)[\s\S]*(<!-- sizes:end -->)/,
    (_all, start: string, end: string) => `${start}\n\n${table.join('\n')}\n\n${end}`,
  );
}

// --- internal ---

function grouped(bytes: number): string {
  return String(bytes).replace(/(?<=\d)(?=(?:\d{3})+$)/g, ' ');
}

function numberIn(cell: string): number {
  return Number(cell.replaceAll(' ', ''));
}

/** A folder from which the built packages of the repository can be imported. */
function builtApplication(): string {
  const folder = inRepository('.cache/sizes');
  const scope = `${folder}/node_modules/@holdfast`;
  mkdirSync(scope, { recursive: true });
  if (!existsSync(`${scope}/core`)) symlinkSync(inRepository('packages/core'), `${scope}/core`);
  return folder;
}

if (process.argv[1] === import.meta.filename) {
  commandLineOf({
    command: 'npm run sizes --',
    purpose: 'Bundles each import of core, prints what it weighs, and writes that to the page of sizes.',
    flags: {},
    examples: ['npm run sizes'],
  });
  const path = inRepository(sizesPage);
  const sizes = await measureSizes(builtApplication());
  writeFileSync(path, withSizes(readFileSync(path, 'utf8'), sizes));
  execFileSync(inRepository('node_modules/.bin/oxfmt'), [sizesPage], { cwd: inRepository('.') });
  for (const [subpath, size] of sizes) console.log(`${specifierOf(subpath).padEnd(32)} ${grouped(size)}`);
}
