/**
 * Call tally: what the calls of a process came to, and whether those that were refused have waited for anything.
 *
 * Refusals are decided in memory, so one comes in the turn of its call. That holds on a busy machine too, where milliseconds
 * say little: a process may be left without the processor at any moment.
 *
 * @module
 */

import { isRejection } from '@holdfast/core';

/** Calls since the last look. */
export interface Counts {
  readonly ok: number;
  readonly failed: number;
  readonly refused: number;
  /** Refusals that did not come in the turn of their call. */
  readonly lateRefusals: number;
  /** Errors that are neither a refusal nor the dependency's. */
  readonly strange: readonly string[];
}

/** Counts calls. */
export class CallTally {
  #ok = 0;
  #failed = 0;
  #refused = 0;
  #lateRefusals = 0;
  #strange: string[] = [];

  /** Counts what a call comes to. */
  async count(call: () => Promise<void>): Promise<void> {
    let isLater = false;
    setImmediate(() => (isLater = true));
    try {
      await call();
      this.#ok++;
    } catch (error) {
      this.#note(error, isLater);
    }
  }

  /** Returns what was counted, and starts again from 0. */
  next(): Counts {
    const counts = {
      ok: this.#ok,
      failed: this.#failed,
      refused: this.#refused,
      lateRefusals: this.#lateRefusals,
      strange: this.#strange,
    };
    this.#ok = this.#failed = this.#refused = this.#lateRefusals = 0;
    this.#strange = [];
    return counts;
  }

  #note(error: unknown, isLater: boolean): void {
    if (isRejection(error)) {
      this.#refused++;
      if (isLater) this.#lateRefusals++;
    } else if (error instanceof Error && error.name === 'DependencyError') this.#failed++;
    else this.#strange.push(String(error));
  }
}
