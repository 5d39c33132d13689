/**
 * Retry, written down naively.
 *
 * @module
 */

import type { Clock } from '@holdfast/core';

import type { RetrySpec } from '../case.ts';
import type { Observer, Ports } from '../side.ts';
import type { ReferenceContext } from './context.ts';
import { isCancellation, isRejection } from './errors.ts';
import { type ReferencePolicy, toPolicy } from './layer.ts';

export function referenceRetry(spec: RetrySpec, ports: Ports, observer: Observer): ReferencePolicy {
  const { name, clock } = ports;
  const books = new Books(spec, ports, observer);
  return toPolicy(
    name,
    (inner) => async (work, context) => {
      books.call();
      for (let attempt = 1; ; attempt++) {
        try {
          const value = await inner(work, context);
          if (attempt > 1) books.counts.recovered++;
          return value;
        } catch (error) {
          const delayMs = books.delayAfter(error, attempt, context);
          observer.onEvent({ type: 'retry.scheduled', name, ...always, attempt, delayMs, error });
          books.counts.waiting++;
          const ended = await wait(delayMs, clock, context);
          books.counts.waiting--;
          if (ended !== undefined) {
            books.payBack();
            books.stop('ended', attempt, ended.cause);
          }
          books.counts.retried++;
          observer.note('a try is repeated');
        }
      }
    },
    { statistics: () => books.statistics() },
  );
}

// --- internal ---

/** What every event of a retry tells here. */
const always = { enforcement: 'enforce', value: undefined };

/** What all calls share: counters and budget. */
class Books {
  readonly counts = { calls: 0, retried: 0, recovered: 0, waiting: 0 };
  readonly #gaveUp = { attempts: 0, 'not-retryable': 0, budget: 0, deadline: 0, ended: 0 };
  readonly #budget = { spent: 0, denied: 0 };
  #saved = 10;
  readonly #spec: RetrySpec;
  readonly #ports: Ports;
  readonly #observer: Observer;

  constructor(spec: RetrySpec, ports: Ports, observer: Observer) {
    this.#spec = spec;
    this.#ports = ports;
    this.#observer = observer;
  }

  call(): void {
    this.counts.calls++;
    if (this.#spec.maxAttempts > 1) this.#saved = Math.min(10, this.#saved + this.#spec.maxRetryRatio);
  }

  /** Returns the delay before the next try, or throws the error where there is none. */
  delayAfter(error: unknown, attempt: number, context: ReferenceContext): number {
    const { maxAttempts, maxDelayMs, baseDelayMs } = this.#spec;
    if (attempt === maxAttempts) this.stop('attempts', attempt, error);
    if (context.cancelled) this.stop('ended', attempt, error);
    if (!isRetryable(error, this.#spec, this.#ports, this.#observer)) this.stop('not-retryable', attempt, error);
    const delayMs = this.#ports.random() * Math.min(maxDelayMs, baseDelayMs * 2 ** (attempt - 1));
    if (delayMs >= context.remainingMs()) this.stop('deadline', attempt, error);
    if (!this.#pay()) this.stop('budget', attempt, error);
    return delayMs;
  }

  payBack(): void {
    this.#budget.spent--;
    if (this.#spec.maxRetryRatio !== Infinity) this.#saved = Math.min(10, this.#saved + 1);
  }

  stop(reason: 'attempts' | 'not-retryable' | 'budget' | 'deadline' | 'ended', attempt: number, error: unknown): never {
    this.#gaveUp[reason]++;
    this.#observer.onEvent({ type: 'retry.gave-up', name: this.#ports.name, ...always, reason, attempt, error });
    throw error;
  }

  statistics(): unknown {
    return { ...this.counts, gaveUp: this.#gaveUp, ...this.#budget };
  }

  #pay(): boolean {
    const { maxRetryRatio } = this.#spec;
    const canPay = maxRetryRatio > 0 && this.#saved >= 1;
    if (canPay && maxRetryRatio !== Infinity) this.#saved--;
    this.#budget[canPay ? 'spent' : 'denied']++;
    return canPay;
  }
}

function isRetryable(error: unknown, spec: RetrySpec, { name, hooks }: Ports, observer: Observer): boolean {
  const byDefault = !isRejection(error) && !isCancellation(error);
  if (spec.isRetryable === 'default') return byDefault;
  try {
    return hooks.accepts(error);
  } catch (hookError) {
    observer.onHookError(hookError, name);
    return byDefault;
  }
}

/** Waits; resolves with the cause where the context ends first. */
function wait(
  delayMs: number,
  clock: Clock,
  context: ReferenceContext,
): Promise<{ readonly cause: unknown } | undefined> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(() => {
      unhook();
      resolve(undefined);
    }, delayMs);
    const unhook = context.whileWaiting((cause) => {
      timer.cancel();
      resolve({ cause });
    });
  });
}
