/**
 * Takes the files out of a guide: code blocks that name a path, in full or as something to insert.
 *
 *   ```typescript packages/core/src/a.ts                     the whole file
 *   ```typescript packages/core/src/index.ts before="// b"   goes before the first line that starts with `// b`
 *
 * @module
 */

import { fromMarkdown } from 'mdast-util-from-markdown';
import type { Code } from 'mdast';

import type { Tree } from '../architecture/source-tree.ts';

/** One file of a guide. */
export interface GuideFile {
  /** From the top of the repository. */
  readonly path: string;
  readonly text: string;
  /** How the line starts, backticks aside, before which `text` goes; undefined where `text` is the whole file. */
  readonly before: string | undefined;
}

/** Returns the files of a guide, in order. */
export function guideFiles(guide: string): GuideFile[] {
  return fromMarkdown(guide)
    .children.filter((node): node is Code => node.type === 'code')
    .flatMap(({ meta, value }) => {
      const [, path, before] = /^([^\s"]+\/[^\s"]+)(?:\s+before="(.*)")?$/.exec(meta ?? '') ?? [];
      return path === undefined ? [] : [{ path, text: `${value}\n`, before }];
    });
}

/**
 * Returns `tree` as it is when somebody has followed a guide. What is there already, because somebody did, is left alone.
 * Throws where there is no line to insert something before.
 */
export function follow(tree: Tree, files: readonly GuideFile[]): Tree {
  const followed = new Map(tree);
  for (const file of files) {
    followed.set(file.path, file.before === undefined ? file.text : insert(file, followed.get(file.path) ?? ''));
  }
  return followed;
}

// --- internal ---

function insert({ path, text, before }: GuideFile, present: string): string {
  const lines = present.split('\n');
  const known = new Set(lines.map(withoutPadding));
  if (
    text
      .trimEnd()
      .split('\n')
      .map(withoutPadding)
      .every((line) => known.has(line))
  )
    return present;

  const at = lines.findIndex((line) => line.replaceAll('`', '').startsWith(before ?? ''));
  if (at < 0) throw new Error(`${path} has no line that starts with ${before}`);
  const gap = path.endsWith('.ts') ? '\n' : ''; // a block of code stands alone, a row belongs to its table
  return [...lines.slice(0, at), `${text}${gap}`.replace(/\n$/, ''), ...lines.slice(at)].join('\n');
}

function withoutPadding(line: string): string {
  return line.replaceAll(/\s+/g, ' ').trim();
}
