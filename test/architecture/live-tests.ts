/**
 * Live tests: those of a file that run and can fail. A test that is skipped, to do, expected to fail or without a body
 * proves nothing, nor does one inside such a group, nor a call of anything else with a title for an argument.
 *
 * @module
 */

import { isSyntaxNode, parse, walk, type SyntaxNode } from './source-tree.ts';

/** A test that runs. */
export interface LiveTest {
  /** As written; of a template, the source between the backticks. */
  readonly title: string;
  /** Titles of its groups, outermost first, and its own. */
  readonly path: readonly string[];
}

/** Returns the live tests of a test file, in order. */
export function liveTests(file: string, text: string): LiveTest[] {
  const found: LiveTest[] = [];
  collect(parse(file, text).body, [], { text, found });
  return found;
}

// --- internal ---

interface Search {
  readonly text: string;
  readonly found: LiveTest[];
}

const testNames = new Set(['it', 'test']);
const groupNames = new Set(['describe', 'suite']);

/** What may follow the name: `it.each(...)`, `it.concurrent.for(...)`. Whatever else does keeps tests from proving. */
const liveModifiers = new Set(['each', 'for', 'concurrent', 'sequential']);
const deadOptions = new Set(['skip', 'todo', 'fails']);

function collect(nodes: unknown, groups: readonly string[], search: Search): void {
  walk(nodes, (node) => {
    const name = node.type === 'CallExpression' ? rootName(node['callee']) : undefined;
    if (name === undefined) return true;
    const title = titleOf(node, search.text);
    if (title === undefined) return true; // `it.each(...)` itself; the call around it has the title
    if (!isLive(node)) return false;
    if (testNames.has(name)) search.found.push({ title, path: [...groups, title] });
    else collect(node['arguments'], [...groups, title], search);
    return false;
  });
}

/** `it` of `it`, `it.each(...)` and `it.concurrent.for(...)`; undefined where it is another or is not live. */
function rootName(callee: unknown): string | undefined {
  const { names } = chainOf(callee);
  const [root = ''] = names;
  return testNames.has(root) || groupNames.has(root) ? root : undefined;
}

function chainOf(callee: unknown): { readonly names: readonly string[] } {
  if (!isSyntaxNode(callee)) return { names: [''] };
  if (callee.type === 'Identifier') return { names: [String(callee['name'])] };
  if (callee.type === 'CallExpression' || callee.type === 'TaggedTemplateExpression')
    return chainOf(callee['callee'] ?? callee['tag']);
  if (callee.type !== 'MemberExpression' || callee['computed'] === true) return { names: [''] };
  const property = callee['property'] as SyntaxNode;
  return { names: [...chainOf(callee['object']).names, String(property['name'])] };
}

function isLive(call: SyntaxNode): boolean {
  const [, ...modifiers] = chainOf(call['callee']).names;
  const [, ...rest] = call['arguments'] as SyntaxNode[];
  const hasBody = rest.some(({ type }) => type !== 'ObjectExpression' && type !== 'Literal');
  return hasBody && modifiers.every((name) => liveModifiers.has(name)) && !rest.some(isDeadOption);
}

function isDeadOption({ type, properties }: SyntaxNode): boolean {
  if (type !== 'ObjectExpression') return false;
  return (properties as SyntaxNode[]).some(({ key }) => isSyntaxNode(key) && deadOptions.has(String(key['name'])));
}

function titleOf({ arguments: given }: SyntaxNode, text: string): string | undefined {
  const [first, ...rest] = given as unknown[];
  if (!isSyntaxNode(first)) return undefined;
  if (first.type === 'Literal' && typeof first['value'] === 'string') return first['value'];
  if (first.type === 'TemplateLiteral') return text.slice(first.start + 1, first.end - 1);
  return rest.length > 0 ? '' : undefined; // a title that is computed names nothing
}
