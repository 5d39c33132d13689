import {
  type CircuitBreaker,
  type Keyed,
  bulkhead,
  circuitBreaker,
  createRegistry,
  fallback,
  keyed,
  pipeline,
} from '@holdfast/core';
import { expectTypeOf } from 'vitest';

const keyOf = (): string => 'a';
const hosts = keyed({ keyOf, make: (_key, name) => circuitBreaker({ name }) });

expectTypeOf(hosts).toEqualTypeOf<Keyed<CircuitBreaker>>();
expectTypeOf(hosts.get('a')).toEqualTypeOf<CircuitBreaker | undefined>();
expectTypeOf(hosts.overflow).toEqualTypeOf<CircuitBreaker>();
expectTypeOf(hosts.execute(() => 42)).toEqualTypeOf<Promise<number>>();
expectTypeOf([...hosts]).toEqualTypeOf<(readonly [string, CircuitBreaker])[]>();
expectTypeOf(pipeline(hosts, bulkhead()).execute(() => 42)).toEqualTypeOf<Promise<number>>();
expectTypeOf(keyed({ keyOf, make: () => fallback({ value: 'none' }) }).execute(() => 42)).toEqualTypeOf<
  Promise<number | string>
>();
expectTypeOf(
  createRegistry().create(keyed<CircuitBreaker>, { name: 'hosts', keyOf, make: () => circuitBreaker() }),
).toEqualTypeOf<Keyed<CircuitBreaker>>();

// @ts-expect-error -- what it makes is not a policy
keyed({ keyOf, make: (key: string) => key });
// @ts-expect-error -- a key is a string
keyed({ keyOf: () => 7, make: () => bulkhead() });
// @ts-expect-error -- a misspelt option
keyed({ keyOf, make: () => bulkhead(), maxMembers: 5 });
// @ts-expect-error -- the two functions are needed
keyed({ maxKeys: 5 });
