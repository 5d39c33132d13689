/**
 * Defaults are said once: the frozen table is the truth, and the `@defaultValue` tags and the pages repeat it.
 *
 * @module
 */

import { normalizeTable, optionTable, tableInPage } from '../docs/option-table.ts';
import { policySlugs } from './layout.ts';
import { defaultsTables, normalizeLiteral, optionsInterfaces, type DefaultEntry, type Option } from './options.ts';
import { isPackageSource, isTestFile, type Tree } from './source-tree.ts';

/** Returns every default that is said differently in two places, as sentences. */
export function defaultViolations(tree: Tree): string[] {
  const sources = [...tree].filter(([path]) => isPackageSource(path) && !isTestFile(path));
  return [
    ...sources.flatMap(([path, text]) => tagViolations(path, text)),
    ...policySlugs(tree).flatMap((slug) => pageViolations(tree, slug)),
  ];
}

// --- internal ---

/** Options that come from `PolicyPorts`. */
const ports: ReadonlySet<string> = new Set(['clock', 'random', 'events']);

function tagViolations(path: string, text: string): string[] {
  const interfaces = optionsInterfaces(path, text);
  return defaultsTables(path, text).flatMap(({ name, entries }) => {
    const wanted = `${name.replace(/Defaults$/, '')}Options`.toLowerCase();
    const found = interfaces.find((candidate) => candidate.name.toLowerCase() === wanted);
    if (found === undefined) return [`${path}: ${name} has no options interface`];
    return [
      ...entries.flatMap((entry) => entryViolations(`${path}: ${found.name}.${entry.name}`, entry, found.options)),
      ...tagsWithoutEntry(`${path}: ${found.name}`, found.options, entries),
    ];
  });
}

function entryViolations(place: string, entry: DefaultEntry, options: readonly Option[]): string[] {
  const option = options.find(({ name }) => name === entry.name);
  if (option === undefined && ports.has(entry.name)) return []; // every policy accepts them
  if (option === undefined) return [`${place} has a default and is no option`];
  if (option.defaultTag === undefined) {
    // The default name of a policy is its slug, everywhere.
    return entry.isLiteral && entry.name !== 'name' ? [`${place} has no @defaultValue; it is ${entry.text}`] : [];
  }
  if (normalizeLiteral(option.defaultTag) === normalizeLiteral(entry.text)) return [];
  return [`${place} is ${entry.text}, but its @defaultValue says ${option.defaultTag}`];
}

function tagsWithoutEntry(place: string, options: readonly Option[], entries: readonly DefaultEntry[]): string[] {
  return options
    .filter(({ name, defaultTag }) => defaultTag !== undefined && !entries.some((entry) => entry.name === name))
    .map(({ name }) => `${place}.${name} has a @defaultValue and no default`);
}

function pageViolations(tree: Tree, slug: string): string[] {
  const page = tree.get(`docs/policies/${slug}.md`);
  const table = optionTable(tree, slug);
  if (page === undefined || table === undefined) return []; // a missing page is a matter of layout

  const written = tableInPage(page);
  if (written === undefined) return [`docs/policies/${slug}.md has no option table`];
  if (normalizeTable(written) === normalizeTable(table)) return [];
  return [`docs/policies/${slug}.md: the option table is out of date; run npm run docs:options`];
}
