/**
 * Restart intensity: how often something may be restarted in a while before restarting counts as useless.
 *
 * Invariants
 *  (1) A restart is allowed while, with it, at most `maxRestarts` lie in the last `withinMs` milliseconds, both ends included.
 *  (2) At most `maxRestarts` and one instants are remembered.
 *
 * Source: supervisor, Erlang/OTP, "Maximum Restart Intensity", https://www.erlang.org/doc/system/sup_princ.html.
 * Deviation: none; from the count follows a verdict as well, so that a safe mode can be tried before giving up.
 *
 * @module
 */

/** How many restarts are too many. */
export interface IntensityRules {
  /** Restarts that are allowed. 0 allows none. */
  readonly maxRestarts: number;
  /** In how many milliseconds. */
  readonly withinMs: number;
  /** Restarts in that time from which on it runs in safe mode; Infinity for never. */
  readonly safeModeAfterCount: number;
}

/** What to do next: restart as ever, restart in safe mode, or give up. */
export type CrashVerdict = 'restart' | 'safe-mode' | 'give-up';

/** Restarts of one thing. */
export class RestartIntensity {
  readonly #rules: IntensityRules;
  #restartedAt: number[] = [];

  constructor(rules: IntensityRules) {
    this.#rules = rules;
  }

  /** Notes that it is to be restarted at `now`, an instant that never goes back. */
  note(now: number): CrashVerdict {
    const { maxRestarts, withinMs, safeModeAfterCount } = this.#rules;
    this.#restartedAt = [...this.#restartedAt.filter((at) => now - at <= withinMs), now].slice(-maxRestarts - 1); // (2)
    const count = this.#restartedAt.length;
    if (count > maxRestarts) return 'give-up'; // (1)
    return count >= safeModeAfterCount ? 'safe-mode' : 'restart';
  }
}
