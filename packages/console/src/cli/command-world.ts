/**
 * Command world: what the command needs of the process that it runs in, so that tests can be one.
 *
 * @module
 */

import type { Clock } from '@holdfast/core';

/** The world of a command. */
export interface CommandWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  /** Returns the text of a file. Throws where there is none. */
  readFile(path: string): string;
  /** The permissions of a file, as bits; undefined where the system has none. */
  fileMode(path: string): number | undefined;
  /** Writes a line for whoever, or whatever, asked. */
  print(line: string): void;
  /** Writes a line for people, beside that. */
  warn(line: string): void;
  /** Resolves when somebody ends the command. Called by a command that goes on until then. */
  untilStopped(): Promise<void>;
}
