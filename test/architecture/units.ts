/**
 * Units live in names: a numeric option says what it counts.
 *
 * @module
 */

import { optionsInterfaces } from './options.ts';
import { isPackageSource, isTestFile, type Tree } from './source-tree.ts';

const accepted = /(?:Ms|Bytes|Ratio|PerSecond|Count)$|^(?:max|min|minimum|half)[A-Z]/;

/** Returns every numeric option without a unit in its name, as sentences. `exceptions` maps names to reasons. */
export function unitViolations(tree: Tree, exceptions: Readonly<Record<string, string>>): string[] {
  return [...tree]
    .filter(([path]) => isPackageSource(path) && !isTestFile(path))
    .flatMap(([path, text]) =>
      optionsInterfaces(path, text).flatMap(({ name, options }) => {
        return options
          .filter((option) => option.isNumeric && !accepted.test(option.name) && exceptions[option.name] === undefined)
          .map((option) => `${path}: ${name}.${option.name} does not say its unit`);
      }),
    );
}
