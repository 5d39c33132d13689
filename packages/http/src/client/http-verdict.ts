/**
 * HTTP verdict: how policies judge what a request came to, by the table of failures.
 *
 * Invariants
 *  (1) What ended by us, a rejection, a cancel, a caller's deadline, is judged as everywhere, whatever the table says.
 *  (2) A retry sees as a failure only what may pass and may be sent again.
 *
 * @module
 */

import {
  type Classify,
  type Context,
  type Outcome,
  type RetryAfter,
  classifyByError,
  parseRetryAfterMs,
} from '@holdfast/core';

import {
  type HttpFailure,
  failureOfError,
  failureOfStatus,
  headerOf,
  statusOf,
  wasSurelyUnsent,
} from './http-failures.ts';
import { fieldOf } from '../field-of.ts';
import { httpRequestOf } from './http-request.ts';

/** Judges a response or an error by the table: for `classify` of circuit breakers, hedges and fallbacks. */
export const classifyHttp: Classify = (outcome, context) => {
  if (outcome.status === 'fulfilled') return rowOf(outcome)?.verdict ?? 'success';
  const general = classifyByError(outcome, context);
  if (general === 'ignored' || context.cancelled) return general; // (1)
  return rowOf(outcome)?.verdict ?? (statusOf(outcome.error) === undefined ? 'failure' : 'success');
};

/**
 * Whether to send the request again: for `classify` of a retry. `failure` is what may pass and may be sent again, so a `POST`
 * without an idempotency key is one only where it surely was not sent.
 */
export const classifyHttpForRetry: Classify = (outcome, context) =>
  mayPass(outcome, context) && mayBeSentAgain(outcome, context) ? 'failure' : 'success'; // (2)

/** How long a response asks to wait, in `Retry-After`: for `retryAfterMs` of a retry. Of an error, what it has in `retryAfterMs`. */
export const httpRetryAfterMs: RetryAfter = (outcome) => {
  const value = outcome.status === 'fulfilled' ? outcome.value : outcome.error;
  const field = headerOf(value, 'retry-after');
  if (field !== undefined) return parseRetryAfterMs(field, serverNowMs(value));
  const retryAfterMs = outcome.status === 'rejected' ? fieldOf(value, 'retryAfterMs') : undefined;
  return typeof retryAfterMs === 'number' && retryAfterMs >= 0 ? retryAfterMs : undefined;
};

// --- internal ---

function rowOf(outcome: Outcome): HttpFailure | undefined {
  const value = outcome.status === 'fulfilled' ? outcome.value : outcome.error;
  const status = statusOf(value);
  if (status !== undefined) return failureOfStatus(status);
  return outcome.status === 'rejected' ? failureOfError(outcome.error) : undefined;
}

function mayPass(outcome: Outcome, context: Context): boolean {
  if (outcome.status === 'rejected' && classifyByError(outcome, context) === 'ignored') return false; // (1)
  if (outcome.status === 'rejected' && isTimeLimit(outcome.error)) return true;
  return rowOf(outcome)?.isTransient === true;
}

function mayBeSentAgain(outcome: Outcome, context: Context): boolean {
  const request = httpRequestOf(context);
  if (request !== undefined) return request.mayBeSent;
  return outcome.status === 'rejected' && wasSurelyUnsent(outcome.error); // nobody knows what request it is
}

/** Whether a policy inside gave up waiting: the next try may be faster. */
function isTimeLimit(error: unknown): boolean {
  return fieldOf(error, 'code') === 'TIMEOUT';
}

/** The server's own time, so that the clocks need not agree; ours where it does not tell. */
function serverNowMs(value: unknown): number {
  const told = parseRetryAfterMs(headerOf(value, 'date'), 0);
  // oxlint-disable-next-line no-restricted-globals -- a date on the wire is of the calendar
  return told ?? Date.now();
}
