/**
 * Problem answer: what a function of yours says that an error is answered with.
 *
 *   error ── problems ──► ProblemAnswer ── a row of the table, or words of your own ──► HttpProblem
 *
 * Invariants
 *  (1) What is no answer is refused with what is wrong about it, and never sent.
 *
 * @module
 */

import { ConfigError, inRange, integerInRange, isName } from '@holdfast/core';

/** What an error is answered with. */
export interface ProblemAnswer {
  /**
   * One of the table, whose status and words hold where there are none here, or one of your own: then it needs `status` and `title`.
   */
  readonly code: string;
  /** 400 to 599. */
  readonly status?: number;
  /** What kind of problem it is, as a URI. By default the one of the row, or `about:blank`. */
  readonly type?: string;
  /** The kind in a few words, the same for all of its kind. Clients see it. */
  readonly title?: string;
  /** What has become of this request. Clients see it. */
  readonly detail?: string;
  /**
   * When trying again may be of use. Milliseconds, 0 to Infinity, which tells no time. Where it is left out, rows of the table for which
   * trying again makes sense take `retryAfterMs` of the requests, and others tell nothing.
   */
  readonly retryAfterMs?: number;
}

/** Returns what an error is answered with; undefined where it has nothing to say of it. */
export type ProblemsOf = (error: unknown) => ProblemAnswer | undefined;

/**
 * Checks what was returned.
 *
 * @throws ConfigError when it is no answer: no object, no code, a status of no error, a code of its own without status or title.
 */
export function requireAnswer(answer: unknown, isInTable: (code: string) => boolean): asserts answer is ProblemAnswer {
  if (typeof answer !== 'object' || answer === null || typeof (answer as { then?: unknown }).then === 'function')
    throw new ConfigError('problems()', 'an answer with a code, or undefined', answer); // (1)
  const said = answer as Partial<Record<keyof ProblemAnswer, unknown>>;
  isName('problems().code', said.code);
  requireWords(said, !isInTable(said.code as string));
  if (said.retryAfterMs !== undefined) inRange('problems().retryAfterMs', said.retryAfterMs, [0, Infinity]);
}

// --- internal ---

function requireWords(said: Partial<Record<keyof ProblemAnswer, unknown>>, isOwn: boolean): void {
  const { status, type, title, detail } = said;
  if (isOwn || status !== undefined) integerInRange('problems().status', status, [400, 599]);
  if (isOwn || title !== undefined) isName('problems().title', title);
  for (const [field, text] of Object.entries({ type, detail }))
    if (text !== undefined && typeof text !== 'string') throw new ConfigError(`problems().${field}`, 'a text', text);
}
