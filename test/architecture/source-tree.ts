/**
 * Source trees for the architecture tests: a tree maps paths, given from the top of the repository, to texts.
 * A checker is a function from a tree to the violations in it, so it runs on the real tree and on planted ones.
 *
 * @module
 */

import { readdirSync, readFileSync } from 'node:fs';

import { parseSync } from 'vite';

import { inRepository } from '../repository.ts';

/** Paths to texts. */
export type Tree = ReadonlyMap<string, string>;

/** A node of a syntax tree, as loosely as the checkers need it. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [property: string]: unknown;
}

/** A parsed source file. */
export interface ParsedSource {
  readonly text: string;
  readonly body: readonly SyntaxNode[];
  readonly comments: readonly { readonly value: string; readonly start: number; readonly end: number }[];
}

/** Reads what the checkers look at, unless they say otherwise: package sources and manifests, examples and pages. */
export function readRepositoryTree(folders: readonly string[] = ['packages', 'examples', 'docs']): Tree {
  const tree = new Map<string, string>();
  for (const folder of folders) readFolder(folder, tree);
  return tree;
}

/** Makes a tree from a literal, for planted violations. */
export function treeOf(files: Readonly<Record<string, string>>): Tree {
  return new Map(Object.entries(files));
}

/** Parses one TypeScript file; throws when it does not parse. */
export function parse(path: string, text: string): ParsedSource {
  const { program, comments, errors } = parseSync(path, text);
  if (errors.length > 0) throw new SyntaxError(`${path}: ${errors.map(({ message }) => message).join('; ')}`);
  return { text, body: program.body as unknown as SyntaxNode[], comments };
}

/** Calls `visit` with `node` and everything below it, except below a node for which it returns false. */
export function walk(node: unknown, visit: (node: SyntaxNode) => unknown): void {
  if (typeof node !== 'object' || node === null) return;
  if (isSyntaxNode(node) && visit(node) === false) return;
  for (const child of Object.values(node)) walk(child, visit);
}

/** Whether `value` is a node of a syntax tree. */
export function isSyntaxNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** Whether `path` is a TypeScript source file of a package. */
export function isPackageSource(path: string): boolean {
  return /^packages\/[^/]+\/(src|page)\/.*\.tsx?$/.test(path);
}

/** Whether `path` is a test or benchmark that sits beside the source. */
export function isTestFile(path: string): boolean {
  return /\.(test|test-d|bench)\.ts$/.test(path);
}

// --- internal ---

const skipped = new Set(['node_modules', 'dist', '.turbo', 'coverage', '.snippets', '.packed']);

function readFolder(folder: string, tree: Map<string, string>): void {
  for (const entry of readdirSync(inRepository(folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (skipped.has(entry.name)) continue;
    if (entry.isDirectory()) readFolder(path, tree);
    else if (entry.isFile()) tree.set(path, readFileSync(inRepository(path), 'utf8'));
  }
}
