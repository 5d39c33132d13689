/**
 * Import law: imports go down only, types included.
 *
 * Between packages, an import goes to a lower level, never sideways or up. Inside core, kernel and mechanisms know
 * only themselves, each policy is an island over both, and nobody imports the package root. Core imports no package
 * and no builtin. No file takes part in a cycle. Tests beside the source answer only to the package levels.
 *
 * @module
 */

import { posix } from 'node:path';

import { findCycles } from './cycles.ts';
import { isPackageSource, isSyntaxNode, isTestFile, parse, walk, type SyntaxNode, type Tree } from './source-tree.ts';

interface Import {
  readonly from: string;
  readonly specifier: string;
}

/** The level of each package; see the design, "Packages". */
const levels: Readonly<Record<string, number>> = {
  core: 0,
  ...levelOf(1, ['context', 'degradation', 'redis', 'metrics']),
  ...levelOf(2, ['http', 'grpc', 'sql', 'queue', 'service', 'openfeature', 'prometheus', 'opentelemetry']),
  ...levelOf(3, ['console', 'simulator']),
};

/** What each layer of core may import besides itself. */
const coreLayers: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  mechanisms: [],
  policies: ['kernel', 'mechanisms'],
  registry: ['kernel', 'mechanisms', 'policies'],
  inspection: ['kernel'],
  config: ['kernel', 'policies', 'registry', 'inspection'],
  fleet: ['kernel', 'mechanisms'],
  metrics: ['kernel', 'policies'],
  testing: ['kernel'],
  'index.ts': ['kernel', 'mechanisms', 'policies', 'registry', 'inspection', 'config', 'fleet', 'testing'],
};

/** Returns every import of `tree` that breaks the law, as sentences. */
export function importViolations(tree: Tree): string[] {
  const sources = [...tree.keys()].filter(isPackageSource);
  const imports = sources.flatMap((from) => importsOf(from, tree.get(from) ?? ''));
  const ours = imports.filter(({ from }) => !isTestFile(from));

  return [
    ...(tree.has('packages/core/package.json') ? [] : ['packages/core is missing']),
    ...sources.flatMap(unknownPlace),
    ...imports.flatMap(levelViolation),
    ...ours.flatMap((entry) => [...pathViolation(entry), ...coreViolation(entry)]),
    ...findCycles(relativeEdges(ours)).map((cycle) => `import cycle: ${cycle.join(' -> ')}`),
  ];
}

/** Returns the specifiers a file imports, type-only ones and `import('x')` included. */
function importsOf(from: string, text: string): Import[] {
  const imports: Import[] = [];
  walk(parse(from, text).body, (node) => {
    const source = sourceOf(node);
    if (source !== undefined) imports.push({ from, specifier: source });
  });
  return imports;
}

// --- internal ---

function levelOf(level: number, names: readonly string[]): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, level]));
}

function sourceOf(node: SyntaxNode): string | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
    case 'ImportExpression':
    case 'TSImportType':
      return literal(node['source'] ?? node['argument']);
    case 'TSExternalModuleReference':
      return literal(node['expression']);
    default:
      return undefined;
  }
}

function literal(node: unknown): string | undefined {
  if (!isSyntaxNode(node)) return undefined;
  if (node.type === 'TSLiteralType') return literal(node['literal']);
  return typeof node['value'] === 'string' ? node['value'] : undefined;
}

function unknownPlace(path: string): string[] {
  const name = packageOf(path);
  if (levels[name] === undefined) return [`${path}: package ${name} has no level; add it to the levels`];
  if (name === 'core' && coreLayers[layerOf(path)] === undefined)
    return [`${path}: core has no layer ${layerOf(path)}`];
  return [];
}

function levelViolation({ from, specifier }: Import): string[] {
  const target = /^@holdfast\/([^/]+)/.exec(specifier)?.[1];
  if (target === undefined) return [];

  const own = packageOf(from);
  if (target === own) {
    return isTestFile(from) ? [] : [`${from} imports ${specifier}: a package reaches its own files by path`];
  }
  const [ownLevel, targetLevel] = [levels[own], levels[target]];
  if (ownLevel === undefined) return []; // said already
  if (targetLevel === undefined) return [`${from} imports ${specifier}: no such package`];
  return targetLevel < ownLevel ? [] : [`${from} imports ${specifier}: level ${ownLevel} to level ${targetLevel}`];
}

function pathViolation({ from, specifier }: Import): string[] {
  if (/^@holdfast\/core\/testing$/.test(specifier) && !from.includes('/src/testing/')) {
    return [`${from} imports ${specifier}: the testing kit is for tests`];
  }
  const target = resolve(from, specifier);
  if (target === undefined) return [];
  if (!target.startsWith(`packages/${packageOf(from)}/`)) return [`${from} imports ${specifier}: leaves its package`];
  if (target.endsWith('/src/index.ts')) return [`${from} imports ${specifier}: nobody imports index.ts`];
  if (isTestFile(target)) return [`${from} imports ${specifier}: source does not import tests`];
  return [];
}

function coreViolation({ from, specifier }: Import): string[] {
  if (packageOf(from) !== 'core') return [];
  const target = resolve(from, specifier);
  if (target === undefined) return [`${from} imports ${specifier}: core has no dependencies`];
  if (!target.startsWith('packages/core/src/')) return []; // said already

  const [fromLayer, targetLayer] = [layerOf(from), layerOf(target)];
  if (fromLayer !== targetLayer) {
    const isAllowed = coreLayers[fromLayer]?.includes(targetLayer) ?? true;
    return isAllowed ? [] : [`${from} imports ${specifier}: ${fromLayer} may not import ${targetLayer}`];
  }
  if (fromLayer === 'policies' && islandOf(from) !== islandOf(target)) {
    return [`${from} imports ${specifier}: a policy may not import another policy`];
  }
  return [];
}

function relativeEdges(imports: readonly Import[]): Map<string, string[]> {
  const edges = new Map<string, string[]>();
  for (const { from, specifier } of imports) {
    const target = resolve(from, specifier);
    if (target !== undefined) edges.set(from, [...(edges.get(from) ?? []), target]);
  }
  return edges;
}

function resolve(from: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(from), specifier) : undefined;
}

/** `packages/<name>/...` */
function packageOf(path: string): string {
  return path.split('/')[1] ?? '';
}

/** `packages/core/src/<layer>/...` */
function layerOf(path: string): string {
  return path.split('/')[3] ?? '';
}

/** `packages/core/src/policies/<slug>/...` */
function islandOf(path: string): string {
  return path.split('/')[4] ?? '';
}
