/**
 * Problem: what a client is told of a request that could not be answered, in the form of RFC 9457.
 *
 *   error ── why the context has ended ─► `problems`, yours ─► the table ──► status, headers, body
 *
 * Invariants
 *  (1) A body says what its row of the table says, or `problems`, and nothing that an error carries: no message, no name of a policy,
 *      no stack.
 *  (2) `Retry-After` is whole seconds, never less than what the rejection has told, and only where trying again makes sense.
 *  (3) Whatever the error is, asking never throws.
 *
 * Source: RFC 9457, Problem Details for HTTP APIs, M. Nottingham, E. Wilde, S. Dalal, 2023, https://www.rfc-editor.org/rfc/rfc9457.
 *
 * @module
 */

import {
  ConfigError,
  type Context,
  ignoreRejection,
  integerInRange,
  isRejection,
  isResilienceError,
  isTimeout,
  reportHookError,
} from '@holdfast/core';

import { type ProblemAnswer, type ProblemsOf, requireAnswer } from './problem-answer.ts';
import { type ProblemKind, isInTable, problemKindOf, problemKinds, problemUriOf } from './problem-table.ts';
import { isClientGone, isServerClosing } from './server/request-error.ts';
import { passedOnProblem } from './upstream-problem.ts';

/** What a client is answered. */
export interface HttpProblem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string;
  /** The code of the row that it is of, or the one that `problems` gave it. */
  readonly code: string;
}

/** What decides how an error is answered. */
export interface ProblemRules {
  /** Other statuses, by code: `{ RATE_LIMITED: 429 }`. 400 to 599. */
  readonly statuses?: Readonly<Record<string, number>>;
  /** `Retry-After` where the error does not know better. Milliseconds. */
  readonly retryAfterMs?: number;
  /**
   * Says what errors of your own are answered with, as `upstreamProblem`; where it returns undefined, the table does. A throw, or what
   * is no answer, is reported and says nothing.
   */
  readonly problems?: ProblemsOf | undefined;
  /** Names it in what is reported. */
  readonly name?: string;
}

/**
 * Returns what `error` is answered with; undefined for one that is none of ours, and says nothing about load or time: that is
 * your framework's matter. If `context` has ended, that is what the client is told, whatever the error is: it comes of that.
 */
export function problemOf(error: unknown, context?: Context, rules: ProblemRules = {}): HttpProblem | undefined {
  const ended = (context === undefined ? undefined : codeOfEnd(context)) ?? codeOfServer(error);
  if (ended !== undefined) return problemOfCode(ended, retryAfterMsOf(error), rules);
  const answer = answerOfHook(error, rules) ?? passedOnProblem(error);
  if (answer !== undefined) return problemOfAnswer(answer, error, rules);
  const code = codeOf(error);
  return code === undefined ? undefined : problemOfCode(code, retryAfterMsOf(error), rules);
}

/** Returns the problem of `code`, one of the table. `retryAfterMs` is what the error knows. */
export function problemOfCode(code: string, retryAfterMs?: number, rules: ProblemRules = {}): HttpProblem {
  const row = problemKindOf(code);
  const seconds = row.mayRetry ? retryAfterSeconds(retryAfterMs ?? rules.retryAfterMs) : undefined;
  return httpProblem(code, bodyOf(code, row, rules), seconds);
}

/**
 * Returns the seconds for `Retry-After`, rounded up and at least 1; undefined for what is no time, or none that comes: Infinity.
 */
export function retryAfterSeconds(ms: number | undefined): number | undefined {
  if (typeof ms !== 'number' || !(ms >= 0) || ms === Infinity) return undefined;
  return Math.min(Math.max(1, Math.ceil(ms / 1000)), MAX_SECONDS); // (2)
}

/**
 * Checks statuses that were handed in.
 *
 * @throws ConfigError when one is of no code that there is, or no status of an error.
 */
export function checkStatuses(option: string, statuses: unknown): void {
  if (typeof statuses !== 'object' || statuses === null) throw new ConfigError(option, 'statuses by code', statuses);
  for (const [code, status] of Object.entries(statuses)) {
    if (!isInTable(code))
      throw new ConfigError(option, `codes of the table of problems: ${Object.keys(problemKinds).join(', ')}`, code);
    integerInRange(`${option}.${code}`, status, [400, 599]);
  }
}

