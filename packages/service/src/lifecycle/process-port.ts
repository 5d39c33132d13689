/**
 * Process port: what the lifecycle needs of a process. Node's `process` has it; tests hand in their own.
 *
 * @module
 */

/** A process that gets signals, and can end. */
export interface ProcessPort {
  on(event: string, listener: (...details: unknown[]) => void): unknown;
  off(event: string, listener: (...details: unknown[]) => void): unknown;
  /** Ends the process at once. */
  exit(code: number): unknown;
  /** The code with which the process ends when nothing is left to do. */
  exitCode?: number | string | null | undefined;
}

/** Returns the exit code of a process that a signal has ended: 128 and the signal's number, as shells tell it. */
export function exitCodeOf(signal: string): number {
  return 128 + (signalNumbers[signal] ?? 15);
}

// --- internal ---

/** Numbers of the signals that ask a process to end, the same on every platform. */
const signalNumbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 };
