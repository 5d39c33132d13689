/**
 * Guards: one chain of policies per dependency, all of them in one registry, so that metrics and the admin endpoint see
 * them.
 *
 *   call ─► retry ─► circuit breaker ─► bulkhead ─► timeout ─► HTTP call
 *
 * What stands in when a guard gives up, the page decides: the last known price, the bestsellers, a deferred order. A try takes
 * at most a fraction of the page's budget, so that what follows has time left.
 *
 * @module
 */

import {
  type Bulkhead,
  type CircuitBreaker,
  type Classify,
  type Pipeline,
  type Registry,
  bulkhead,
  circuitBreaker,
  classifyByError,
  isCancelled,
  isRejection,
  isTimeout,
  retry,
  timeout,
} from '@holdfast/core';

import { DependencyError } from './dependencies.ts';
import type { Endpoint } from './downstream.ts';

/** What stands between the shop and one dependency. */
export interface Guard {
  readonly chain: Pipeline;
  readonly circuit: CircuitBreaker;
  readonly permits: Bulkhead;
}

/** The guards. */
export interface Guards extends Readonly<Record<Endpoint, Guard>> {
  /** For orders that were deferred: the circuit and the permits of `payment`, without its retry. */
  readonly settlement: Pipeline;
}

/** Creates all guards in `registry`. */
export function createGuards(registry: Registry): Guards {
  const product = createGuard(registry, { name: 'product', timeoutMs: 100 });
  const price = createGuard(registry, { name: 'price', timeoutMs: 100 });
  const recommendations = createGuard(registry, { name: 'recommendations', timeoutMs: 100 });
  const payment = createGuard(registry, { name: 'payment', timeoutMs: 150 });
  const late = registry.create(timeout, { name: 'settlement', timeoutMs: 150 });
  const settlement = registry.pipeline('settlement', payment.circuit, payment.permits, late);
  return { product, price, recommendations, payment, settlement };
}

/** Calls that a guard has refused since the start. */
export function refusedCount({ circuit, permits }: Guard): number {
  const refusals = Object.values(circuit.snapshot().rejections).reduce((sum, count) => sum + count, 0);
  return refusals + permits.snapshot().rejected;
}

/** Whether a dependency failed, or is not asked any more; not so where the caller was wrong or has left. */
export function isDependencyGone(error: unknown): boolean {
  return !isCallersFault(error) && !isCancelled(error);
}

// --- internal ---

interface GuardRule {
  readonly name: Endpoint;
  /** Time of one try. */
  readonly timeoutMs: number;
}

function createGuard(registry: Registry, { name, timeoutMs }: GuardRule): Guard {
  const circuit = registry.create(circuitBreaker, {
    name,
    classify,
    failureRatio: 0.5,
    minimumCalls: 10,
    window: { kind: 'time', durationMs: 2000 },
    openForMs: 1000,
    maxProbes: 3,
    probeLeaseMs: 1000,
  });
  const permits = registry.create(bulkhead, { name, maxConcurrent: 20, maxQueued: 10 });
  const chain = registry.pipeline(
    name,
    registry.create(retry, { name, maxAttempts: 2, baseDelayMs: 20, maxDelayMs: 20, isRetryable: mayPass }),
    circuit,
    permits,
    registry.create(timeout, { name, timeoutMs }),
  );
  return { chain, circuit, permits };
}

/** A 4xx is the caller's fault and proves the dependency alive; 5xx, 429 and broken connections are its failures. */
const classify: Classify = (outcome, context) =>
  outcome.status === 'rejected' && isCallersFault(outcome.error) ? 'success' : classifyByError(outcome, context);

function isCallersFault(error: unknown): boolean {
  return error instanceof DependencyError && error.status < 500 && error.status !== 429;
}

/** A try that timed out has used up the time that another one would need. */
function mayPass(error: unknown): boolean {
  return isDependencyGone(error) && !isRejection(error) && !isTimeout(error);
}
