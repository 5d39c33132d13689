/**
 * Store member: one process of a fleet, as far as a test needs it: a store, a breaker that shares through it, and what the
 * store tells.
 *
 * @module
 */

import {
  type CircuitBreaker,
  type CircuitBreakerOptions,
  type PolicyEvent,
  circuitBreaker,
  createEvents,
  createRegistry,
} from '@holdfast/core';
import {
  type RedisCircuitStore,
  type RedisCircuitStoreOptions,
  type RedisClient,
  redisCircuitStore,
} from '@holdfast/redis';

import { eventually, eventuallyIn } from '../../redis-lab/eventually.ts';

/** One process of a fleet. */
export interface StoreMember {
  readonly store: RedisCircuitStore;
  readonly breaker: CircuitBreaker;
  /** What the store has told, the first first. */
  readonly told: readonly (PolicyEvent & { readonly [field: string]: unknown })[];
  /** Opens its circuit by failures of its own. */
  trip(): void;
  /** Closes its circuit for the fleet, and holds it; asks again where a machine that is slow let a request time out. */
  closes(): Promise<void>;
  holds(state: 'open' | 'closed'): Promise<void>;
  /** Waits until its circuit is in `state`. Returns how long that took, in milliseconds. */
  becomes(state: string): Promise<number>;
  /** Waits until it shares, or does not. Returns how long that took, in milliseconds. */
  isMode(mode: 'shared' | 'local'): Promise<number>;
  /** Waits until it hears the messages of all shards that it uses, or of none. */
  hears(isHeard: boolean): Promise<void>;
  /** Requests that came to `result`. */
  count(operation: string, result: string): number;
}

/** Rules that trip by two failures; an opening outlasts what a test does with it, on a slow machine too. */
const quickRules = {
  window: { kind: 'count', size: 4 },
  minimumCalls: 2,
  openForMs: 60_000,
  maxProbes: 1,
  probeLeaseMs: 300,
} as const;

/** Makes a member that shares over `client`. */
export function storeMember(
  client: RedisClient,
  options: RedisCircuitStoreOptions,
  rules: Partial<CircuitBreakerOptions> = {},
): StoreMember {
  const told: (PolicyEvent & { readonly [field: string]: unknown })[] = [];
  const events = createEvents();
  events.listen((event) => told.push(event as (typeof told)[number]));
  const store = redisCircuitStore(client, { events, ...options });
  const breaker = createRegistry({ store }).create(circuitBreaker, { name: 'prices', ...quickRules, ...rules });
  return {
    store,
    breaker,
    told,
    trip: () => trip(breaker),
    closes: () => asked(() => store.closeCircuit('prices', { owner: 'test' })),
    holds: (state) => asked(() => store.hold('prices', state, { owner: 'test', forMs: 60_000 })),
    becomes: (state) => eventuallyIn(() => breaker.state === state, { what: `a breaker that is ${state}` }),
    isMode: (mode) => eventuallyIn(() => store.health().mode === mode, { what: `the mode ${mode}` }),
    hears: async (isHeard) => {
      await eventuallyIn(() => store.health().shards.heard === (isHeard ? store.health().shards.used : 0), {
        what: isHeard ? 'the subscription' : 'its loss',
      });
    },
    count: (operation, result) =>
      store.health().operations.find((each) => each.operation === operation && each.result === result)?.count ?? 0,
  };
}

/** Closes the stores of members. */
export async function closeMembers(...members: readonly StoreMember[]): Promise<void> {
  await Promise.all(members.map(({ store }) => store.close()));
}

// --- internal ---

function trip(breaker: CircuitBreaker): void {
  for (let call = 0; call < 4; call++) breaker.tryAcquire()?.failure();
}

async function asked(ask: () => Promise<unknown>): Promise<void> {
  await eventually(async () => (await ask(), true), { what: 'an answer to an operator' });
}
