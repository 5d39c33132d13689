/**
 * Every `ts` block of the pages compiles and runs.
 *
 * @module
 */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { beforeAll, describe, expect, it } from 'vitest';

import { inRepository } from '../repository.ts';
import { runSource } from '../setup/run-source.ts';
import { pagesWithSnippets, snippetFile, snippetFolder, writeSnippets } from './pages.ts';
import { snippetsOf } from './snippets.ts';

const run = promisify(execFile);
const fence = '```';
const block = (mark: string, text: string) => `${fence}ts${mark}\n${text}\n${fence}\n`;

const pages = pagesWithSnippets();

describe('the blocks of the pages', () => {
  beforeAll(() => writeSnippets(pages));

  it.runIf(pages.length > 0)('compile', async () => {
    const { stdout } = await run(inRepository('node_modules/.bin/tsc'), ['-p', snippetFolder]).catch(
      (error: { stdout: string }) => error,
    );

    expect(stdout).toBe('');
  });

  it.concurrent.for(pages.map((page) => [page.path, page] as const))('run: %s', async ([, page], { expect: check }) => {
    const files = page.snippets.filter(({ isRun }) => isRun).map((snippet) => snippetFile(page, snippet));
    if (files.length === 0) return;

    await check(runSource('test/docs/run-modules.ts', files)).resolves.toBeTypeOf('string');
  });
});

describe('taking blocks out of a page', () => {
  it('takes ts blocks only, also in lists', () => {
    const page = `# A\n\n${fence}sh\nls\n${fence}\n\n${block('', 'a();')}\n- b\n\n  ${fence}ts\n  b();\n  ${fence}\n`;

    expect(snippetsOf(page).map(({ text }) => text)).toEqual(['a();', 'b();']);
  });

  it('leaves blocks inside comments alone', () => {
    expect(snippetsOf(`<!--\n${block('', 'a();')}-->\n`)).toEqual([]);
  });

  it('joins a block with those that continue it', () => {
    const page = `${block('', 'a();')}\n${block(' continues', 'b();')}\n${block('', 'c();')}`;

    expect(snippetsOf(page)).toEqual([
      { line: 1, text: 'a();\nb();', isRun: true },
      { line: 9, text: 'c();', isRun: true },
    ]);
  });

  it('only checks a block marked no-run', () => {
    expect(snippetsOf(block(' no-run', 'a();'))).toEqual([{ line: 1, text: 'a();', isRun: false }]);
  });

  it.each([block(' norun', 'a();'), block(' continues', 'a();')])('refuses %j', (page) => {
    expect(() => snippetsOf(page)).toThrow(SyntaxError);
  });
});
