/**
 * Lua sources: makes `packages/redis/src/lua-sources.ts` of the `.lua` files there, since the compiler copies only its own.
 *
 *   npm run lua   writes it; a test of the project `architecture` fails when it is stale
 *
 * A script stands beside the TypeScript that sends it: `rate-limiter/rate-limiter-take.lua` becomes the constant
 * `rateLimiterTakeLua`, in whichever folder below `src` it is. What several scripts share stands in a `<name>.part.lua`, which
 * becomes no constant, and is put in by a line of its own, `-- @include <path>`, relative to the file with that line and each
 * part once. Comments, indentation and empty lines are left out: a script's text is sent over the wire.
 *
 * @module
 */

import { writeFileSync } from 'node:fs';
import { posix } from 'node:path';
import { pathToFileURL } from 'node:url';

import { readRepositoryTree, type Tree } from '../architecture/source-tree.ts';
import { commandLineOf } from '../check/command-line.ts';
import { inRepository } from '../repository.ts';

/** The generated file, from the top of the repository. */
export const luaSourcesFile = 'packages/redis/src/lua-sources.ts';

/** Returns the text of the generated file. Throws where a part is missing, or two scripts would have the same name. */
export function luaSources(tree: Tree): string {
  const scripts = [...tree.keys()].filter((path) => isLua(path) && !path.endsWith('.part.lua')).toSorted();
  const names = scripts.map(constantName);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new SyntaxError(`two scripts would be called ${twice}`);
  return [header, ...scripts.map((path) => constant(path, tree))].join('\n\n') + '\n';
}

/** Returns `text` without comments, indentation and empty lines. Strings stay as they are. */
export function stripLua(text: string): string {
  const kept = text.replaceAll(tokens, (token: string) => (isComment(token) ? '' : token));
  const lines = kept.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '').join('\n');
}

// --- internal ---

const header = `/**
 * Lua sources: the texts of the scripts, made of the \`.lua\` files beside their TypeScript by \`npm run lua\`. Do not edit.
 *
 * @module
 */`;

/** Comments and strings, so that what looks like the one inside the other does not count. */
const tokens = /--\[\[[\s\S]*?\]\]|--[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|\[\[[\s\S]*?\]\]/g;

const include = /^[ \t]*-- @include (\S+)[ \t]*$/gm;

function isLua(path: string): boolean {
  return path.startsWith('packages/redis/src/') && path.endsWith('.lua');
}

function isComment(token: string): boolean {
  return token.startsWith('--');
}

function constantName(path: string): string {
  const slug = posix.basename(path, '.lua');
  return `${slug.replaceAll(/-(\w)/g, (_dash, letter: string) => letter.toUpperCase())}Lua`;
}

function constant(path: string, tree: Tree): string {
  const text = stripLua(withParts(path, tree, new Set()));
  const from = path.slice('packages/redis/src/'.length);
  const declaration = `export const ${constantName(path)}: string =`;
  const oneLine = `${declaration} ${quote(text)};`;
  const code = oneLine.length <= 120 ? oneLine : `${declaration}\n  ${quote(text)};`;
  return `/** The text of \`${from}\`, which says what it takes and gives. */\n${code}`;
}

function withParts(path: string, tree: Tree, seen: Set<string>): string {
  const text = tree.get(path);
  if (text === undefined) throw new SyntaxError(`${path} is included and does not exist`);
  return text.replaceAll(include, (_line, part: string) => {
    const target = posix.join(posix.dirname(path), part);
    if (seen.has(target)) return '';
    seen.add(target);
    return withParts(target, tree, seen);
  });
}

/** A string literal as the formatter writes it: with the quotes that need fewer escapes. */
function quote(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  const hasMoreSingles = text.split("'").length > text.split('"').length;
  return hasMoreSingles ? `"${escaped.replaceAll('"', '\\"')}"` : `'${escaped.replaceAll("'", "\\'")}'`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  commandLineOf({
    command: 'npm run lua --',
    purpose: 'Writes the texts of the Lua scripts into the module that imports them.',
    flags: {},
    examples: ['npm run lua'],
  });
  writeFileSync(inRepository(luaSourcesFile), luaSources(readRepositoryTree(['packages/redis/src'])));
}
