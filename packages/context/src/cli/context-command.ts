/**
 * Context command: checks a context schema in continuous integration. Its words and its exit status are for programs, too.
 *
 *   holdfast-context check context-schema.json --against main/context-schema.json
 *
 * Exit status: 0, all is well; 1, the change breaks others or its version is wrong; 2, the command or a file is not right.
 *
 * Invariants
 *  (1) Whatever the arguments and files hold, it ends with one of these three, and says why.
 *  (2) With `--json`, what it writes is one JSON document, also for an error.
 *
 * @module
 */

import { messageOf } from '@holdfast/core';

import { parseArgs } from 'node:util';

import { type ContextSchemaDefinition, defineContextSchema } from '../schema/context-schema.ts';
import { compareContextSchemas, type SchemaComparison } from '../schema/schema-comparison.ts';

/** What the command needs of the world. */
export interface CommandWorld {
  /** Returns the text of a file. Throws where there is none. */
  readFile(path: string): string;
  /** Writes a line for the caller. */
  print(line: string): void;
}

/** Runs the command with `args`, those after its name. Returns the exit status. Never throws. */
export function contextCommand(args: readonly string[], world: CommandWorld): number {
  const isJson = args.includes('--json');
  try {
    const request = parse(args);
    if (request === undefined) {
      world.print(isJson ? JSON.stringify({ usage: USAGE }) : USAGE);
      return 0;
    }
    return check(request, world);
  } catch (error) {
    const message = messageOf(error);
    world.print(isJson ? JSON.stringify({ error: message }) : `${message}\n\n${USAGE}`); // (2)
    return 2;
  }
}

// --- internal ---

const USAGE = `Usage: holdfast-context check <schema.json> [--against <schema.json>] [--allow-breaking] [--json]

  check              whether the file is a schema, and whether it gets along with another
  --against          the schema that is in use, for example of the main branch
  --allow-breaking   accept changes that break others, if the major version is raised
  --json             write one JSON document

Exit status: 0 all is well, 1 breaking or wrong version, 2 wrong usage or unreadable file`;

interface Request {
  readonly file: string;
  readonly against: string | undefined;
  readonly allowsBreaking: boolean;
  readonly isJson: boolean;
}

/** Reads the arguments; undefined where help is wanted. */
function parse(args: readonly string[]): Request | undefined {
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  if (values.help === true) return undefined;
  const [command, file, ...more] = positionals;
  if (command !== 'check') throw new Error(command === undefined ? 'no command was given' : `no command ${command}`);
  if (file === undefined || more.length > 0) throw new Error('check needs one file');
  const { against, 'allow-breaking': allowsBreaking = false, json: isJson = false } = values;
  return { file, against, allowsBreaking, isJson };
}

const options = {
  against: { type: 'string' },
  'allow-breaking': { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

function check({ file, against, allowsBreaking, isJson }: Request, world: CommandWorld): number {
  const after = readSchema(file, world);
  const fieldCount = Object.keys(after.fields).length;
  if (against === undefined) {
    const answer = { verdict: 'valid', version: after.version, fieldCount };
    world.print(isJson ? JSON.stringify(answer) : `${file}: version ${after.version}, ${fieldCount} fields, valid`);
    return 0;
  }
  const before = readSchema(against, world);
  const comparison = compareContextSchemas(before, after);
  const isAccepted = comparison.versionProblem === undefined && (allowsBreaking || comparison.verdict !== 'breaking');
  if (isJson) world.print(JSON.stringify({ ...comparison, isAccepted, from: before.version, to: after.version }));
  else for (const line of describe(comparison, `${before.version} -> ${after.version}`, isAccepted)) world.print(line);
  return isAccepted ? 0 : 1;
}

function readSchema(file: string, world: CommandWorld): ContextSchemaDefinition {
  try {
    return defineContextSchema(JSON.parse(world.readFile(file)) as ContextSchemaDefinition);
  } catch (error) {
    throw new Error(`${file}: ${messageOf(error)}`, { cause: error });
  }
}

function describe(
  { verdict, changes, versionProblem }: SchemaComparison,
  versions: string,
  isAccepted: boolean,
): string[] {
  return [
    ...changes.map(
      ({ field, message, isBreaking }) => `${isBreaking ? 'BREAKING  ' : 'compatible'}  ${field} ${message}`,
    ),
    ...(versionProblem === undefined ? [] : [`VERSION     ${versionProblem}`]),
    `${versions}: ${verdict}, ${isAccepted ? 'accepted' : 'refused'}`,
  ];
}
