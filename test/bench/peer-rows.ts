/**
 * Peer rows: the same work under other libraries, set up as ours is.
 *
 * @module
 */

import {
  CountBreaker,
  TimeoutStrategy,
  bulkhead,
  circuitBreaker,
  fallback,
  handleAll,
  retry,
  timeout,
  wrap,
} from 'cockatiel';
import OpossumBreaker from 'opossum';

import { type Row, type Subject, TIMEOUT_MS, operation } from './subject.ts';

/** opossum and cockatiel, doing what our rows do. */
export const peerRows: readonly Row[] = [
  { name: 'opossum', title: 'opossum: its breaker with timeout', prepare: () => opossum() },
  { name: 'opossum-rejected', title: 'opossum: refused by an open breaker, caught', prepare: () => opossum(true) },
  { name: 'cockatiel-breaker', title: 'cockatiel: circuit breaker', prepare: () => subjectOf(cockatielBreaker()) },
  { name: 'cockatiel-5', title: 'cockatiel: five policies, wrapped', prepare: cockatielFive },
  { name: 'cockatiel-rejected', title: 'cockatiel: refused by an open breaker, caught', prepare: cockatielRejected },
];

// --- internal ---

const OPEN_FOR_MS = 30_000;

function opossum(open = false): Subject {
  const breaker = new OpossumBreaker(operation, {
    timeout: TIMEOUT_MS,
    errorThresholdPercentage: 50,
    volumeThreshold: 20,
    resetTimeout: OPEN_FOR_MS,
  });
  if (open) breaker.open();
  return { run: () => breaker.fire(), close: () => breaker.shutdown() };
}

function cockatielBreaker(): ReturnType<typeof circuitBreaker> {
  return circuitBreaker(handleAll, {
    halfOpenAfter: OPEN_FOR_MS,
    breaker: new CountBreaker({ threshold: 0.5, size: 100, minimumNumberOfCalls: 20 }),
  });
}

function cockatielFive(): Subject {
  const policy = wrap(
    fallback(handleAll, 0),
    retry(handleAll, { maxAttempts: 2 }), // it counts the tries after the first
    cockatielBreaker(),
    bulkhead(10),
    timeout(TIMEOUT_MS, TimeoutStrategy.Aggressive),
  );
  return subjectOf(policy);
}

function cockatielRejected(): Subject {
  const breaker = cockatielBreaker();
  breaker.isolate();
  return subjectOf(breaker);
}

function subjectOf(policy: { execute<T>(fn: () => PromiseLike<T> | T): Promise<unknown> }): Subject {
  return { run: () => policy.execute(operation) };
}
