/**
 * Arguments: what the command line may say.
 *
 * @module
 */

import { parseArgs } from 'node:util';

/** What the command line said. */
export interface Arguments {
  readonly help: boolean;
  /** Length of the run in milliseconds; undefined runs until it is stopped. */
  readonly forMs: number | undefined;
  /** Shoppers who arrive per second. */
  readonly shoppersPerSecond: number;
  readonly seed: number;
  /** Ports of the protected shop, the metrics and the admin endpoint; 0 takes a free one. */
  readonly port: number;
  readonly metricsPort: number;
  readonly adminPort: number;
}

/** The command line cannot be understood. The message says what is wrong with it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What `--help` prints. */
export const help = `Usage: npm start -- [options]

A shop service on flaky dependencies, with Holdfast and without it, side by side.

  --for DURATION        end after this time and print a summary: 20s, 1500ms, 2m (5s to 1h)
                        without it the story goes round, a minute each time, until Ctrl-C
  --shoppers N          shoppers who arrive per second, each visits both twins (1 to 200, default 40)
  --seed N              seed of the arrivals and the faults (0 to 4294967295, default 1)
  --port N              port of the protected shop (0 to 65535, default 0: a free one)
  --metrics-port N      port of /metrics (the same)
  --admin-port N        port of the console and the admin endpoint (the same)
  --help                this text

Environment: HOLDFAST_ADMIN_TOKEN, HOLDFAST_VIEWER_TOKEN (tokens of the admin endpoint, for operators and for those who
only look; random without them), NO_COLOR.
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
    shoppersPerSecond: parseInteger('--shoppers', values.shoppers ?? '40', [1, 200]),
    seed: parseInteger('--seed', values.seed ?? '1', [0, 4_294_967_295]),
    port: parseInteger('--port', values.port ?? '0', [0, 65_535]),
    metricsPort: parseInteger('--metrics-port', values['metrics-port'] ?? '0', [0, 65_535]),
    adminPort: parseInteger('--admin-port', values['admin-port'] ?? '0', [0, 65_535]),
  };
}

// --- internal ---

function read(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', short: 'h' },
        for: { type: 'string' },
        shoppers: { type: 'string' },
        seed: { type: 'string' },
        port: { type: 'string' },
        'metrics-port': { type: 'string' },
        'admin-port': { type: 'string' },
      },
    }).values;
  } catch (error) {
    const [message] = String(error instanceof Error ? error.message : error).split('\n');
    throw new UsageError(message);
  }
}

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const MIN_RUN_MS = 5000;
const MAX_RUN_MS = 3_600_000;

function parseDuration(text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  const ms = Number(digits) * (unitsMs[unit] ?? NaN);
  if (ms >= MIN_RUN_MS && ms <= MAX_RUN_MS) return ms;
  throw new UsageError(`--for must be a duration from 5s to 1h, such as 20s, got "${text}"`);
}

function parseInteger(option: string, text: string, [min, max]: readonly [number, number]): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError(`${option} must be an integer from ${min} to ${max}, got "${text}"`);
}
