/**
 * The error classes of core as the source declares them, and as the table of docs/guides/errors.md tells them.
 *
 * @module
 */

import {
  isPackageSource,
  isSyntaxNode,
  isTestFile,
  parse,
  walk,
  type SyntaxNode,
  type Tree,
} from '../architecture/source-tree.ts';

/** What the source says about an error, and the page must repeat. */
export interface ErrorFacts {
  readonly className: string;
  readonly name: string;
  readonly code: string;
  /** Public fields that the class declares itself, besides `code`, in order. */
  readonly fields: readonly string[];
  readonly isRejection: boolean;
}

/** Returns the concrete error classes that core declares, by class name. Throws on one without a literal `code` or a name. */
export function declaredErrors(tree: Tree): ErrorFacts[] {
  const sources = [...tree].filter(
    ([path]) => path.startsWith('packages/core/') && isPackageSource(path) && !isTestFile(path),
  );
  const classes = new Map(sources.flatMap(([path, text]) => classesOf(path, text)));
  const names = new Map(sources.flatMap(([path, text]) => namesOf(path, text)));
  return [...classes.values()]
    .filter((declared) => !declared.isAbstract && lineage(declared, classes).at(-1)?.endsWith('Error') === true)
    .map((declared) => factsOf(declared, lineage(declared, classes), names))
    .toSorted((a, b) => a.className.localeCompare(b.className));
}

/** Returns the rows of the error table of a page. Throws where there is no table, or a row of another shape. */
export function errorsInPage(page: string): ErrorFacts[] {
  const table = /<!-- errors:start -->\s*([\s\S]*?)\s*<!-- errors:end -->/.exec(page)?.[1];
  if (table === undefined) throw new SyntaxError('the page has no error table');
  return table.split('\n').slice(2).map(rowOf);
}

// --- internal ---

interface DeclaredClass {
  readonly className: string;
  readonly parent: string;
  readonly isAbstract: boolean;
  readonly code: string | undefined;
  readonly fields: readonly string[];
}

function classesOf(path: string, text: string): [string, DeclaredClass][] {
  const found: [string, DeclaredClass][] = [];
  walk(parse(path, text).body, (node) => {
    const [className, parent] = [identifier(node['id']), identifier(node['superClass'])];
    if (node.type !== 'ClassDeclaration' || className === undefined || parent === undefined) return;
    const members = (node['body'] as { readonly body: readonly SyntaxNode[] }).body;
    const properties = members.filter(
      (member) => member.type === 'PropertyDefinition' && member['accessibility'] !== 'private',
    );
    const code = properties.find((property) => identifier(property['key']) === 'code');
    const fields = properties.map((property) => identifier(property['key'])).filter((field) => field !== undefined);
    found.push([
      className,
      {
        className,
        parent,
        isAbstract: node['abstract'] === true,
        code: literal(code?.['value']),
        fields: fields.filter((field) => field !== 'code'),
      },
    ]);
  });
  return found;
}

/** The calls of `nameErrorClass(X, 'x')`. */
function namesOf(path: string, text: string): [string, string][] {
  const found: [string, string][] = [];
  walk(parse(path, text).body, (node) => {
    if (node.type !== 'CallExpression' || identifier(node['callee']) !== 'nameErrorClass') return;
    const [target, name] = node['arguments'] as readonly unknown[];
    found.push([identifier(target) ?? '', literal(name) ?? '']);
  });
  return found;
}

/** A class's own name, then its parents', the first that core does not declare included. */
function lineage({ className, parent }: DeclaredClass, classes: ReadonlyMap<string, DeclaredClass>): string[] {
  const above = classes.get(parent);
  return [className, ...(above === undefined ? [parent] : lineage(above, classes))];
}

function factsOf(
  { className, code, fields }: DeclaredClass,
  line: readonly string[],
  names: ReadonlyMap<string, string>,
): ErrorFacts {
  const name = line.map((ancestor) => names.get(ancestor)).find((found) => found !== undefined);
  if (name === undefined || code === undefined)
    throw new SyntaxError(`${className} needs a literal code and nameErrorClass()`);
  return { className, name, code, fields, isRejection: line.includes('RejectionError') };
}

function rowOf(row: string): ErrorFacts {
  const cells = row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
  if (cells.length !== 7 || cells.includes('', 4) || !['yes', 'no'].includes(cells[4] ?? '')) {
    throw new SyntaxError(`a row of the error table is incomplete: ${row}`);
  }
  const [className, name, code, fields, rejection] = cells.map(bare) as [string, string, string, string, string];
  return { className, name, code, fields: fields === '' ? [] : fields.split(', '), isRejection: rejection === 'yes' };
}

function bare(cell: string): string {
  return cell.trim().replaceAll('`', '');
}

function identifier(node: unknown): string | undefined {
  return isSyntaxNode(node) && typeof node['name'] === 'string' ? node['name'] : undefined;
}

function literal(node: unknown): string | undefined {
  return isSyntaxNode(node) && typeof node['value'] === 'string' ? node['value'] : undefined;
}
