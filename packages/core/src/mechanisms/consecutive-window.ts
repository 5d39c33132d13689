/**
 * Consecutive window: how many calls in a row have failed, up to now.
 *
 * Invariants
 *  (1) `failures` is the number of failures since the last success, or since the beginning; `calls` is the same number.
 *  (2) Memory is constant; recording takes constant time and no look at the clock.
 *
 * Source: "Consecutive breaker", cockatiel documentation, 2024, https://github.com/connor4312/cockatiel#consecutivebreaker.
 * Deviation: none.
 *
 * @module
 */

import type { OutcomeWindow, WindowRecord, WindowRun } from './outcome-window.ts';

/** The failures since the last success. */
export class ConsecutiveWindow implements OutcomeWindow {
  failures = 0;

  get calls(): number {
    return this.failures;
  }

  get needsTime(): boolean {
    return false;
  }

  record(failed: boolean): void {
    this.failures = failed ? this.failures + 1 : 0;
  }

  expire(): void {}

  /** Of a run in which some calls succeeded, the failures after the last success count: those of one even share. */
  load({ calls, failures }: WindowRun): void {
    if (failures === calls) this.failures += failures;
    else this.failures = Math.floor(failures / (calls - failures + 1));
  }

  save(): WindowRecord {
    return this.failures === 0 ? [] : [{ ageMs: 0, calls: this.failures, failures: this.failures }];
  }
}
