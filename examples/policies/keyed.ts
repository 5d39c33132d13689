/**
 * Keyed: a circuit breaker per host. One host fails, the other is not affected, and both take a bounded amount of memory.
 *
 * @module
 */

import { Context, circuitBreaker, contextKey } from '@holdfast/core';
import { keyed } from '@holdfast/core/keyed';
import { virtualClock } from '@holdfast/core/testing';

const clock = virtualClock();
const host = contextKey<string>('host');

const hosts = keyed({
  name: 'hosts',
  keyOf: (context) => context.value(host) ?? '',
  make: (_key, name) => circuitBreaker({ name, minimumCalls: 2, clock }),
  maxKeys: 2,
  clock,
});

async function call(key: string, operation: () => Promise<string>): Promise<void> {
  const answer = await hosts.execute(operation, Context.background.withValue(host, key)).catch(String);
  console.log(`${key}: ${answer}`);
}

const down = (): Promise<never> => Promise.reject(new Error('down'));
const up = async (): Promise<string> => 'up';

await call('prices', down);
await call('prices', down);
await call('prices', up);
await call('reviews', up);
await call('stock', up); // needs a place: reviews goes, since prices is open
console.log(hosts.keys().join(', '));

// Output:
// prices: Error: down
// prices: Error: down
// prices: CircuitOpenError: hosts/prices is open
// reviews: up
// stock: up
// prices, stock
