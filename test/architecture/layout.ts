/**
 * Layout: one slug names the folder, file, test, benchmark, example and page; names say the concept, never the kind.
 *
 * @module
 */

import { liveTests } from './live-tests.ts';
import { numberingViolations } from './numbering.ts';
import { isPackageSource, isTestFile, type Tree } from './source-tree.ts';

const policies = 'packages/core/src/policies';
const maxLines = 300;

/** Names that say what kind of code a file holds instead of what it is about. */
const bannedNames = new Set(
  ['types', 'interfaces', 'utils', 'util', 'helpers', 'helper', 'common', 'constants', 'misc'].flatMap((name) => [
    name,
    `${name}.ts`,
  ]),
);

/** Returns everything in `tree` that is missing or in the wrong place, as sentences. */
export function layoutViolations(tree: Tree): string[] {
  const sources = [...tree.keys()].filter((path) => isPackageSource(path) && !isTestFile(path));
  return [
    ...(tree.has('packages/core/package.json') ? [] : ['packages/core is missing']),
    ...policySlugs(tree).flatMap((slug) => missingMirrors(tree, slug)),
    ...[...tree.keys()].flatMap(nameViolations),
    ...sources.flatMap((path) => headerViolations(path, tree.get(path) ?? '')),
    ...sources.flatMap((path) => numberingViolations(path, tree.get(path) ?? '')),
    ...sources.flatMap((path) => invariantViolations(path, tree)),
  ];
}

/** Returns the slugs of the policies: the folders under policies/. */
export function policySlugs(tree: Tree): string[] {
  const slugs = [...tree.keys()].flatMap((path) => {
    const slug = path.startsWith(`${policies}/`) ? path.split('/')[4] : undefined;
    return slug === undefined ? [] : [slug];
  });
  return [...new Set(slugs)].toSorted();
}

// --- internal ---

function missingMirrors(tree: Tree, slug: string): string[] {
  const mirrors = [
    ...['.ts', '.test.ts', '.prop.test.ts', '.test-d.ts', '.bench.ts'].map(
      (end) => `${policies}/${slug}/${slug}${end}`,
    ),
    `examples/policies/${slug}.ts`,
    `docs/policies/${slug}.md`,
  ];
  return mirrors.filter((path) => !tree.has(path)).map((path) => `policy ${slug} lacks ${path}`);
}

function nameViolations(path: string): string[] {
  const inSource = /^packages\/[^/]+\/(?:src|page)\/(.*)$/.exec(path)?.[1];
  if (inSource === undefined) return [];

  return inSource
    .split('/')
    .flatMap((name) => [
      ...(bannedNames.has(name) ? [`${path}: ${name} says a kind of code, not a concept`] : []),
      ...(name === 'index.ts' && inSource !== 'index.ts' ? [`${path}: index.ts only at the package root`] : []),
      ...(/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9-]+)*$/.test(name) ? [] : [`${path}: ${name} is not kebab-case`]),
    ]);
}

function headerViolations(path: string, text: string): string[] {
  const lines = text.trimEnd().split('\n').length;
  const needsSource = path.includes('/src/mechanisms/');
  return [
    ...(lines > maxLines ? [`${path}: ${lines} lines, more than ${maxLines}`] : []),
    ...(headerOf(text) === undefined ? [`${path}: no module doc at the top`] : []),
    ...(needsSource && !/^\s*\*\s+Source: \S/m.test(text) ? [`${path}: no "Source:" line names the algorithm`] : []),
  ];
}

function invariantViolations(path: string, tree: Tree): string[] {
  const invariants = numberedInvariants(headerOf(tree.get(path) ?? '') ?? '');
  if (invariants.length === 0) return [];

  const concepts = numberedConcepts(folderOf(path), tree);
  const tests = testsBeside(path, tree);
  return invariants
    .filter((number) => !tests.some((test) => proves(test, { path, number, concepts })))
    .map((number) => `${path}: no test beside it is named after invariant ${number}`);
}

