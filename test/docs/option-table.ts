/**
 * The option tables of the policy pages, generated from the `*Options` interfaces and their `@defaultValue` tags.
 *
 *   npm run docs:options   writes them between the markers of docs/policies/<slug>.md
 *
 * @module
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

import { policySlugs } from '../architecture/layout.ts';
import { optionsInterfaces, type Option } from '../architecture/options.ts';
import { readRepositoryTree, type Tree } from '../architecture/source-tree.ts';
import { commandLineOf } from '../check/command-line.ts';
import { inRepository } from '../repository.ts';

const start = '<!-- options:start -->';
const end = '<!-- options:end -->';

/**
 * Returns the option table of policy `slug` in Markdown: the options of its main file, one table per interface, with a
 * heading line when there are several. Undefined when the policy takes no options.
 */
export function optionTable(tree: Tree, slug: string): string | undefined {
  const path = `packages/core/src/policies/${slug}/${slug}.ts`;
  const interfaces = optionsInterfaces(path, tree.get(path) ?? '').filter(({ options }) => options.length > 0);
  if (interfaces.length === 0) return undefined;

  return interfaces
    .map(({ name, options }) => [...(interfaces.length > 1 ? [`\`${name}\``, ''] : []), ...rows(options)].join('\n'))
    .join('\n\n');
}

/** Returns what is between the markers of a page; undefined when it has none. */
export function tableInPage(page: string): string | undefined {
  const [from, to] = [page.indexOf(start), page.indexOf(end)];
  return from < 0 || to < from ? undefined : page.slice(from + start.length, to).trim();
}

/** Returns `page` with `table` between its markers; undefined when it has none. */
export function replaceTable(page: string, table: string): string | undefined {
  const [from, to] = [page.indexOf(start), page.indexOf(end)];
  return from < 0 || to < from ? undefined : `${page.slice(0, from + start.length)}\n\n${table}\n\n${page.slice(to)}`;
}

/** Removes what formatting adds to a table: padding and the length of rules. */
export function normalizeTable(table: string): string {
  return table
    .split('\n')
    .map((line) =>
      line
        .replaceAll(/\s*\|\s*/g, '|')
        .replaceAll(/-{2,}/g, '-')
        .trim(),
    )
    .join('\n');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  commandLineOf({
    command: 'npm run docs:options --',
    purpose: 'Writes the tables of options on the pages of policies.',
    flags: {},
    examples: ['npm run docs:options'],
  });
  writeTables();
}

// --- internal ---

function rows(options: readonly Option[]): string[] {
  return [
    '| option | type | default | meaning |',
    '| --- | --- | --- | --- |',
    ...options.map(({ name, type, defaultTag, doc }) => {
      const cells = [code(name), code(type), defaultTag === undefined ? '' : code(defaultTag), withoutLinks(doc)];
      return `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`;
    }),
  ];
}

function code(text: string): string {
  return `\`${text.replaceAll('`', '')}\``;
}

function withoutLinks(doc: string): string {
  return doc.replaceAll(/\{@link ([^}|]+)(?:\|[^}]*)?\}/g, (_link, target: string) => code(target.trim()));
}

function writeTables(): void {
  const tree = readRepositoryTree();
  for (const slug of policySlugs(tree)) {
    const path = inRepository(`docs/policies/${slug}.md`);
    const table = optionTable(tree, slug);
    if (table === undefined || !existsSync(path)) continue;

    const page = readFileSync(path, 'utf8');
    const changed = replaceTable(page, table);
    if (changed === undefined) console.error(`docs/policies/${slug}.md has no ${start} and ${end}`);
    else if (normalizeTable(table) !== normalizeTable(tableInPage(page) ?? '')) writeFileSync(path, changed);
  }
}
