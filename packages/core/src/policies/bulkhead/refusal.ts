/**
 * Refusal: why a bulkhead does not run a call, and how it says so.
 *
 * @module
 */

import { RejectionError, nameErrorClass } from '../../kernel/errors.ts';

/**
 * Why a call was refused: there was no permit and no room in the queue; its deadline leaves less than `minRunMs`; it waited
 * for `maxWaitMs`; a call of higher priority took its place in the queue.
 */
export type BulkheadRefusal = 'queue-full' | 'would-miss-deadline' | 'max-wait' | 'evicted';

/** A call was refused, or would have been. */
export interface BulkheadRejectedEvent {
  readonly type: 'bulkhead.rejected';
  readonly policy: 'bulkhead';
  readonly name: string;
  readonly reason: BulkheadRefusal;
  /** `observe` where the call ran nevertheless. */
  readonly enforcement: 'enforce' | 'observe';
}

/** There is no permit for the call, and it cannot wait, or not any longer: see `reason`. The operation did not run. */
export class BulkheadFullError extends RejectionError {
  readonly code = 'BULKHEAD_FULL';
  readonly reason: BulkheadRefusal;
  readonly maxConcurrent: number;
  readonly maxQueued: number;

  constructor(
    policy: string,
    reason: BulkheadRefusal,
    { maxConcurrent, maxQueued }: { readonly maxConcurrent: number; readonly maxQueued: number },
  ) {
    super(`${policy} ${explain(reason, maxConcurrent, maxQueued)}`, { policy });
    this.reason = reason;
    this.maxConcurrent = maxConcurrent;
    this.maxQueued = maxQueued;
  }
}

// --- internal ---

nameErrorClass(BulkheadFullError, 'BulkheadFullError');

function explain(reason: BulkheadRefusal, maxConcurrent: number, maxQueued: number): string {
  switch (reason) {
    case 'queue-full':
      return `is full: ${maxConcurrent} running, ${maxQueued} waiting`;
    case 'would-miss-deadline':
      return 'has no permit in time: the deadline leaves less than the call needs';
    case 'max-wait':
      return 'had no permit for as long as a call may wait';
    case 'evicted':
      return 'is full, and gave the place in the queue to a call of higher priority';
  }
}