/** The doc comment the file opens with. */
function headerOf(text: string): string | undefined {
  return /^(?:#!.*\n)?\/\*\*[\s\S]*?\*\//.exec(text)?.[0];
}

function numberedInvariants(header: string): string[] {
  const section = /^\s*\*\s+Invariants\b[^\n]*\n([\s\S]*)$/m.exec(header)?.[1] ?? '';
  return [...section.matchAll(/^\s*\*\s+\((\d+)\)/gm)].map((match) => match[1] ?? '');
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

/** The stem of a file: its name up to the first dot. */
function conceptOf(path: string): string {
  return path.slice(folderOf(path).length).replace(/\..*$/, '');
}

/** Concepts of the files in `folder` that number invariants, the longest first. */
function numberedConcepts(folder: string, tree: Tree): string[] {
  return [...tree]
    .filter(([path]) => isPackageSource(path) && !isTestFile(path) && folderOf(path) === folder)
    .filter(([, text]) => numberedInvariants(headerOf(text) ?? '').length > 0)
    .map(([path]) => conceptOf(path))
    .toSorted((a, b) => b.length - a.length);
}

interface TestBeside {
  /** Concept that the test's file is named after. */
  readonly home: string;
  /** Titles of its groups and its own. */
  readonly name: string;
}

/** The live tests in the folder of `path`. */
function testsBeside(path: string, tree: Tree): readonly TestBeside[] {
  const folder = folderOf(path);
  const found = testsOf.get(tree) ?? new Map<string, readonly TestBeside[]>();
  testsOf.set(tree, found);
  const tests = found.get(folder) ?? testsIn(folder, tree);
  found.set(folder, tests);
  return tests;
}

/** What was found before, by folder: to parse the tests of a folder once for all of its files. */
const testsOf = new WeakMap<Tree, Map<string, readonly TestBeside[]>>();

function testsIn(folder: string, tree: Tree): TestBeside[] {
  const files = [...tree].filter(([file]) => file.endsWith('.test.ts') && folderOf(file) === folder);
  return files.flatMap(([file, text]) =>
    liveTests(file, text).map((test) => ({ home: conceptOf(file), name: test.path.join(' > ') })),
  );
}

interface Claim {
  readonly path: string;
  readonly number: string;
  readonly concepts: readonly string[];
}

/**
 * Whether a test proves invariant `number` of `path`: it has the number, and it is the file's own that it means. That is
 * the concept right before the number, `<concept> (n)`. Where there is none, it is the file that the test is named after,
 * any file that it names, and in a policy's folder the only one that numbers invariants.
 */
function proves({ home, name }: TestBeside, { path, number, concepts }: Claim): boolean {
  const own = conceptOf(path);
  const isAlone = path.startsWith(`${policies}/`) && concepts.length === 1;
  const isOurs = home === own || isAlone || namesConcept(name, own, concepts);
  return numberRuns(name)
    .filter(({ numbers }) => numbers.includes(number))
    .some(({ before }) => {
      const meant = concepts.find((concept) => new RegExp(`${wordOf(concept)}$`, 'i').test(before));
      return meant === undefined ? isOurs : meant === own;
    });
}

/** The runs of numbers in a name, `(1), (2)` or `invariant 2`, each with the text before it. */
function numberRuns(name: string): { readonly before: string; readonly numbers: readonly string[] }[] {
  const text = name.replace(/\binvariant (\d+)\b/gi, '($1)');
  return [...text.matchAll(/\(\d+\)(?:(?:,| and)? ?\(\d+\))*/g)].map((run) => ({
    before: text.slice(0, run.index).trimEnd(),
    numbers: [...run[0].matchAll(/\d+/g)].map(([digits]) => digits),
  }));
}

/** Whether `name` has the concept `own` in it, and not only as a part of a longer one: "circuit" in "circuit breaker". */
function namesConcept(name: string, own: string, concepts: readonly string[]): boolean {
  let rest = name;
  for (const concept of concepts) {
    if (concept === own) return new RegExp(wordOf(own), 'i').test(rest);
    rest = rest.replaceAll(new RegExp(wordOf(concept), 'gi'), '_');
  }
  return false;
}

/** The pattern of a concept, its dashes as they are or as spaces. */
function wordOf(concept: string): string {
  return `\\b${concept.replaceAll('-', '[- ]')}\\b`;
}
