/**
 * What is mutated: every source of core but tests, benchmarks, the tables that tests share, and lists of exports.
 *
 * @module
 */

import { readdirSync } from 'node:fs';

import { inRepository } from '../repository.ts';

const folder = 'packages/core/src';

/** Returns the sources of core whose path contains one of `fragments`; all of them without fragments. */
export function coreSources(fragments: readonly string[]): string[] {
  return readdirSync(inRepository(folder), { recursive: true, encoding: 'utf8' })
    .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
    .filter(isMutated)
    .filter((path) => fragments.length === 0 || fragments.some((fragment) => path.includes(fragment)))
    .toSorted();
}

/** Returns the folder of `path`, without a slash at the end. */
export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

// --- internal ---

function isMutated(path: string): boolean {
  if (!path.endsWith('.ts') || /\.(test|test-d|bench)\.ts$/.test(path)) return false;
  return !/\/testing\/(testing|described-policy|[a-z-]+-table)\.ts$|\/src\/index\.ts$/.test(path);
}
