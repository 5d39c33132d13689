/**
 * The coverage page: which test or page proves which capability. Its tables name files, and tests by their titles; this reads
 * them and compares them with what there is.
 *
 * @module
 */

import { posix } from 'node:path';

import { liveTests } from '../architecture/live-tests.ts';
import type { Tree } from '../architecture/source-tree.ts';

/** One row. */
export interface CoverageRow {
  /** `S2-17`. */
  readonly id: string;
  readonly capability: string;
  /** What proves it, or why nothing does. */
  readonly proof: string;
}

/** How many rows each group has. */
const groupSizes: Readonly<Record<string, number>> = { T: 16, S0: 24, S1: 22, S2: 50, S3: 10, S4: 28 };

/** The facts about Go's package context that have tests of their names. */
const factCount = 33;

const page = 'docs/coverage.md';
const factFolder = 'packages/core/src/kernel/';

/** Returns the rows of all tables of the page. */
export function coverageRows(text: string): CoverageRow[] {
  return text
    .split('\n')
    .filter((line) => /^\| (?:T|S\d-)\d+ /.test(line))
    .map((line) => {
      const [id = '', capability = '', proof = ''] = line
        .replace(/^\||\|$/g, '')
        .split('|')
        .map((cell) => cell.trim());
      return { id, capability, proof };
    });
}

/** Returns what is wrong with the page, as sentences. `tree` holds it and all tests; `exists` knows all paths there are. */
export function coverageViolations(tree: Tree, exists: (path: string) => boolean): string[] {
  const rows = coverageRows(tree.get(page) ?? '');
  const ids = rows.map(({ id }) => id);
  const expected = Object.entries(groupSizes).flatMap(([group, size]) =>
    Array.from({ length: size }, (_, at) => (group === 'T' ? `T${at + 1}` : `${group}-${at + 1}`)),
  );
  return [
    ...(ids.join() === expected.join()
      ? []
      : [`the rows are not those expected, in order: ${differences(ids, expected)}`]),
    ...rows.flatMap((row) => rowViolations(row, tree, exists)),
    ...missingFacts(tree),
  ];
}

// --- internal ---

function differences(found: readonly string[], expected: readonly string[]): string {
  const lacking = expected.filter((id) => !found.includes(id)).map((id) => `no ${id}`);
  const odd = found.filter((id, at) => !expected.includes(id) || found.indexOf(id) !== at).map((id) => `odd ${id}`);
  return [...lacking, ...odd].join(', ') || 'another order';
}

function rowViolations(
  { id, capability, proof }: CoverageRow,
  tree: Tree,
  exists: (path: string) => boolean,
): string[] {
  const links = [...proof.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, url = '']) => posix.join('docs', url));
  const hasReason = /(?:^|; )(?:not yet|left out): \S.{6}/.test(proof);
  return [
    ...(capability.length < 5 ? [`${id} says no capability`] : []),
    ...(links.length === 0 && !hasReason ? [`${id} has neither proof nor reason: ${proof}`] : []),
    ...links.filter((path) => !exists(path)).map((path) => `${id} names ${path}, which does not exist`),
    ...links
      .filter((path) => path.endsWith('.test.ts') && liveTests(path, tree.get(path) ?? '').length === 0)
      .map((path) => `${id} names ${path}, which has no live test`),
    ...namedTests(proof)
      .filter(({ title, path }) => !liveTests(path, tree.get(path) ?? '').some((test) => test.path.includes(title)))
      .map(({ title, path }) => `${id}: ${path} has no live test "${title}"`),
  ];
}

/** Tests that are named by title, right before their file. */
function namedTests(proof: string): { readonly title: string; readonly path: string }[] {
  return [...proof.matchAll(/(`+)(.+?)\1 \[[^\]]*\]\(\.\.\/([^)]*\.test\.ts)\)/g)].map(
    ([, , title = '', path = '']) => ({
      title: title.trim(),
      path,
    }),
  );
}

function missingFacts(tree: Tree): string[] {
  const titles = [...tree]
    .filter(([path]) => path.startsWith(factFolder) && path.endsWith('.conformance.test.ts'))
    .flatMap(([path, text]) => liveTests(path, text).map((test) => test.path.join(' ')));
  return Array.from({ length: factCount }, (_, at) => `B${at + 1}`)
    .filter((fact) => !titles.some((title) => new RegExp(`\\b${fact}\\b`).test(title)))
    .map((fact) => `no live test is named after ${fact}`);
}
