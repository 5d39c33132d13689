/**
 * Writes the snippets of every page as modules, so that one compiler run checks them all and one process runs a page.
 *
 * @module
 */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

import { readRepositoryTree } from '../architecture/source-tree.ts';
import { inRepository, repository } from '../repository.ts';
import { snippetsOf, type Snippet } from './snippets.ts';

/** A page with TypeScript in it. */
export interface Page {
  /** From the top of the repository: `docs/policies/retry.md`. */
  readonly path: string;
  readonly snippets: readonly Snippet[];
}

/** Where the modules go. */
export const snippetFolder = inRepository('test/docs/.snippets');

/** Returns the pages that hold at least one `ts` block. */
export function pagesWithSnippets(): Page[] {
  const pages = [...readRepositoryTree()].filter(([path]) => path.endsWith('.md') && !path.endsWith('.api.md'));
  const all: [string, string][] = [['README.md', readFileSync(inRepository('README.md'), 'utf8')], ...pages];
  return all
    .map(([path, text]) => ({ path, snippets: snippetsOf(text) }))
    .filter(({ snippets }) => snippets.length > 0);
}

/** Returns the file of a snippet: its name says page and line. */
export function snippetFile({ path }: Page, { line }: Snippet): string {
  return `${snippetFolder}/${path.replace(/\.md$/, '').replaceAll('/', '.')}.line-${line}.ts`;
}

/** Writes every snippet of `pages`, and the compiler settings they are checked with. */
export function writeSnippets(pages: readonly Page[]): void {
  rmSync(snippetFolder, { recursive: true, force: true });
  mkdirSync(snippetFolder, { recursive: true });
  for (const page of pages) {
    for (const snippet of page.snippets) {
      // `export {}` makes a module of a block without imports, so that it may await and shares no names.
      writeFileSync(snippetFile(page, snippet), `${snippet.text}\nexport {};\n`);
    }
  }
  writeFileSync(`${snippetFolder}/tsconfig.json`, JSON.stringify(compilerSettings, undefined, 2));
}

// --- internal ---

const compilerSettings = {
  extends: `${repository}/tsconfig.json`,
  compilerOptions: {
    noEmit: true,
    composite: false,
    isolatedDeclarations: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
  },
  include: ['*.ts'],
};
