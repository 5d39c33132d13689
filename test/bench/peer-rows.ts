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

import { ACROSS_A_TURN, type Row, type Subject, TIMEOUT_MS, operation, turnOperation } from './subject.ts';

/** opossum and cockatiel, doing what our rows do. */
export const peerRows: readonly Row[] = [
  { name: 'opossum', title: 'opossum: its breaker with timeout', prepare: () => opossum() },
  { name: 'opossum-rejected', title: 'opossum: refused by an open breaker, caught', prepare: opossumRejected },
  { name: 'cockatiel-breaker', title: 'cockatiel: circuit breaker', prepare: () => subjectOf(cockatielBreaker()) },
  { name: 'cockatiel-5', title: 'cockatiel: five policies, wrapped', prepare: () => cockatielFive() },
  { name: 'cockatiel-rejected', title: 'cockatiel: refused by an open breaker, caught', prepare: cockatielRejected },
];

/** The same across a turn of the event loop. */
export const peerTurnRows: readonly Row[] = [
  {
    name: 'opossum-turn',
    title: 'opossum: its breaker with timeout, across a turn',
    ...ACROSS_A_TURN,
    prepare: () => opossum(turnOperation),
  },
  {
    name: 'cockatiel-5-turn',
    title: 'cockatiel: five policies, wrapped, across a turn',
    ...ACROSS_A_TURN,
    prepare: () => cockatielFive(turnOperation, ACROSS_A_TURN.inFlightCount),
  },
];

// --- internal ---

const OPEN_FOR_MS = 30_000;

function opossum(work = operation): Subject {
  const breaker = opossumBreaker(work);
  return { run: () => breaker.fire(), close: () => breaker.shutdown() };
}

function opossumRejected(): Subject {
  const breaker = opossumBreaker(operation);
  breaker.open();
  return { run: () => breaker.fire(), close: () => breaker.shutdown() };
}

function opossumBreaker(work: typeof operation): OpossumBreaker<[], number> {
  return new OpossumBreaker(work, {
    timeout: TIMEOUT_MS,
    errorThresholdPercentage: 50,
    volumeThreshold: 20,
    resetTimeout: OPEN_FOR_MS,
  });
}

function cockatielBreaker(): ReturnType<typeof circuitBreaker> {
  return circuitBreaker(handleAll, {
    halfOpenAfter: OPEN_FOR_MS,
    breaker: new CountBreaker({ threshold: 0.5, size: 100, minimumNumberOfCalls: 20 }),
  });
}

function cockatielFive(work = operation, maxConcurrent = 10): Subject {
  const policy = wrap(
    fallback(handleAll, 0),
    retry(handleAll, { maxAttempts: 2 }), // it counts the tries after the first
    cockatielBreaker(),
    bulkhead(maxConcurrent),
    timeout(TIMEOUT_MS, TimeoutStrategy.Aggressive),
  );
  return subjectOf(policy, work);
}

function cockatielRejected(): Subject {
  const breaker = cockatielBreaker();
  breaker.isolate();
  return subjectOf(breaker);
}

function subjectOf(policy: { execute<T>(fn: () => PromiseLike<T> | T): Promise<unknown> }, work = operation): Subject {
  return { run: () => policy.execute(work) };
}
