/**
 * Error type: how a call ended, and what an error is called in `error.type`, of which there must be few.
 *
 * Invariants
 *  (1) Messages, values and keys are in no attribute. Nothing throws, whatever the error is.
 *
 * @module
 */

import { type CallOutcome, type Context, isCancelled, isRejection, isResilienceError, isTimeout } from '@holdfast/core';

/** How a call under `context` ended that ended with `error`, as the counts of a pipeline say. */
export function outcomeOf(error: unknown, context: Context): Exclude<CallOutcome, 'success'> {
  if (isRejection(error)) return 'rejected';
  const isOfCaller = context.endedBy === 'cancel' && error === context.cause && !isTimeout(error);
  return isCancelled(error) || isOfCaller ? 'cancelled' : 'failure';
}

/** The type of an error: the code of ours, of the system and of Node.js, the name of others, `_OTHER` for what has none. */
export function errorTypeOf(error: unknown): string {
  try {
    if (isResilienceError(error)) return (error as unknown as { readonly code: string }).code;
    const { code, name } = error instanceof Error ? (error as { code?: unknown; name: unknown }) : {};
    if (typeof code === 'string' && systemCode.test(code)) return code;
    return typeof name === 'string' && /^[\w.$:-]{1,80}$/.test(name) ? name : OTHER;
  } catch {
    return OTHER; // (1)
  }
}

/** The reason that a refusal of ours gives; undefined where it gives none. */
export function reasonOf(error: unknown): string | undefined {
  if (!isRejection(error)) return undefined;
  const { reason } = error as { readonly reason?: unknown };
  return typeof reason === 'string' ? reason : undefined;
}

// --- internal ---

/** What the conventions say where there is no name. */
const OTHER = '_OTHER';

/** Codes of the system and of Node.js and its libraries, `ECONNREFUSED`, `ERR_TLS_CERT_ALTNAME_INVALID`, `UND_ERR_SOCKET`: a closed set. */
const systemCode = /^(?:E[A-Z\d]{2,15}|(?:[A-Z]{2,10}_)?ERR_[A-Z\d_]{1,60})$/;
