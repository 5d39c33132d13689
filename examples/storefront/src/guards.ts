/**
 * Guards: one chain of policies per dependency, all of them in one registry, so that metrics and the admin endpoint see
 * them.
 *
 *   call ─► fallback ─► retry ─► circuit breaker ─► bulkhead ─► timeout ─► HTTP call
 *
 * The fallback answers with nothing (`undefined`), and the page decides what stands in for it: the last known price, the
 * bestsellers, a deferred order. The times are chosen so that all tries of a chain fit into the budget of its page.
 *
 * @module
 */

import {
  type Classify,
  type Pipeline,
  type Registry,
  bulkhead,
  circuitBreaker,
  classifyByError,
  fallback,
  isCancelled,
  isRejection,
  retry,
  timeout,
} from '@holdfast/core';

import { DependencyError } from './dependencies.ts';
import type { Endpoint } from './downstream.ts';

/** A chain whose calls end with the dependency's value, or with undefined when there is none to be had. */
export type Guard = Pipeline<undefined>;

/** The chains. */
export interface Guards extends Readonly<Record<Endpoint, Guard>> {
  /** For orders that were deferred: the circuit and the permits of `payment`, without its fallback and its retry. */
  readonly settlement: Pipeline;
}

/** Creates all chains in `registry`. */
export function createGuards(registry: Registry): Guards {
  const product = createGuard(registry, { name: 'product', timeoutMs: 80 });
  const price = createGuard(registry, { name: 'price', timeoutMs: 80 });
  const recommendations = createGuard(registry, { name: 'recommendations', timeoutMs: 80 });
  const payment = createGuard(registry, { name: 'payment', timeoutMs: 150 });
  return {
    product: product.chain,
    price: price.chain,
    recommendations: recommendations.chain,
    payment: payment.chain,
    settlement: registry.pipeline('settlement', ...payment.core),
  };
}

/** A 4xx is the caller's fault and proves the dependency alive; 5xx, 429 and broken connections are its failures. */
export const classify: Classify = (outcome, context) =>
  outcome.status === 'rejected' && isCallersFault(outcome.error) ? 'success' : classifyByError(outcome, context);

// --- internal ---

interface GuardRule {
  readonly name: Endpoint;
  /** Time of one try. */
  readonly timeoutMs: number;
}

function createGuard(registry: Registry, { name, timeoutMs }: GuardRule) {
  const core = [
    registry.create(circuitBreaker, {
      name,
      classify,
      failureRatio: 0.5,
      minimumCalls: 10,
      window: { kind: 'time', durationMs: 2000 },
      openForMs: 1000,
      maxProbes: 3,
      probeLeaseMs: 1000,
    }),
    registry.create(bulkhead, { name, maxConcurrent: 20, maxQueued: 10 }),
    registry.create(timeout, { name, timeoutMs }),
  ] as const;
  const chain = registry.pipeline(
    name,
    registry.create(fallback<undefined>, { name, value: undefined, handles: isDependencyGone }),
    registry.create(retry, { name, maxAttempts: 2, baseDelayMs: 20, maxDelayMs: 20, isRetryable: mayPass }),
    ...core,
  );
  return { core, chain };
}

function isCallersFault(error: unknown): boolean {
  return error instanceof DependencyError && error.status < 500 && error.status !== 429;
}

function isDependencyGone(error: unknown): boolean {
  return !isCallersFault(error) && !isCancelled(error);
}

function mayPass(error: unknown): boolean {
  return isDependencyGone(error) && !isRejection(error);
}
