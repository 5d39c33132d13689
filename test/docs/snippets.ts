/**
 * Takes the `ts` blocks out of Markdown pages and turns them into modules that can be checked and run.
 *
 * A block is a module of its own. `ts continues` appends the block to the one before it; `ts no-run` is only checked.
 * Blocks inside comments are left alone.
 *
 * @module
 */

import { fromMarkdown } from 'mdast-util-from-markdown';
import type { Code, Nodes } from 'mdast';

/** One module made of a block and those that continue it. */
export interface Snippet {
  /** Line of the page its first block starts in. */
  readonly line: number;
  readonly text: string;
  readonly isRun: boolean;
}

const words = new Set(['continues', 'no-run']);

/** Returns the snippets of a page in order. Throws on a mark it does not know, so that no block is skipped by mistake. */
export function snippetsOf(page: string): Snippet[] {
  const snippets: Snippet[] = [];
  for (const block of typeScriptBlocks(fromMarkdown(page))) {
    const line = block.position?.start.line ?? 0;
    const marks = (block.meta ?? '').split(/\s+/).filter((mark) => mark !== '');
    const unknown = marks.find((mark) => !words.has(mark));
    if (unknown !== undefined) throw new SyntaxError(`line ${line}: unknown mark ${unknown} of a ts block`);

    if (marks.includes('continues')) {
      const before = snippets.pop();
      if (before === undefined) throw new SyntaxError(`line ${line}: the first ts block continues nothing`);
      const isRun = before.isRun && !marks.includes('no-run');
      snippets.push({ ...before, text: `${before.text}\n${block.value}`, isRun });
    } else {
      snippets.push({ line, text: block.value, isRun: !marks.includes('no-run') });
    }
  }
  return snippets;
}

// --- internal ---

function typeScriptBlocks(node: Nodes): Code[] {
  if (node.type === 'code') return node.lang === 'ts' ? [node] : [];
  return 'children' in node ? node.children.flatMap((child) => typeScriptBlocks(child)) : [];
}
