/**
 * Where things are in the repository, for the checks that read it.
 *
 * @module
 */

import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Absolute path of the repository, without a trailing slash. */
export const repository = fileURLToPath(new URL('..', import.meta.url)).replace(/[/\\]$/, '');

/** Absolute path of `path`, which is given from the top of the repository. */
export function inRepository(path: string): string {
  return `${repository}/${path}`;
}

/** Names of the packages, in alphabetical order: `['console', 'core', ...]`. */
export function packageNames(): string[] {
  return readdirSync(inRepository('packages'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .toSorted();
}
