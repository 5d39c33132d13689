/**
 * Disposition: what is done with a message whose handler has failed.
 *
 *   deadline passed ────────────────────────────► what `whenExpired` says
 *   done before, or done and not recorded ──────► ack
 *   kept away (quarantine), failed for good ────► dead-letter
 *   refused by a policy: the work was not done ─► again, after a while, kept here; requeue after `maxHoldMs`: no try is lost
 *   cut off by a drain ─────────────────────────► requeue
 *   any other error ─── tries left ─────────────► requeue after `retryDelayMs`
 *                   └── none left ──────────────► dead-letter
 *
 * Invariants
 *  (1) An error that no policy of ours made leads to a dead-letter after `maxAttempts` tries, never to an endless loop.
 *  (2) The hook `onFailure` wins; where it throws, returns a promise or what is no disposition, that is reported and the default holds.
 *
 * @module
 */

import { ignoreRejection, isRejection, isResilienceError, reportHookError } from '@holdfast/core';

import type { AmqpMessage } from './amqp-channel.ts';

/** What is done with a message. */
export type Disposition =
  /** It counts as handled. */
  | { readonly action: 'ack' }
  /** It is rejected: it goes to the dead-letter exchange of its queue, and where there is none it is gone. */
  | { readonly action: 'dead-letter' }
  /** It goes back to its queue, for any consumer, after a time for which it is kept here, in its place among `prefetchCount`. */
  | { readonly action: 'requeue'; readonly afterMs?: number }
  /** It is kept here, in its place among `prefetchCount`, and handled again after that time: no try is lost. */
  | { readonly action: 'again'; readonly afterMs: number };

/** A try of a message that has failed. */
export interface MessageFailure {
  readonly error: unknown;
  readonly message: AmqpMessage;
  /** Number of the try, from 1; Infinity where it can be told from none after it, on a classic queue and without an id. */
  readonly attempt: number;
  /** Whether a policy of ours refused: the work was not done. */
  readonly isRejection: boolean;
  /** Whether the deadline of the message has passed. */
  readonly isExpired: boolean;
  /** Milliseconds for which it has been kept here, waiting for another try. */
  readonly heldMs: number;
}

/** What a disposition depends on besides: options of the consumer. */
export interface DispositionRules {
  readonly name: string;
  readonly maxAttempts: number;
  readonly retryDelayMs: number;
  readonly holdMs: number;
  readonly maxHoldMs: number;
  readonly whenExpired: 'dead-letter' | 'drop';
  readonly onFailure?: ((failure: MessageFailure) => Disposition | undefined) | undefined;
}

/** Asks the hook what is to be done, or says it by default. */
export function dispositionOf(failure: MessageFailure, rules: DispositionRules): Disposition {
  const { onFailure, name } = rules;
  if (onFailure !== undefined) {
    try {
      const disposition: unknown = onFailure(failure);
      if (isDisposition(disposition)) return disposition;
      ignoreRejection(disposition);
      if (disposition !== undefined) throw new TypeError('onFailure returns a disposition or undefined, at once');
    } catch (error) {
      reportHookError('onFailure', error, name); // (2)
    }
  }
  return byDefault(failure, rules);
}

// --- internal ---

/** Rejections that no waiting helps. */
const forGood: ReadonlySet<string> = new Set(['QUARANTINED', 'ONCE_FAILED', 'MESSAGE_KEY_MISSING']);
/** Errors of a job that was done. */
const done: ReadonlySet<string> = new Set(['ONCE_RESULT_NOT_KEPT', 'ONCE_UNRECORDED']);

function byDefault(failure: MessageFailure, rules: DispositionRules): Disposition {
  const { error, attempt, heldMs } = failure;
  const code = isResilienceError(error) ? error.code : '';
  if (done.has(code)) return { action: 'ack' };
  if (failure.isExpired) return expired(rules);
  if (forGood.has(code)) return { action: 'dead-letter' };
  if (isRejection(error)) {
    const afterMs = Math.max(minHoldMs, error.retryAfterMs ?? rules.holdMs);
    const leftMs = rules.maxHoldMs - heldMs;
    return afterMs <= leftMs ? { action: 'again', afterMs } : { action: 'requeue', afterMs: Math.max(0, leftMs) };
  }
  if (attempt >= rules.maxAttempts) return { action: 'dead-letter' }; // (1)
  return { action: 'requeue', afterMs: rules.retryDelayMs };
}

/** A refusal that asks for less would make a hot loop. */
const minHoldMs = 10;

/** What becomes of a message whose deadline has passed. */
export function expired({ whenExpired }: DispositionRules): Disposition {
  return { action: whenExpired === 'drop' ? 'ack' : 'dead-letter' };
}

function isDisposition(value: unknown): value is Disposition {
  const { action, afterMs } = (value ?? {}) as { readonly action?: unknown; readonly afterMs?: unknown };
  if (action === 'ack' || action === 'dead-letter') return true;
  if (action === 'requeue' && afterMs === undefined) return true;
  return (
    (action === 'requeue' || action === 'again') && typeof afterMs === 'number' && afterMs >= 0 && afterMs < Infinity
  );
}