// --- internal ---

/** A day: who hears of more, hears of that. */
const MAX_SECONDS = 86_400;

interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string | undefined;
}

function httpProblem(code: string, parts: ProblemBody, seconds: number | undefined): HttpProblem {
  const body = JSON.stringify(parts); // (1)
  const headers: Record<string, string> = {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    'content-length': String(Buffer.byteLength(body)),
  };
  if (seconds !== undefined) headers['retry-after'] = String(seconds);
  return { status: parts.status, headers, body, code };
}

function answerOfHook(error: unknown, { problems, name }: ProblemRules): ProblemAnswer | undefined {
  let answer: unknown = undefined;
  try {
    answer = problems?.(error);
    if (answer === undefined) return undefined;
    requireAnswer(answer, isInTable);
    return answer;
  } catch (failure) {
    ignoreRejection(answer);
    reportHookError('problems', failure, name); // (3)
    return undefined;
  }
}

function problemOfAnswer(answer: ProblemAnswer, error: unknown, rules: ProblemRules): HttpProblem {
  const { code, detail } = answer;
  const row = isInTable(code) ? problemKindOf(code) : undefined;
  const known = row?.mayRetry === true ? (retryAfterMsOf(error) ?? rules.retryAfterMs) : undefined;
  const own = { type: 'about:blank', title: '', status: 500, detail, ...withoutGaps(answer) };
  const body = row === undefined ? own : { ...bodyOf(code, row, rules), ...withoutGaps(answer) };
  const { type, title, status } = body;
  return httpProblem(
    code,
    { type, title, status, detail: body.detail },
    retryAfterSeconds(answer.retryAfterMs ?? known),
  );
}

/** What an answer says itself. */
function withoutGaps(answer: ProblemAnswer): Partial<ProblemAnswer> {
  return Object.fromEntries(Object.entries(answer).filter(([, said]) => said !== undefined));
}

function bodyOf(code: string, row: ProblemKind, rules: ProblemRules): ProblemBody {
  const { title, detail, status } = row;
  return { type: problemUriOf(row), title, status: rules.statuses?.[code] ?? status, detail };
}

function codeOfEnd(context: Context): string | undefined {
  if (context.endedBy === undefined) return undefined;
  if (context.endedBy === 'deadline') return 'DEADLINE_EXCEEDED';
  return codeOfCancel(context.cause);
}

function codeOfCancel(cause: unknown): string | undefined {
  if (isClientGone(cause)) return 'CLIENT_GONE';
  return isServerClosing(cause) ? 'SERVER_CLOSING' : undefined;
}

/** What this server itself says, which is nobody else's to word. */
function codeOfServer(error: unknown): string | undefined {
  return (
    codeOfCancel(error) ?? (isRejection(error) && rowOf(error) === 'SERVER_DRAINING' ? 'SERVER_DRAINING' : undefined)
  );
}

function codeOf(error: unknown): string | undefined {
  if (isRejection(error)) return isTooLate(error) ? 'DEADLINE_EXCEEDED' : rowOf(error);
  return isTimeout(error) ? 'DEADLINE_EXCEEDED' : undefined;
}

/** Whether a call was not made since the time of the request, which its caller gave, was too short: to come again does not help. */
function isTooLate(error: { readonly code: string }): boolean {
  try {
    return error.code === 'NOT_ENOUGH_TIME';
  } catch {
    return false; // (3)
  }
}

/** The code of a rejection, if it has a row of its own. */
function rowOf(error: { readonly code: string }): string {
  try {
    return isInTable(error.code) ? error.code : 'REJECTED';
  } catch {
    return 'REJECTED'; // (3)
  }
}

/** What the error itself knows; a hostile one knows nothing. */
function retryAfterMsOf(error: unknown): number | undefined {
  try {
    return isResilienceError(error) ? error.retryAfterMs : undefined;
  } catch {
    return undefined; // (3)
  }
}
