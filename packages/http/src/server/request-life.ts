/**
 * Request life: one request under way, as the plug-ins of frameworks see it.
 *
 * @module
 */

import type { Context } from '@holdfast/core';

import type { HttpProblem } from '../problem.ts';

/** Answers a problem in a framework's own way. Returns false where another answer is on its way, and this one is not given. */
export type AnswerProblem = (problem: HttpProblem) => boolean | void;

/** One request under way. */
export interface RequestLife {
  /** The context, with all that was added to it so far. */
  readonly context: Context;
  /** Why no handler may be run for it; undefined where one may. */
  readonly refusal: unknown;
  /** Whether it has an answer already, or nobody who waits for one: what a handler still throws is no matter. */
  readonly isSettled: boolean;
  /**
   * Runs the handler when the context has its values, as the ambient context where that is asked for. Answers by itself where there
   * is a refusal. What `run` throws is thrown on, if it is called at once, and answered as by `fail` otherwise.
   */
  start(run: () => unknown): void;
  /** Returns what `error` is to be answered with; undefined where it is nothing of ours. */
  problemOf(error: unknown): HttpProblem | undefined;
  /**
   * Answers for a handler that has thrown `error`, if it is one of ours, or comes of the end of the context. Returns false where it
   * is neither: then the answer is up to you.
   */
  fail(error: unknown): boolean;
  /** Answers with an internal error, and breaks off an answer that was begun. */
  breakOff(error: unknown): void;
  /** Notes that the request is over. The end of its response does that by itself. */
  settle(): void;
}
