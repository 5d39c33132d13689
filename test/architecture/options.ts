/**
 * Reads exported `*Options` interfaces and `*Defaults` tables from source, for the checks of names and defaults.
 *
 * @module
 */

import { isSyntaxNode, parse, type ParsedSource, type SyntaxNode } from './source-tree.ts';

/** One option of an `*Options` interface. */
export interface Option {
  readonly name: string;
  /** Its type, as written, on one line. */
  readonly type: string;
  readonly isNumeric: boolean;
  /** Its documentation without tags, on one line. */
  readonly doc: string;
  /** The text of its `@defaultValue` tag. */
  readonly defaultTag: string | undefined;
}

/** An exported `*Options` interface. */
export interface OptionsInterface {
  readonly name: string;
  readonly options: readonly Option[];
}

/** One entry of a `*Defaults` table. */
export interface DefaultEntry {
  readonly name: string;
  /** Its value, as written. */
  readonly text: string;
  /** Whether the value can be read off the text, so that the documentation must repeat it. */
  readonly isLiteral: boolean;
}

/** An exported `*Defaults` table. */
export interface DefaultsTable {
  readonly name: string;
  readonly entries: readonly DefaultEntry[];
}

/** Returns the exported `*Options` interfaces of a file. */
export function optionsInterfaces(path: string, text: string): OptionsInterface[] {
  const source = parse(path, text);
  return exportedDeclarations(source).flatMap((node) => {
    const name = nameOf(node['id']);
    if (node.type !== 'TSInterfaceDeclaration' || name?.endsWith('Options') !== true) return [];
    const body = node['body'] as { readonly body: readonly SyntaxNode[] };
    return [{ name, options: body.body.flatMap((member) => optionOf(member, source)) }];
  });
}

/** Returns the exported `*Defaults` tables of a file: object literals, bare or in `Object.freeze(...)`. */
export function defaultsTables(path: string, text: string): DefaultsTable[] {
  const source = parse(path, text);
  return exportedDeclarations(source).flatMap((node) => {
    if (node.type !== 'VariableDeclaration') return [];
    return (node['declarations'] as readonly SyntaxNode[]).flatMap((declarator) => {
      const name = nameOf(declarator['id']);
      const table = objectLiteral(declarator['init']);
      if (name?.endsWith('Defaults') !== true || table === undefined) return [];
      return [{ name, entries: entriesOf(table, source) }];
    });
  });
}

/** Puts a literal into one form: quotes, digit separators and spaces do not count. */
export function normalizeLiteral(text: string): string {
  return text
    .replace(/^`([^`]*)`$/, '$1')
    .replace(/^Object\.freeze\((.*)\)$/s, '$1')
    .replace(/ as const$/, '')
    .replaceAll(/(?<=\d)_(?=\d)/g, '')
    .replaceAll(/["']/g, "'")
    .replaceAll(/\s+/g, ' ')
    .trim();
}

// --- internal ---

function exportedDeclarations({ body }: ParsedSource): SyntaxNode[] {
  return body.flatMap((node) => {
    const declaration = node['declaration'];
    return node.type === 'ExportNamedDeclaration' && isSyntaxNode(declaration) ? [declaration] : [];
  });
}

function optionOf(member: SyntaxNode, source: ParsedSource): Option[] {
  const name = nameOf(member['key']);
  if (name === undefined) return [];
  const type = isSyntaxNode(member['typeAnnotation']) ? member['typeAnnotation']['typeAnnotation'] : undefined;
  const comment = docBefore(member, source);
  return [
    {
      name,
      type: isSyntaxNode(type) ? oneLine(source.text.slice(type.start, type.end)) : 'function',
      isNumeric: isNumeric(type),
      doc: oneLine(comment.split(/(?:^|\s)@[a-z]/, 1)[0] ?? ''),
      defaultTag: /(?:^|\s)@defaultValue[ \t]+(.*)$/m.exec(comment)?.[1]?.trim(),
    },
  ];
}

function isNumeric(type: unknown): boolean {
  if (!isSyntaxNode(type)) return false;
  if (type.type === 'TSUnionType') return (type['types'] as readonly unknown[]).some((part) => isNumeric(part));
  return type.type === 'TSNumberKeyword';
}

/** The doc comment that ends right before `node`, without its stars. */
function docBefore(node: SyntaxNode, { text, comments }: ParsedSource): string {
  const comment = comments.findLast(({ end }) => end <= node.start);
  if (comment === undefined || !comment.value.startsWith('*')) return '';
  if (text.slice(comment.end, node.start).trim() !== '') return '';
  return comment.value.replaceAll(/^[ \t]*\*[ \t]?/gm, '').trim();
}

function objectLiteral(node: unknown): SyntaxNode | undefined {
  if (!isSyntaxNode(node)) return undefined;
  if (node.type === 'ObjectExpression') return node;
  if (node.type === 'CallExpression') return objectLiteral((node['arguments'] as readonly unknown[])[0]);
  return objectLiteral(node['expression']); // `as const`, `satisfies T`
}

function entriesOf(table: SyntaxNode, { text }: ParsedSource): DefaultEntry[] {
  return (table['properties'] as readonly SyntaxNode[]).flatMap((property) => {
    const name = nameOf(property['key']);
    const value = property['value'];
    if (name === undefined || !isSyntaxNode(value)) return [];
    return [{ name, text: oneLine(text.slice(value.start, value.end)), isLiteral: isLiteral(value) }];
  });
}

function isLiteral(node: unknown): boolean {
  if (!isSyntaxNode(node)) return false;
  if (node.type === 'UnaryExpression') return isLiteral(node['argument']);
  if (node.type === 'ArrayExpression') return (node['elements'] as readonly unknown[]).every((part) => isLiteral(part));
  return node.type === 'Literal' || (node.type === 'Identifier' && node['name'] === 'Infinity');
}

function nameOf(node: unknown): string | undefined {
  if (!isSyntaxNode(node)) return undefined;
  const name = node['name'] ?? node['value'];
  return typeof name === 'string' ? name : undefined;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
