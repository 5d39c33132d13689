/**
 * Types of the registry: `create` takes any factory with its own options, and returns what that factory makes.
 *
 * @module
 */

import {
  type Bulkhead,
  type CircuitBreaker,
  type CircuitStore,
  type Fallback,
  type Retry,
  type Timeout,
  bulkhead,
  circuitBreaker,
  createRegistry,
  fallback,
  retry,
  timeout,
} from '@holdfast/core';
import { expectTypeOf } from 'vitest';

const registry = createRegistry();
const name = 'prices';

const breaker = registry.create(circuitBreaker, { name, window: { kind: 'count', size: 100 } });
const permits = registry.create(bulkhead, { name, maxConcurrent: 20 });
const tries = registry.create(retry, { name, maxAttempts: 3 });
const deadline = registry.create(timeout, { name, timeoutMs: 300 });
const substitute = registry.create(fallback<number>, { name, value: 0 });

expectTypeOf(breaker).toEqualTypeOf<CircuitBreaker>();
expectTypeOf(permits).toEqualTypeOf<Bulkhead>();
expectTypeOf(tries).toEqualTypeOf<Retry>();
expectTypeOf(deadline).toEqualTypeOf<Timeout>();
expectTypeOf(substitute).toEqualTypeOf<Fallback<number>>();

const prices = registry.pipeline(name, substitute, tries, breaker, permits, deadline);
expectTypeOf(prices.execute(() => 'free')).toEqualTypeOf<Promise<string | number>>();

// @ts-expect-error -- a policy of a registry needs a name
registry.create(retry, { maxAttempts: 3 });
// @ts-expect-error -- a misspelt option
registry.create(retry, { name, maxTries: 3 });
// @ts-expect-error -- the short form has no name
registry.create(timeout, 300);
// @ts-expect-error -- timeoutMs has no default
registry.create(timeout, { name });

// A registry with a store shares its circuits; a breaker may keep to itself, or bring a store of its own.
declare const store: CircuitStore;
const sharing = createRegistry({ store });
expectTypeOf(sharing.store).toEqualTypeOf<CircuitStore | undefined>();
expectTypeOf(sharing.create(circuitBreaker, { name, sharing: 'local' })).toEqualTypeOf<CircuitBreaker>();
expectTypeOf(registry.create(circuitBreaker, { name, store })).toEqualTypeOf<CircuitBreaker>();
// @ts-expect-error -- a store lets breakers join, and can be closed
createRegistry({ store: { health: () => store.health() } });
// @ts-expect-error -- circuits are shared with the fleet, or local
sharing.create(circuitBreaker, { name, sharing: 'global' });
// @ts-expect-error -- only circuits are shared
sharing.create(retry, { name, sharing: 'local' });
