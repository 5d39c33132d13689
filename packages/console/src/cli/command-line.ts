/**
 * Command line: what somebody typed, as a request.
 *
 * @module
 */

import { parseArgs } from 'node:util';

import { messageOf } from '@holdfast/core';

import { usageError } from './command-error.ts';
import { type CommandRow, type OptionRow, commandTable, commonOptions, helpOf, helpText } from './command-table.ts';

/** A command that somebody asked for. */
export interface CommandLine {
  readonly command: string;
  readonly words: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
}

/**
 * Reads the words after `holdfast`. Returns help as a text where that is asked for.
 *
 * @throws CommandError when the words are no command.
 */
export function readCommandLine(args: readonly string[]): CommandLine | string {
  const { values, positionals } = parse(args);
  const [name, ...words] = positionals;
  const row = commandTable.find((one) => one.name === name);
  if (values['help'] === true || name === 'help') return helpFor(name === 'help' ? words[0] : name);
  if (name === undefined) throw usageError('no command was given');
  if (row === undefined) throw usageError(`there is no command ${JSON.stringify(name)}`);
  checkWords(row, words);
  checkOptions(row, values);
  return { command: row.name, words, options: values };
}

/** Reads a time such as `90s`, `10m` or `1h30m`. Milliseconds, whole. */
export function readTime(option: string, text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  const ms = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNITS[unit ?? ''] ?? Number.NaN), 0);
  if (parts.map(([part]) => part).join('') === text && ms >= 1 && Number.isFinite(ms)) return Math.round(ms);
  throw usageError(`--${option} must be a time such as 90s, 10m or 1h30m, got ${JSON.stringify(text)}`);
}

/** Reads `name=value` pairs: a value that is JSON is taken as such, and any other as text. */
export function readPairs(pairs: readonly string[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, name, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
      if (name === undefined || value === undefined) throw usageError(`${JSON.stringify(pair)} is not name=value`);
      return [name, valueOf(value)];
    }),
  );
}

// --- internal ---

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

type Values = Readonly<Record<string, string | boolean | undefined>>;

function parse(args: readonly string[]): { readonly values: Values; readonly positionals: readonly string[] } {
  const rows = new Map(
    [...commonOptions, ...commandTable.flatMap(({ options }) => options)].map((one) => [one.name, one]),
  );
  const options = Object.fromEntries([...rows].map(([name, row]) => [name, shapeOf(row)]));
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw usageError(messageOf(error).split('. ')[0] ?? '');
  }
}

function shapeOf({ name, value }: OptionRow) {
  const type = value === undefined ? ('boolean' as const) : ('string' as const);
  return name === 'help' ? { type, short: 'h' } : { type };
}

function helpFor(name: string | undefined): string {
  const row = commandTable.find((one) => one.name === name);
  return row === undefined ? helpText() : helpOf(row);
}

function checkWords({ name, arguments: words, argumentCount: [min, max] }: CommandRow, given: readonly string[]): void {
  if (given.length >= min && given.length <= max && !given.includes('')) return;
  throw usageError(`the command is: ${`holdfast ${name} ${words}`.trim()}`);
}

function checkOptions({ name, options }: CommandRow, values: Values): void {
  const known = [...commonOptions, ...options];
  const other = Object.keys(values).find((given) => !known.some((one) => one.name === given));
  if (other !== undefined) throw usageError(`${name} has no option --${other}`);
  const missing = options.find((one) => one.isNeeded === true && !values[one.name]);
  if (missing !== undefined) throw usageError(`${name} needs --${missing.name}: ${missing.about}`);
}
