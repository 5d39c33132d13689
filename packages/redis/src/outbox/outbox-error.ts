/**
 * Outbox error: an item that cannot be kept.
 *
 * @module
 */

import { RejectionError, nameErrorClass } from '@holdfast/core';

/** An item cannot be kept, today or later: it has no JSON, or too much of it. Nothing was accepted. */
export class OutboxItemError extends RejectionError {
  readonly code = 'OUTBOX_ITEM';
  readonly key: string;
  readonly reason: 'not-json' | 'too-large';

  constructor(key: string, reason: 'not-json' | 'too-large', message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.key = key;
    this.reason = reason;
  }
}

// --- internal ---

nameErrorClass(OutboxItemError, 'OutboxItemError');
