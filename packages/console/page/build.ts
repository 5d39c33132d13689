/**
 * Build: bundles the page into `dist/page`, with names that change with what is in them.
 *
 * The same sources give the same files; nothing is written that is there already, and what is old goes last, so that a service
 * that serves the page meanwhile has a whole one.
 *
 * @module
 */

import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const source = fileURLToPath(new URL('.', import.meta.url));
const target = fileURLToPath(new URL('../dist/page/', import.meta.url));

const files = await bundle();
mkdirSync(target, { recursive: true });
for (const [name, bytes] of files) {
  const path = `${target}${name}`;
  if (!existsSync(path) || !readFileSync(path).equals(bytes)) writeFileSync(path, bytes);
}
for (const name of readdirSync(target)) if (!files.has(name)) rmSync(`${target}${name}`);

// --- internal ---

/** Returns the files of the page, by their names; the page itself is last. */
async function bundle(): Promise<ReadonlyMap<string, Buffer>> {
  const { outputFiles } = await build({
    entryPoints: { console: `${source}main.tsx`, style: `${source}style/console.css`, icon: `${source}icon.svg` },
    entryNames: '[name]-[hash]',
    outdir: target,
    loader: { '.svg': 'copy' },
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    target: ['es2022', 'chrome123', 'firefox120', 'safari17.5'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    charset: 'utf8',
    banner: { js: '/*! Holdfast console, MIT. With Preact, MIT, (c) Jason Miller. */' },
    logLevel: 'warning',
  });
  const built = new Map(outputFiles.map(({ path, contents }) => [basename(path), Buffer.from(contents)]));
  const find = (start: string): string => [...built.keys()].find((name) => name.startsWith(`${start}-`)) ?? '';
  const page = readFileSync(`${source}index.html`, 'utf8')
    .replace('{script}', `./${find('console')}`)
    .replace('{style}', `./${find('style')}`)
    .replace('{icon}', `./${find('icon')}`);
  return built.set('index.html', Buffer.from(page));
}
