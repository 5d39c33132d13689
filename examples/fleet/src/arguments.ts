/**
 * Arguments: what the command line may say.
 *
 * @module
 */

import { parseArgs } from 'node:util';

/** What the command line said. */
export interface Arguments {
  readonly help: boolean;
  /** Time in which the story is told once, in milliseconds; undefined tells it round and round. */
  readonly forMs: number | undefined;
  readonly processes: number;
}

/** The command line cannot be understood. The message says what is wrong with it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What `--help` prints. */
export const help = `Usage: npm run fleet -- [options]

Processes that share one circuit through Redis: how a trip reaches all, who may probe, and what happens when Redis dies.

  --for DURATION     tell the story once, in about this time, and print a summary: 60s, 2m (30s to 1h)
                     without it the story goes round, a minute each time, until Ctrl-C
  --processes N      processes of the fleet (3 to 32, default 8)
  --help             this text

Environment: REDIS_URL (a Redis that is there already, in place of one of our own; the acts that kill it are left out),
REDIS_SERVER_BIN (the server program), NO_COLOR.

Exit codes: 0 all promises were kept, 1 one was broken or the run failed, 2 the command line is wrong.
`;

/**
 * Reads the command line.
 *
 * @throws UsageError when an option is unknown or its value out of range.
 */
export function parseArguments(args: readonly string[]): Arguments {
  const values = read(args);
  return {
    help: values.help ?? false,
    forMs: values.for === undefined ? undefined : parseDuration(values.for),
    processes: parseInteger('--processes', values.processes ?? '8', [3, 32]),
  };
}

// --- internal ---

function read(args: readonly string[]) {
  try {
    const options = {
      help: { type: 'boolean', short: 'h' },
      for: { type: 'string' },
      processes: { type: 'string' },
    } as const;
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    const [message] = String(error instanceof Error ? error.message : error).split('\n');
    throw new UsageError(message);
  }
}

const unitsMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };
const MIN_RUN_MS = 30_000;
const MAX_RUN_MS = 3_600_000;

function parseDuration(text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)(s|m|h)$/.exec(text) ?? [];
  const ms = Number(digits) * (unitsMs[unit] ?? Number.NaN);
  if (ms >= MIN_RUN_MS && ms <= MAX_RUN_MS) return ms;
  throw new UsageError(`--for must be a duration from 30s to 1h, such as 60s, got "${text}"`);
}

function parseInteger(option: string, text: string, [min, max]: readonly [number, number]): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError(`${option} must be an integer from ${min} to ${max}, got "${text}"`);
}
