/**
 * Slow calls: which of the calls that a closed circuit lets run take too long, known while they still run.
 *
 * There is no timer: running calls stand in the order in which they started, and whoever looks counts those that have become
 * slow by then. A call that arrives, settles, or asks for the state looks first, so nobody sees a call that hangs as fast.
 *
 * Invariants
 *  (1) A call is counted once: as slow when it crosses the threshold, as fast when it ends before with a verdict.
 *  (2) Memory depends on the calls that run, and not on those that have ended.
 *
 * @module
 */

import { type Link, LinkedList, unlink } from '../../kernel/linked-list.ts';
import type { OutcomeWindow } from '../../mechanisms/outcome-window.ts';

/** A call that runs. */
export interface TimedMember extends Link {
  /** When it started. Milliseconds. */
  readonly startedAt: number;
}

/** The running calls of one circuit, and how many of the latest were slow. */
export class SlowCalls {
  /** Its `failures` are the slow calls. */
  window: OutcomeWindow;
  private readonly running = new LinkedList();

  constructor(window: OutcomeWindow) {
    this.window = window;
  }

  /** Takes note of a call that starts, none before those that are here. */
  begin(call: TimedMember): void {
    this.running.append(call);
  }

  /** Takes note of the end of a call that `judge` has not found slow. */
  end(call: TimedMember, hasVerdict: boolean, now: number): void {
    if (unlink(call) && hasVerdict) this.window.record(false, now); // (1) (2)
  }

  /** Counts the calls that have run for `slowCallMs` by `now`. Returns whether there was one. */
  judge(now: number, slowCallMs: number): boolean {
    let found = false;
    for (let call = this.oldest; call !== undefined && now - call.startedAt >= slowCallMs; call = this.oldest) {
      unlink(call);
      this.window.record(true, now); // (1)
      found = true;
    }
    return found;
  }

  private get oldest(): TimedMember | undefined {
    return this.running.first as TimedMember | undefined;
  }
}
