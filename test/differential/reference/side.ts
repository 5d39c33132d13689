/**
 * The reference as a side of a case.
 *
 * @module
 */

import type { Clock } from '@holdfast/core';

import type { CallerSpec, OurErrorKind } from '../case.ts';
import { type Caller, type Observer, type Side } from '../side.ts';
import { referenceBulkhead } from './bulkhead.ts';
import { referenceCircuitBreaker } from './circuit-breaker.ts';
import { ReferenceContext } from './context.ts';
import { ReferenceError, bulkheadFull, cancelled, circuitOpen, deadlineExceeded, timedOut } from './errors.ts';
import { referenceFallback } from './fallback.ts';
import { referencePipeline } from './pipeline.ts';
import { referenceRetry } from './retry.ts';
import { referenceTimeout } from './timeout.ts';

export function referenceSide(observer: Observer): Side {
  return {
    fallback: (spec, ports) => referenceFallback(spec, ports, observer),
    retry: (spec, ports) => referenceRetry(spec, ports, observer),
    circuitBreaker: (spec, ports) => referenceCircuitBreaker(spec, ports, observer),
    bulkhead: (spec, { name }) => referenceBulkhead(spec, name, observer),
    timeout: (spec, ports) => referenceTimeout(spec, ports, observer),
    pipeline: referencePipeline,
    caller,
    ourError,
    isOurs: (error) => error instanceof ReferenceError,
  };
}

// --- internal ---

function caller(spec: CallerSpec, clock: Clock, cause: unknown): Caller {
  if (spec.context === 'none') return { context: undefined, cancel: () => {} };
  const context = new ReferenceContext(clock, undefined, spec.deadlineMs);
  return { context, cancel: () => context.cancel(cause ?? cancelled()) };
}

function ourError(kind: OurErrorKind): unknown {
  switch (kind) {
    case 'circuit-open':
      return circuitOpen('elsewhere', 'open', 7);
    case 'bulkhead-full':
      return bulkheadFull('elsewhere', 1, 0);
    case 'cancelled':
      return cancelled();
    case 'deadline':
      return deadlineExceeded();
    case 'timeout':
      return timedOut('elsewhere', 5);
  }
}
