/**
 * Watcher: what wants to be told when a scope ends; and timekeeper: what tells a scope that it has.
 *
 * @module
 */

import type { Link } from './linked-list.ts';

/** Something that wants to be told when a scope ends. It is a link, so watching allocates nothing. */
export interface Watcher extends Link {
  /** The instant by which this watcher will have left by itself; Infinity where it may stay. Saves the scope a timer. */
  readonly leavesAt: number;
  /** Whether somebody waits for this watcher to be told, so that the scope's timer must keep the process alive. */
  readonly isWaitedFor: boolean;
  /** Called once, when the scope has ended. Must not throw. */
  onEnd(cause: unknown): void;
}

/** Watches the time for a scope, in place of a timer of the scope's own, and calls `expire` at its deadline. */
export interface Timekeeper {
  /** Makes the cause with which the scope ends at its deadline. */
  expiryCause(): unknown;
}
