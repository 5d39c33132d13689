/**
 * The shape of pages: links lead somewhere, policy pages follow one template, decisions are in their index.
 *
 * @module
 */

import { posix } from 'node:path';

import { fromMarkdown } from 'mdast-util-from-markdown';
import type { Nodes } from 'mdast';

import type { Tree } from '../architecture/source-tree.ts';

/** Sections of a policy page, in order. */
export const sections: readonly string[] = [
  'About',
  'When not to use',
  'Usage',
  'Options and defaults',
  'Errors',
  'Events and metrics',
  'Diagram',
  'Order with other policies',
  'Anti-patterns',
  'Source',
];

/** Returns everything about the pages of `tree` that is out of shape, as sentences. `exists` knows all paths there are. */
export function shapeViolations(tree: Tree, exists: (path: string) => boolean): string[] {
  const pages = [...tree].filter(([path]) => path.startsWith('docs/') && path.endsWith('.md'));
  return [
    ...pages.flatMap(([path, text]) => brokenLinks(path, text, exists)),
    ...pages.filter(([path]) => path.startsWith('docs/policies/')).flatMap(([path, text]) => wrongSections(path, text)),
    ...missingDecisions(tree),
  ];
}

// --- internal ---

function brokenLinks(path: string, text: string, exists: (path: string) => boolean): string[] {
  return linksIn(fromMarkdown(text))
    .filter((url) => !/^(?:[a-z]+:|#)/.test(url))
    .map((url) => posix.join(posix.dirname(path), url.replace(/#.*$/, '')))
    .filter((target) => !exists(target))
    .map((target) => `${path} links to ${target}, which does not exist`);
}

function linksIn(node: Nodes): string[] {
  if (node.type === 'link') return [node.url];
  return 'children' in node ? node.children.flatMap((child) => linksIn(child)) : [];
}

function wrongSections(path: string, text: string): string[] {
  const found = [...text.matchAll(/^## (.+)$/gm)].map((match) => match[1] ?? '');
  if (found.join('\n') === sections.join('\n')) return [];
  return [`${path} has the sections ${found.join(', ')}; the template has ${sections.join(', ')}`];
}

function missingDecisions(tree: Tree): string[] {
  const index = tree.get('docs/adr/README.md') ?? '';
  return [...tree.keys()]
    .filter((path) => /^docs\/adr\/\d{4}-/.test(path))
    .filter((path) => !index.includes(`(${posix.basename(path)})`))
    .map((path) => `${path} is not in docs/adr/README.md`);
}
