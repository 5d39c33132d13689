/**
 * Page files: the web page of the console, as the build left it in `dist/page`. They need no token, as there is nothing of the
 * service in them; what the page shows, it asks the API for, with the token that somebody typed in.
 *
 *   /  by a browser ─► /console/ ─► index.html ─► /console/console-<hash>.js, /console/style-<hash>.css
 *
 * Invariants
 *  (1) Only files of that folder are served, by the names that they had when it was first looked at.
 *  (2) The page loads, sends to and runs nothing but what came from here, and nothing that is written into it.
 *
 * @module
 */

import { readFileSync, readdirSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { extname } from 'node:path';

import { Problem } from './api/problem.ts';

/** A file, or a way to one. */
export interface PageAnswer {
  readonly status: 200 | 303;
  readonly bytes: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** Whether a request is for the page: its files, or the root of the API as a browser asks for it. */
export function isForPage({ method, url = '', headers }: IncomingMessage): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  const [path = ''] = url.split('?');
  if (path === '/console' || path.startsWith('/console/')) return true;
  return path === '/' && headers.authorization === undefined && headers.accept?.includes('text/html') === true;
}

/** Whether a browser asks for a page to show it, as when somebody follows a link. */
export function isNavigation({ headers }: IncomingMessage): boolean {
  return headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
}

/** Returns what a request for the page is answered. Throws a Problem where there is no such file. */
export function pageAnswer({ url = '' }: IncomingMessage): PageAnswer {
  const [path = ''] = url.split('?');
  if (!path.startsWith('/console/')) return NEXT_FOLDER;
  const name = path.slice('/console/'.length) || INDEX;
  const file = readFiles().get(name); // (1)
  if (file !== undefined) return file;
  throw new Problem(404, `the page has no ${JSON.stringify(name.slice(0, 60))}`, { code: 'NOT_FOUND' });
}

// --- internal ---

const INDEX = 'index.html';

/** The same folder from `src` and from `dist`. */
const FOLDER = new URL('../dist/page/', import.meta.url);

/** The way is relative, so that it leads there below a path of another server, too. */
const NEXT_FOLDER: PageAnswer = { status: 303, bytes: Buffer.alloc(0), headers: { Location: 'console/' } };

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; '); // (2)

const TYPES: Readonly<Record<string, string>> = Object.freeze({
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
});

let files: ReadonlyMap<string, PageAnswer> | undefined;

function readFiles(): ReadonlyMap<string, PageAnswer> {
  if (files !== undefined) return files;
  const names = namesIn(FOLDER);
  if (!names.includes(INDEX)) {
    const detail = 'the page was not built; in a checkout, run: npm run build';
    throw new Problem(404, detail, { code: 'PAGE_NOT_BUILT' });
  }
  files = new Map(names.map((name) => [name, fileOf(name)]));
  return files;
}

function namesIn(folder: URL): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function fileOf(name: string): PageAnswer {
  const isNamedByContent = name !== INDEX;
  const headers = {
    'Content-Type': TYPES[extname(name)] ?? 'application/octet-stream',
    'Content-Security-Policy': POLICY,
    'Cache-Control': isNamedByContent ? 'public, max-age=31536000, immutable' : 'no-store',
  };
  return { status: 200, bytes: readFileSync(new URL(name, FOLDER)), headers };
}
