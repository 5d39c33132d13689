/**
 * Command line: the flags of a program of this repository, said once: they are read, checked and explained from one table.
 *
 * `--help` explains the program and ends it with 0. A flag that is unknown or has a bad value is one line, the list of flags,
 * and exit code 2. Neither shows a stack.
 *
 * @module
 */

import { parseArgs } from 'node:util';

/** One flag. */
export interface Flag<T> {
  /** Stands for the value in the list of flags: `N`. Undefined where the flag has none and is there or not. */
  readonly placeholder: string | undefined;
  /** What it does, its range, and what holds without it. */
  readonly meaning: string;
  /** Returns what was given, undefined where nothing was. Throws an error whose message says what it must be. */
  readonly read: (text: string | undefined) => T;
}

/** Flags by name, without the dashes. */
export type Flags = Readonly<Record<string, Flag<unknown>>>;

/** A program of this repository. */
export interface Program<F extends Flags> {
  /** What one types before the flags: `npm run soak --`. */
  readonly command: string;
  /** What it does, in a sentence or two. */
  readonly purpose: string;
  readonly flags: F;
  /** What may stand beside the flags; omitted, nothing may. */
  readonly words?: { readonly placeholder: string; readonly meaning: string };
  /** Whole command lines that make sense. */
  readonly examples: readonly string[];
}

/** What a command line said. */
export interface CommandLine<F extends Flags> {
  readonly values: { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };
  readonly words: readonly string[];
}

/** A command line cannot be understood. The message says what is wrong with it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Reads the command line of this process; ends the process after `--help`, and where it cannot be understood. */
export function commandLineOf<const F extends Flags>(program: Program<F>): CommandLine<F> {
  return orEnd(program, () => {
    const line = readCommandLine(program, process.argv.slice(2));
    if (line !== 'help') return line;
    process.stdout.write(helpOf(program));
    return process.exit(0);
  });
}

/** Returns what `read` gives; ends the process with 2 where it throws a {@link UsageError}. */
export function orEnd<T>(program: Program<Flags>, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${listOfFlags(program)}`);
    return process.exit(2);
  }
}

/**
 * Reads `args`; `help` where they ask for it.
 *
 * @throws UsageError when a flag is unknown, lacks its value or has a bad one, or a word may not be there.
 */
export function readCommandLine<const F extends Flags>(
  program: Program<F>,
  args: readonly string[],
): CommandLine<F> | 'help' {
  const { values, positionals } = parse(program, args);
  if (values['help'] === true) return 'help';

  const read = Object.entries(program.flags).map(([name, flag]) => [name, valueOf(name, flag, values[name])]);
  return { values: Object.fromEntries(read) as CommandLine<F>['values'], words: positionals };
}

/** What `--help` prints. */
export function helpOf(program: Program<Flags>): string {
  const { command, purpose, words, examples } = program;
  const usage = ['Usage:', command, '[flags]', ...(words === undefined ? [] : [`[${words.placeholder}...]`])].join(' ');
  return [
    usage,
    '',
    purpose,
    '',
    listOfFlags(program),
    `For example:\n`,
    ...examples.map((each) => `  ${each}`),
    '',
  ].join('\n');
}

/** A flag that is there or not. */
export function presence(meaning: string): Flag<boolean> {
  return { placeholder: undefined, meaning, read: (text) => text !== undefined };
}

/** A flag with any text but an empty one; undefined without it. */
export function textFlag(placeholder: string, meaning: string): Flag<string | undefined> {
  return {
    placeholder,
    meaning,
    read: (text) => {
      if (text === '') throw new Error('must not be empty');
      return text;
    },
  };
}

/** A flag with a number in a range, both ends included. */
export function numberFlag<D extends number | undefined>(
  meaning: string,
  range: readonly [number, number],
  fallback: D,
): Flag<number | D> {
  return inRange(`a number from ${range[0]} to ${range[1]}`, { meaning, range, fallback, form: /^\d+(\.\d+)?$/ });
}

/** A flag with an integer in a range, both ends included. */
export function integerFlag<D extends number | undefined>(
  meaning: string,
  range: readonly [number, number],
  fallback: D,
): Flag<number | D> {
  return inRange(`an integer from ${range[0]} to ${range[1]}`, { meaning, range, fallback, form: /^\d+$/ });
}

/** A flag with some of a set of names, with commas between them; undefined without it. */
export function namesFlag(meaning: string, known: readonly string[]): Flag<readonly string[] | undefined> {
  return {
    placeholder: 'NAME,...',
    meaning: `${meaning}: ${known.join(' ')}`,
    read: (text) => {
      const names = text?.split(',');
      const unknown = names?.filter((name) => !known.includes(name)) ?? [];
      if (unknown.length > 0) throw new Error(`has no ${unknown.map((name) => JSON.stringify(name)).join(', ')}`);
      return names;
    },
  };
}

// --- internal ---

const lineLength = 100;

/** What was given, not yet checked: the text of a flag, true where one without a value is there. */
interface Parsed {
  readonly values: Readonly<Record<string, unknown>>;
  readonly positionals: readonly string[];
}

function parse({ flags, words }: Program<Flags>, args: readonly string[]): Parsed {
  const options = Object.entries(flags).map(([name, { placeholder }]) => [
    name,
    { type: placeholder === undefined ? 'boolean' : 'string' } as const,
  ]);
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: words !== undefined,
      options: { ...Object.fromEntries(options), help: { type: 'boolean', short: 'h' } },
    });
    return { values, positionals };
  } catch (error) {
    const [message] = String(error instanceof Error ? error.message : error).split(/\n|\. /);
    throw new UsageError(message?.replace(/\.$/, ''));
  }
}

function valueOf(name: string, { read }: Flag<unknown>, given: unknown): unknown {
  try {
    return read(given === true ? '' : (given as string | undefined));
  } catch (error) {
    throw new UsageError(`--${name} ${error instanceof Error ? error.message : String(error)}`);
  }
}

function inRange<D extends number | undefined>(
  expectation: string,
  parts: {
    readonly meaning: string;
    readonly range: readonly [number, number];
    readonly fallback: D;
    readonly form: RegExp;
  },
): Flag<number | D> {
  const { meaning, range, fallback, form } = parts;
  return {
    placeholder: 'N',
    meaning: `${meaning}; ${expectation}${fallback === undefined ? '' : `, ${fallback} without it`}`,
    read: (text) => {
      if (text === undefined) return fallback;
      const value = Number(text);
      if (form.test(text) && value >= range[0] && value <= range[1]) return value;
      throw new Error(`must be ${expectation}, got ${JSON.stringify(text)}`);
    },
  };
}

function listOfFlags({ flags, words }: Program<Flags>): string {
  const rows: (readonly [string, string])[] = Object.entries(flags).map(([name, { placeholder, meaning }]) => [
    placeholder === undefined ? `--${name}` : `--${name} ${placeholder}`,
    meaning,
  ]);
  if (words !== undefined) rows.unshift([`${words.placeholder}...`, words.meaning]);
  rows.push(['--help', 'this text']);
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  const indent = ' '.repeat(width + 2);
  return rows
    .map(([left, meaning]) => `  ${left.padEnd(width)}${broken(meaning, lineLength - width - 2).join(`\n${indent}`)}\n`)
    .join('');
}

/** Breaks `text` between words into lines of at most `length`. */
function broken(text: string, length: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && longer.length <= length) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
