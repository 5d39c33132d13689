/**
 * Retry delay: how long a retry waits after a try that failed: what the backoff says, on top of what the dependency asked for.
 *
 * Invariants
 *  (1) A delay is a number from 0 to `maxDelayMs`, whatever `random`, `backoff` and `retryAfterMs` do.
 *  (2) Nobody is asked again before the time that it asked for.
 *
 * @module
 */

import { retryAfterMsOf } from '../../kernel/retry-after.ts';
import { ignoreRejection, reportHookError } from '../../kernel/hooks.ts';
import type { Outcome } from '../../kernel/outcome.ts';
import { type Random, drawFrom } from '../../kernel/random.ts';
import { type BackoffKind, type DelayRequest, backoffMs, longestBackoffMs } from '../../mechanisms/backoff.ts';

/** A try that failed, as a `backoff` function sees it. */
export interface FailedTry {
  /** Number of the try; the first is 1. */
  readonly attempt: number;
  /** How it ended. */
  readonly outcome: Outcome;
  /** What the backoff gave before it. Milliseconds; 0 for the first. */
  readonly previousDelayMs: number;
}

/** Returns the delay after a failed try. Milliseconds, 0 or more; what is waited is cut off at `maxDelayMs`. Synchronous. */
export type BackoffFunction = (failed: FailedTry) => number;

/** Returns how long the outcome asks to wait. Milliseconds, 0 or more; undefined where it does not. Synchronous. */
export type RetryAfter = (outcome: Outcome) => number | undefined;

/** The settings of a retry that delays follow from. */
export interface DelaySettings {
  readonly name: string;
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
  readonly backoff: BackoffKind | BackoffFunction;
  readonly retryAfterMs: RetryAfter;
  readonly random: Random;
}

/** The rule where no `retryAfterMs` is given: what the error says of itself in a field of that name. */
export const retryAfterOfError: RetryAfter = (outcome) =>
  outcome.status === 'rejected' ? retryAfterMsOf(outcome.error) : undefined;

/** Asks how long the outcome of a try wants us to wait. Milliseconds; 0 where it does not say. Never throws. */
export function askedDelayMs({ retryAfterMs, name }: DelaySettings, outcome: Outcome): number {
  try {
    const asked: unknown = retryAfterMs(outcome);
    if (asked === undefined) return 0;
    if (isDelay(asked)) return asked;
    ignoreRejection(asked);
    throw new TypeError(`retryAfterMs must return milliseconds, 0 or more, or undefined, got ${describe(asked)}`);
  } catch (error) {
    reportHookError('retryAfterMs', error, name);
    return 0;
  }
}

/** The delay that the backoff gives after a failed try. Milliseconds. Never throws. */
export function nextBackoffMs(settings: DelaySettings, failed: FailedTry): number {
  const { backoff, baseDelayMs, maxDelayMs } = settings;
  const bounds = { baseMs: baseDelayMs, maxMs: maxDelayMs };
  const request: DelayRequest = { attempt: failed.attempt + 1, previousDelayMs: failed.previousDelayMs, bounds };
  if (typeof backoff === 'function')
    return customMs(backoff, failed, settings) ?? longestBackoffMs('exponential', request);
  return drawnMs(backoff, request, settings);
}

/** Puts the backoff on top of what was asked for. Milliseconds; only for what asks for no more than `maxDelayMs`. */
export function joinedDelayMs(askedMs: number, backoff: number, maxDelayMs: number): number {
  return Math.min(maxDelayMs, askedMs + backoff); // (1), (2)
}

// --- internal ---

/** Where `random` fails, the wait is the longest that it could have been. */
function drawnMs(kind: BackoffKind, request: DelayRequest, { random, name }: DelaySettings): number {
  const delayMs = backoffMs(kind, request, () => drawFrom(random, name) ?? 1);
  return Math.min(delayMs, longestBackoffMs(kind, request));
}

/** Undefined where the user's function fails. */
function customMs(fn: BackoffFunction, failed: FailedTry, { name }: DelaySettings): number | undefined {
  try {
    const delayMs: unknown = fn(failed);
    if (isDelay(delayMs)) return delayMs;
    ignoreRejection(delayMs);
    throw new TypeError(`backoff must return milliseconds, 0 or more, got ${describe(delayMs)}`);
  } catch (error) {
    reportHookError('backoff', error, name);
    return undefined;
  }
}

function isDelay(value: unknown): value is number {
  return typeof value === 'number' && value >= 0;
}

function describe(value: unknown): string {
  return typeof value === 'number' ? String(value) : typeof value;
}
