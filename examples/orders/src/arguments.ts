/**
 * Arguments: what the command line may say.
 *
 * @module
 */

import { parseArgs } from 'node:util';

/** What the command line said. */
export interface Arguments {
  readonly help: boolean;
  /** Time in which the story is told, in milliseconds. */
  readonly forMs: number;
  /** Clients that are killed. */
  readonly clients: number;
  /** Time by which every layer must have stopped for 99 of 100 clients that were killed, in milliseconds. */
  readonly stopsWithinMs: number;
}

/** The command line cannot be understood. The message says what is wrong with it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What `--help` prints. */
export const help = `Usage: npm run orders -- [options]

Four services, a database and a queue behind one deadline: how it reaches every layer, and how every layer stops when the client
is killed. Starts a PostgreSQL and a RabbitMQ of its own; gets them where there are none and it can.

  --for DURATION     tell the story in about this time: 40s, 2m (5s to 1h, default 40s); killing many clients takes longer
  --clients N        clients that are killed, one after the other (1 to 100000, default 100)
  --stops-within MS  by when every layer must have stopped for 99 of 100 of them (1 to 60000, default 1000: for a machine that
                     does something else as well)
  --help             this text

Environment: POSTGRES_BIN_DIR, RABBITMQ_BIN_DIR (the folders of the server programs).

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
    forMs: parseDuration(values.for ?? '40s'),
    clients: parseInteger('--clients', values.clients ?? '100', [1, 100_000]),
    stopsWithinMs: parseInteger('--stops-within', values['stops-within'] ?? '1000', [1, 60_000]),
  };
}

// --- internal ---

function read(args: readonly string[]) {
  try {
    const options = {
      help: { type: 'boolean', short: 'h' },
      for: { type: 'string' },
      clients: { type: 'string' },
      'stops-within': { type: 'string' },
    } as const;
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    const [message] = String(error instanceof Error ? error.message : error).split('\n');
    throw new UsageError(message);
  }
}

const unitsMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };
const MIN_RUN_MS = 5000;
const MAX_RUN_MS = 3_600_000;

function parseDuration(text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)(s|m|h)$/.exec(text) ?? [];
  const ms = Number(digits) * (unitsMs[unit] ?? Number.NaN);
  if (ms >= MIN_RUN_MS && ms <= MAX_RUN_MS) return ms;
  throw new UsageError(`--for must be a duration from 5s to 1h, such as 40s, got "${text}"`);
}

function parseInteger(name: string, text: string, [min, max]: readonly [number, number]): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError(`${name} must be an integer from ${min} to ${max}, got "${text}"`);
}
