/**
 * Begin text: the one message that begins a transaction, with all that holds for it.
 *
 * What must hold for the transaction only is set with `set_config(..., true)`: the server forgets it at the end, so it never
 * comes to whoever has the connection next, and a pooler between may hand connections out per transaction.
 *
 * @module
 */

import { ConfigError, oneOf, withKnown } from '@holdfast/core';

/** How a transaction runs. */
export interface TransactionOptions {
  /** What it sees of others. By default what the server is set to, which is `read committed` where nobody changed it. */
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable';
  /** Whether it may only read. Its COMMIT has nothing to lose, so an answer that is missing is no error. @defaultValue false */
  readonly readOnly?: boolean;
  /** Whether a serializable, read-only one waits for a moment in which it cannot fail. @defaultValue false */
  readonly deferrable?: boolean;
  /**
   * Settings of the server that hold in this transaction and nowhere else: `{ 'app.tenant': 'acme' }`, which policies of
   * row-level security read with `current_setting('app.tenant')`.
   */
  readonly settings?: Readonly<Record<string, string>>;
}

/**
 * Checks how a transaction is to run. Returns a copy: what the caller changes later has no effect.
 *
 * @throws ConfigError or TypeError when it cannot.
 */
export function checkTransaction(options: TransactionOptions): TransactionOptions {
  const known = withKnown('transaction', {}, options, ['isolation', 'readOnly', 'deferrable', 'settings']);
  if (known.isolation !== undefined) oneOf('transaction.isolation', known.isolation, isolations);
  for (const flag of ['readOnly', 'deferrable'] as const)
    if (known[flag] !== undefined) oneOf(`transaction.${flag}`, known[flag], [true, false]);
  if (known.settings === undefined) return known;
  return { ...known, settings: checkedSettings(known.settings) };
}

/** Returns what `BEGIN` sends, all at once. `remainingMs` is the time until the deadline; Infinity sets no limit. */
export function beginText(options: TransactionOptions, remainingMs: number): string {
  const { isolation, readOnly = false, deferrable = false, settings = {} } = options;
  const modes = [
    ...(isolation === undefined ? [] : [`ISOLATION LEVEL ${isolation.toUpperCase()}`]),
    ...(readOnly ? ['READ ONLY'] : []),
    ...(deferrable ? ['DEFERRABLE'] : []),
  ];
  const limit = statementLimit(remainingMs);
  const statements = [
    ['BEGIN', ...modes].join(' '),
    ...(limit === undefined ? [] : [limitText(limit)]),
    ...Object.entries(settings).map(([name, value]) => `SELECT set_config(${literal(name)}, ${literal(value)}, true)`),
  ];
  return statements.join('; ');
}

/** Returns the `statement_timeout` for a deadline, in milliseconds; undefined where the server cannot hold one so long. */
export function statementLimit(remainingMs: number): number | undefined {
  const limit = Math.ceil(remainingMs) + backstopMs;
  return limit <= longestLimitMs ? limit : undefined;
}

/** Returns a query that lowers `statement_timeout` for the transaction, and never raises it. */
export function limitText(limitMs: number): string {
  const now = "current_setting('statement_timeout')";
  const isHigher = `${now} = '0' OR ${now}::interval > '${limitMs}ms'`;
  return `SELECT set_config('statement_timeout', CASE WHEN ${isHigher} THEN '${limitMs}' ELSE ${now} END, true)`;
}

/** Returns `text` as a string literal, whatever is in it and whatever the server takes a backslash for. */
export function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return text.includes('\\') ? `E${quoted}` : quoted;
}

// --- internal ---

function checkedSettings(settings: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  if (!isPlain(settings)) throw new ConfigError('transaction.settings', 'a plain object', settings);
  const entries = Object.entries(settings);
  for (const [name, value] of entries)
    if (typeof value !== 'string') throw new ConfigError(`transaction.settings.${name}`, 'a string', value);
  return Object.fromEntries(entries);
}

/** Whether it is an object that was written as one: the entries of a Map would be overlooked, settings or not. */
function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

const isolations = ['read committed', 'repeatable read', 'serializable'] as const;

/** What `statement_timeout` can hold: some 24 days. */
const longestLimitMs = 2_147_483_647;

/** Milliseconds that the server waits beyond the deadline: it is the second to stop a statement, where the first could not. */
const backstopMs = 100;
