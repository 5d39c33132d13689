/**
 * Process watch: takes the signals and uncaught errors of a process, and ends it when the service has stopped.
 *
 *   begin() ─► listening ── signal ─► stopping ── stopped ─► exit code set ── LINGER_MS, if something holds the process ─► exit
 *                  │                     └── second signal ─► exit at once, 128 + its number
 *                  └── uncaught error ─► told, stopping, exit code 1
 *
 * Invariants
 *  (1) A process whose signal or error was taken is ended after the stop; one that was stopped by its own code is not.
 *  (2) What is written to the output is given the time to get there: the process ends by itself if nothing holds it.
 *  (3) A listener is left only where the process is to be ended: for the second signal.
 *
 * @module
 */

import { type Clock, reportHookError, callHook } from '@holdfast/core';

import { type ProcessPort, exitCodeOf } from './process-port.ts';
import type { StopReason, StopReport } from './stop-report.ts';

/** What is watched, and who is told. */
export interface ProcessWatchParts {
  readonly name: string;
  readonly process?: ProcessPort;
  readonly signals: readonly string[];
  readonly signalEchoMs: number;
  readonly clock: Clock;
  readonly onFatal?: (error: unknown, origin: string) => unknown;
  readonly onStop: (reason: StopReason) => unknown;
  readonly onForced: (signal: string, exitCode: number) => void;
}

/** Listens to a process. */
export class ProcessWatch {
  readonly #parts: ProcessWatchParts;
  readonly #listeners: (readonly [event: string, listener: (...details: unknown[]) => void])[] = [];
  #signalledAt: number | undefined = undefined;
  #endsProcess = false;
  #hasFailed = false;

  constructor(parts: ProcessWatchParts) {
    this.#parts = parts;
  }

  begin(): void {
    const { process, signals } = this.#parts;
    if (process === undefined) return;
    for (const signal of signals) this.#listen(process, signal, () => this.#onSignal(process, signal));
    this.#listen(process, FATAL, (error, origin) => this.#onFatal(error, origin));
  }

  /** The service has stopped: ends the process, if that is ours to do. */
  end(report: StopReport): void {
    const { process, clock } = this.#parts;
    if (process === undefined) return;
    if (!this.#endsProcess) {
      for (const [event, listener] of this.#listeners.splice(0)) process.off(event, listener); // (3)
      return;
    }
    const code = this.#hasFailed ? 1 : report.exitCode;
    process.exitCode = code; // (2)
    clock.setTimer(() => process.exit(code), LINGER_MS).unref(); // (1)
  }

  // --- internal ---

  #listen(process: ProcessPort, event: string, listener: (...details: unknown[]) => void): void {
    process.on(event, listener);
    this.#listeners.push([event, listener]);
  }

  #onSignal(process: ProcessPort, signal: string): void {
    const { clock, signalEchoMs, onStop, onForced } = this.#parts;
    const now = clock.now();
    if (this.#signalledAt === undefined) {
      this.#signalledAt = now;
      this.#endsProcess = true;
      onStop({ kind: 'signal', signal });
    } else if (signalEchoMs === 0 || now - this.#signalledAt > signalEchoMs) {
      const code = exitCodeOf(signal);
      onForced(signal, code);
      process.exit(code);
    }
  }

  #onFatal(error: unknown, origin: unknown): void {
    const { name, onFatal, onStop } = this.#parts;
    const from = typeof origin === 'string' ? origin : FATAL;
    if (onFatal === undefined) reportHookError(from, error, name);
    else callHook('onFatal', name, () => onFatal(error, from));
    this.#endsProcess = true;
    this.#hasFailed = true;
    onStop({ kind: 'fatal', error });
  }
}

// --- internal ---

/** Node's event for errors that nobody has caught, rejections included. */
const FATAL = 'uncaughtException';

/** How long the process may take to end by itself when the service has stopped. Milliseconds. */
const LINGER_MS = 200;
