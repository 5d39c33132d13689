/**
 * Command: `holdfast`, from the words that somebody typed to the exit code.
 *
 *   words ─► command line ─► client ─► answer ─► text, or JSON ─► exit code
 *
 * Invariants
 *  (1) Whatever the words are and whatever answers, it ends with one of `exitCodes`, and says why.
 *  (2) With `--json`, what it prints is one JSON document, also for an error; for `watch`, one per event.
 *
 * @module
 */

import { messageOf } from '@holdfast/core';

import { actingCommands } from './acting.ts';
import { type AdminClient, adminClient } from './admin-client.ts';
import { CommandError, exitCodes } from './command-error.ts';
import { type CommandLine, readCommandLine } from './command-line.ts';
import type { CommandWorld } from './command-world.ts';
import { examine } from './doctor.ts';
import { explain, list, show } from './listing.ts';
import { plainText } from './text-table.ts';
import { watch } from './watching.ts';

/** Runs the command with `args`, those after its name. Resolves with the exit code; never rejects. */
export async function runCommand(args: readonly string[], world: CommandWorld): Promise<number> {
  const isJson = args.includes('--json');
  try {
    const line = readCommandLine(args);
    if (typeof line !== 'string') return await run(line, world);
    world.print(isJson ? JSON.stringify({ help: line }) : line);
    return exitCodes.done;
  } catch (error) {
    return tell(error, isJson, world); // (1)
  }
}

// --- internal ---

async function run(line: CommandLine, world: CommandWorld): Promise<number> {
  const client = adminClient(line, world);
  if (line.command === 'watch') {
    await watch(client, line, world);
    return exitCodes.done;
  }
  const { data, text, isWell = true } = await printedBy(client, line, world);
  world.print(line.options['json'] === true ? JSON.stringify(data) : text);
  return isWell ? exitCodes.done : exitCodes.found;
}

interface Outcome {
  readonly data: unknown;
  readonly text: string;
  readonly isWell?: boolean;
}

async function printedBy(client: AdminClient, line: CommandLine, world: CommandWorld): Promise<Outcome> {
  const { command, words } = line;
  if (command === 'ls') return list(client, words[0]);
  if (command === 'show') return show(client, words[0] ?? '', words[1] ?? '');
  if (command === 'explain') return explain(client, line);
  if (command === 'doctor') return examine(client);
  const act = actingCommands[command];
  if (act === undefined) throw new Error(`${command} is in the table and nowhere else`);
  return act(client, line, world);
}

function tell(error: unknown, isJson: boolean, world: CommandWorld): number {
  const isOurs = error instanceof CommandError;
  const exitCode = isOurs ? error.exitCode : exitCodes.unreached;
  const code = isOurs ? error.code : undefined;
  const message = plainText(messageOf(error));
  if (isJson) world.print(JSON.stringify({ error: message, code, exitCode })); // (2)
  else world.warn(exitCode === exitCodes.usage ? `holdfast: ${message}\nTry: holdfast --help` : `holdfast: ${message}`);
  return exitCode;
}
