/**
 * Layout: one slug names the folder, file, test, benchmark, example and page; names say the concept, never the kind.
 *
 * @module
 */

import { isPackageSource, isSyntaxNode, isTestFile, parse, walk, type Tree } from './source-tree.ts';

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
  const inSource = /^packages\/[^/]+\/src\/(.*)$/.exec(path)?.[1];
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

  const names = testsOf(path, tree).flatMap((test) => testNames(test, tree.get(test) ?? ''));
  return invariants
    .filter((number) => !names.some((name) => new RegExp(`\\(${number}\\)|\\binvariant ${number}\\b`, 'i').test(name)))
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

/** In a policy's folder any test may prove an invariant; elsewhere it is one that starts with the file's name. */
function testsOf(path: string, tree: Tree): string[] {
  const folder = path.slice(0, path.lastIndexOf('/') + 1);
  const stem = folder.startsWith(`${policies}/`) ? folder : path.replace(/\.ts$/, '');
  return [...tree.keys()].filter((test) => {
    return test.endsWith('.test.ts') && test.startsWith(stem) && !test.slice(folder.length).includes('/');
  });
}

function testNames(path: string, text: string): string[] {
  const names: string[] = [];
  walk(parse(path, text).body, (node) => {
    if (node.type !== 'CallExpression' || !Array.isArray(node['arguments'])) return;
    const [first] = node['arguments'] as unknown[];
    if (!isSyntaxNode(first)) return;
    if (first.type === 'Literal' || first.type === 'TemplateLiteral') names.push(text.slice(first.start, first.end));
  });
  return names;
}
