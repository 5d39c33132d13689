/**
 * Page block: runs a block of a page that speaks to a server, in a process of its own, and compares what it prints with what the
 * page says that it prints.
 *
 * @module
 */

import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';

import { inRepository, repository } from '../repository.ts';
import { snippetsOf } from './snippets.ts';

/** What a block has printed, and what it says that it prints. */
export interface BlockRun {
  readonly printed: string;
  readonly promised: string;
}

/** Runs the block of the page at `path` that reads the environment variable `variable`, with that set to `value`. */
export async function runPageBlock(path: string, variable: string, value: string): Promise<BlockRun> {
  const blocks = snippetsOf(readFileSync(inRepository(path), 'utf8'));
  const text = blocks.find((block) => block.text.includes(`process.env['${variable}']`))?.text;
  if (text === undefined) throw new Error(`${path} has no block that reads ${variable}`);
  const folder = inRepository(`test/docs/.snippets/${variable.toLowerCase()}`);
  mkdirSync(folder, { recursive: true });
  const file = `${folder}/block.ts`;
  writeFileSync(file, `${text}\nexport {};\n`);
  try {
    const flags = ['--conditions=@holdfast/source', '--import', 'tsx', file];
    const env = { ...process.env, [variable]: value };
    const options = { cwd: repository, env, timeout: 50_000, killSignal: 'SIGKILL' as const };
    const { stdout } = await promisify(execFile)(process.execPath, flags, options);
    return { printed: stdout, promised: promisedBy(text) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// --- internal ---

/** The comments behind what prints. */
function promisedBy(text: string): string {
  return [...text.matchAll(/^ *console\.log\(.*\); \/\/ (.+)$/gm)].map((match) => `${match[1]}\n`).join('');
}
