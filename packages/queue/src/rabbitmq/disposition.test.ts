import { BulkheadFullError, onHookError, RejectionError, ResilienceError } from '@holdfast/core';
import { describe, expect, it, onTestFinished } from 'vitest';

import { resolveConsumerOptions } from './consumer-options.ts';
import { type MessageFailure, dispositionOf } from './disposition.ts';

class Refusal extends RejectionError {
  readonly code: string;
  constructor(code: string, retryAfterMs?: number) {
    super(code, { retryAfterMs });
    this.code = code;
  }
}
class Unrecorded extends ResilienceError {
  readonly code = 'ONCE_UNRECORDED';
}
const full = new BulkheadFullError('db', 'queue-full', { maxConcurrent: 1, maxQueued: 0 });

const settings = (extra = {}) => resolveConsumerOptions({ queue: 'work', handle: () => {}, ...extra });
const failure = (changes: Partial<MessageFailure>): MessageFailure => ({
  error: new Error('broken'),
  message: {} as never,
  attempt: 1,
  isRejection: false,
  isExpired: false,
  heldMs: 0,
  ...changes,
});

describe('dispositionOf', () => {
  it.each([
    ['a first failure', {}, { action: 'requeue', afterMs: 1000 }],
    ['the last failure', { attempt: 2 }, { action: 'dead-letter' }],
    ['what cannot be counted', { attempt: Infinity }, { action: 'dead-letter' }],
    ['what has expired', { isExpired: true }, { action: 'dead-letter' }],
    ['a refusal', { error: full }, { action: 'again', afterMs: 1000 }],
    ['a refusal at the last try', { error: full, attempt: 9 }, { action: 'again', afterMs: 1000 }],
    ['a refusal that says when', { error: new Refusal('R', 40) }, { action: 'again', afterMs: 40 }],
    ['a refusal that says at once', { error: new Refusal('R', 0) }, { action: 'again', afterMs: 10 }],
    ['a refusal for long', { error: new Refusal('R', 90_000), heldMs: 20_000 }, { action: 'requeue', afterMs: 40_000 }],
    ['a refusal again and again', { error: full, heldMs: 60_000 }, { action: 'requeue', afterMs: 0 }],
    ['a quarantine', { error: new Refusal('QUARANTINED') }, { action: 'dead-letter' }],
    ['a failure that is remembered', { error: new Refusal('ONCE_FAILED') }, { action: 'dead-letter' }],
    ['what was done before', { error: new Refusal('ONCE_RESULT_NOT_KEPT') }, { action: 'ack' }],
    ['what was done, too late', { error: new Unrecorded('x'), isExpired: true }, { action: 'ack' }],
    ['no error at all', { error: undefined, attempt: 2 }, { action: 'dead-letter' }],
  ])('says of %s: %j', (_name, changes, disposition) => {
    expect(dispositionOf(failure(changes), settings())).toEqual(disposition);
  });

  it('drops what has expired, where it is told to', () => {
    expect(dispositionOf(failure({ isExpired: true }), settings({ whenExpired: 'drop' }))).toEqual({ action: 'ack' });
  });

  it('disposition (1): gives up after maxAttempts', () => {
    const dispositions = [1, 2, 3].map(
      (attempt) => dispositionOf(failure({ attempt }), settings({ maxAttempts: 3 })).action,
    );

    expect(dispositions).toEqual(['requeue', 'requeue', 'dead-letter']);
    expect(dispositionOf(failure({}), settings({ maxAttempts: 1 }))).toEqual({ action: 'dead-letter' });
  });

  it('disposition (2): asks the hook first', () => {
    const seen: unknown[] = [];
    const onFailure = (given: MessageFailure) => {
      seen.push(given);
      return given.attempt === 1 ? ({ action: 'ack' } as const) : undefined;
    };
    const first = failure({});

    expect(dispositionOf(first, settings({ onFailure }))).toEqual({ action: 'ack' });
    expect(dispositionOf(failure({ attempt: 2 }), settings({ onFailure }))).toEqual({ action: 'dead-letter' });
    expect(seen[0]).toBe(first);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('hook');
      },
    ],
    ['returns a promise', async () => ({ action: 'ack' })],
    ['returns a promise that fails, which nobody else hears of', () => Promise.reject(new Error('later'))],
    ['returns nonsense', () => 'ack'],
    ['returns a delay that never ends', () => ({ action: 'again', afterMs: Infinity })],
    ['forgets the delay', () => ({ action: 'again' })],
  ])('disposition (2): does without a hook that %s, and reports it', (_name, onFailure) => {
    const reported: unknown[] = [];
    const before = onHookError((error) => reported.push(error));
    onTestFinished(() => void onHookError(before));

    expect(dispositionOf(failure({}), settings({ onFailure }))).toEqual({ action: 'requeue', afterMs: 1000 });
    expect(reported).toMatchObject([{ hook: 'onFailure', policy: 'rabbitmq' }]);
  });
});
