/**
 * Refusal: how a rate limiter says that a call came too soon.
 *
 * @module
 */

import { RejectionError, nameErrorClass } from '../../kernel/errors.ts';

/** A call was refused, or would have been. */
export interface RateLimiterRejectedEvent {
  readonly type: 'rate-limiter.rejected';
  readonly policy: 'rate-limiter';
  readonly name: string;
  /** `observe` where the call ran nevertheless. */
  readonly enforcement: 'enforce' | 'observe';
  /** Time until a call would start at once, if no other comes meanwhile. Milliseconds. */
  readonly retryAfterMs: number;
}

/** The call came too soon, and could not wait. The operation did not run. */
export class RateLimitedError extends RejectionError {
  readonly code = 'RATE_LIMITED';
  readonly maxPerInterval: number;
  readonly intervalMs: number;

  constructor(policy: string, retryAfterMs: number, limits: { maxPerInterval: number; intervalMs: number }) {
    super(`${policy} allows ${limits.maxPerInterval} per ${limits.intervalMs} ms`, { policy, retryAfterMs });
    this.maxPerInterval = limits.maxPerInterval;
    this.intervalMs = limits.intervalMs;
  }
}

// --- internal ---

nameErrorClass(RateLimitedError, 'RateLimitedError');
