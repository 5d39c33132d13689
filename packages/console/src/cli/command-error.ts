/**
 * Command error: why a command ends without having done what was asked, and with which exit code.
 *
 * @module
 */

type ExitName = 'done' | 'found' | 'usage' | 'unreached' | 'denied' | 'refused' | 'unconfirmed';

/** What the exit codes of `holdfast` mean. */
export const exitCodes: Readonly<Record<ExitName, number>> = Object.freeze({
  /** Done. */
  done: 0,
  /** `doctor` found something wrong. */
  found: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The API was not reached, or it is none. */
  unreached: 3,
  /** The token is missing, wrong, or its role may not do that. */
  denied: 4,
  /** The API refused: there is no such thing, a value is wrong, or something changed meanwhile. */
  refused: 5,
  /** No answer came, or the store of the fleet did not confirm it: it may have been done, or not. */
  unconfirmed: 6,
});

/** A command ends without having done what was asked. */
export class CommandError extends Error {
  readonly exitCode: number;
  /** The code of the problem that the API answered, where it answered one. */
  readonly code: string | undefined;

  constructor(exitCode: number, message: string, code?: string) {
    super(message);
    this.exitCode = exitCode;
    this.code = code;
  }
}

/** Makes the error of a wrong command line. */
export function usageError(message: string): CommandError {
  return new CommandError(exitCodes.usage, message);
}
