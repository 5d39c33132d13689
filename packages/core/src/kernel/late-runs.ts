/**
 * Late runs: operations that go on after their call has settled, because they do not look at their context.
 *
 * Nobody waits for them any more and what they come to is dropped, but they still use up what they use: whoever ended the
 * context can count them. The error by which a context ended finds its counter, so a call that ends in time pays nothing.
 *
 * @module
 */

/** Counts the runs that go on although the context that they run under has ended. Must not throw. */
export interface LateRuns {
  /** The context ended, and the run did not. */
  begin(): void;
  /** Such a run has settled at last, with a value or an error: the cause itself where the operation heeded its context. */
  end(status: 'fulfilled' | 'rejected', outcome: unknown): void;
}

/** Has the runs counted that go on after a context ended with `cause`. */
export function countLateRuns(cause: object, counter: LateRuns): void {
  counters.set(cause, counter);
}

/** Returns what counts the runs that go on after a context ended with `cause`, if anything does. */
export function lateRunsOf(cause: unknown): LateRuns | undefined {
  return typeof cause === 'object' && cause !== null ? counters.get(cause) : undefined;
}

// --- internal ---

/** Not a field of the error: that would show when the error is logged, and keep what it leads to alive. */
const counters = new WeakMap<object, LateRuns>();
