/**
 * Component: a part of the service that is started, drained and closed: a database pool, a server, a consumer.
 *
 * @module
 */

import type { Context } from '@holdfast/core';

/** A part of the service. Every method may be left out, and may be synchronous. */
export interface Component {
  /** Unique in its lifecycle; it names the part in reports. */
  readonly name: string;
  /**
   * Names of what it uses: started before it, drained and closed after it. Without a list it may use all that starts before it, in
   * the order of adding, and is drained before all of that; `[]` uses nothing.
   */
  readonly dependsOn?: readonly string[] | undefined;
  /**
   * Makes it ready for work. `context` is for the start alone: it ends when all components have started, or when that has taken
   * too long, or is broken off. What lives longer must not hang on it. Do not wait for `stop()` in it: `stop` waits for the start.
   */
  start?(context: Context): unknown;
  /**
   * Told as soon as stopping begins, before the time in which traffic still comes: go on serving, and keep nobody who comes.
   * It is not waited for.
   */
  quiesce?(): unknown;
  /**
   * Takes no new work and waits until what is under way has ended; when `context` ends, what is left must be let go. What it
   * returns is in the report, if it is a `DrainReport` it counts.
   */
  drain?(context: Context): unknown;
  /**
   * Whether it has nothing under way. Asked when the drain of a part that uses it begins: where it returns true, little of the time
   * is kept for its own drain, and the rest is for those before it. Left out, or where it throws, an equal part is kept.
   */
  isIdle?(): boolean;
  /** Frees what it holds. It is called if `start` has succeeded, and after its `drain`, however that ended. */
  close?(context: Context): unknown;
}
