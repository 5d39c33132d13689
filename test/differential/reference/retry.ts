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
  const { name, random, clock } = ports;
  let retriedCount = 0;
  return toPolicy(
    name,
    (inner) => async (work, context) => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await inner(work, context);
        } catch (error) {
          if (attempt === spec.maxAttempts || context.cancelled || !isRetryable(error, spec, ports, observer))
            throw error;
          const delayMs = random() * Math.min(spec.maxDelayMs, spec.baseDelayMs * 2 ** (attempt - 1));
          if (delayMs >= context.remainingMs()) {
            observer.note('no time is left for another try');
            throw error;
          }
          observer.onEvent({ type: 'retry.scheduled', name, attempt, delayMs, error });
          await wait(delayMs, clock, context);
          retriedCount++;
          observer.note('a try is repeated');
        }
      }
    },
    { statistics: () => ({ retriedCount }) },
  );
}

// --- internal ---

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

function wait(delayMs: number, clock: Clock, context: ReferenceContext): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(() => {
      unhook();
      resolve();
    }, delayMs);
    const unhook = context.whileWaiting((cause) => {
      timer.cancel();
      reject(cause);
    });
  });
}
