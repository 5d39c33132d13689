/**
 * Errors of the reference: the code, name and fields that the docs promise, and nothing else.
 *
 * @module
 */

/** An error of the reference. */
export class ReferenceError extends Error {
  readonly code: string;

  constructor(name: string, code: string, fields: Readonly<Record<string, unknown>> = {}) {
    super(code);
    this.name = name;
    this.code = code;
    Object.assign(this, fields);
  }
}

export const circuitOpen = (policy: string, reason: string, retryAfterMs: number): ReferenceError =>
  new ReferenceError('CircuitOpenError', 'CIRCUIT_OPEN', { policy, reason, retryAfterMs });

export const bulkheadFull = (policy: string, maxConcurrent: number, maxQueued: number): ReferenceError =>
  new ReferenceError('BulkheadFullError', 'BULKHEAD_FULL', { policy, reason: 'queue-full', maxConcurrent, maxQueued });

export const timedOut = (policy: string, timeoutMs: number): ReferenceError =>
  new ReferenceError('TimeoutError', 'TIMEOUT', { policy, timeoutMs });

export const deadlineExceeded = (): ReferenceError => new ReferenceError('TimeoutError', 'DEADLINE_EXCEEDED');

export const cancelled = (): ReferenceError => new ReferenceError('AbortError', 'CANCELLED');

export const fallbackFailed = (policy: string, cause: unknown, fallbackError: unknown): ReferenceError =>
  new ReferenceError('FallbackError', 'FALLBACK_FAILED', { policy, cause, fallbackError });

/** Whether a policy refused to run the operation. */
export function isRejection(error: unknown): boolean {
  return error instanceof ReferenceError && (error.code === 'CIRCUIT_OPEN' || error.code === 'BULKHEAD_FULL');
}

/** Whether somebody gave up. */
export function isCancellation(error: unknown): boolean {
  return error instanceof ReferenceError && error.code === 'CANCELLED';
}

/** Whether time ran out. */
export function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError';
}
