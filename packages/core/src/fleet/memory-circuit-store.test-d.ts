/**
 * Types of what a fleet shares: any store fits a registry, and what a store of your own must give is said by types.
 *
 * @module
 */

import {
  type CircuitStore,
  type ExplainedRuling,
  type ProbeAnswer,
  type RuledState,
  type SharedCircuit,
  type SharingExplanation,
  type StoreHealth,
  circuitBreaker,
  createRegistry,
} from '@holdfast/core';
import {
  type MemoryCircuitStore,
  type MemoryFleet,
  type NodeSettings,
  type Ruling,
  memoryFleet,
  nodeDefaults,
} from '@holdfast/core/fleet';
import { virtualClock } from '@holdfast/core/testing';
import { expectTypeOf } from 'vitest';

const fleet = memoryFleet({ clock: virtualClock() });
const store = fleet.store({
  node: 'a',
  quorum: (nodes) => nodes,
  mode: (circuit) => (circuit === 'x' ? 'window' : 'ruling'),
});

expectTypeOf(fleet).toEqualTypeOf<MemoryFleet>();
expectTypeOf(store).toEqualTypeOf<MemoryCircuitStore>();
expectTypeOf(store).toExtend<CircuitStore>();
expectTypeOf(createRegistry({ store }).store).toEqualTypeOf<CircuitStore | undefined>();
expectTypeOf(store.health()).toEqualTypeOf<StoreHealth>();
expectTypeOf(store.close()).toEqualTypeOf<Promise<void>>();
expectTypeOf<ReturnType<MemoryCircuitStore['hold']>>().toEqualTypeOf<Promise<Ruling>>();
expectTypeOf(nodeDefaults).toExtend<Omit<NodeSettings, 'node'>>();

// What a breaker says of its circuit.
const { fleet: shared } = createRegistry({ store }).create(circuitBreaker, { name: 'prices' }).snapshot();
expectTypeOf(shared).toEqualTypeOf<SharingExplanation | undefined>();
expectTypeOf<SharingExplanation['ruling']>().toEqualTypeOf<ExplainedRuling>();
expectTypeOf<SharingExplanation['view']>().toEqualTypeOf<'fresh' | 'stale' | 'degraded'>();
expectTypeOf<SharingExplanation['members']>().toEqualTypeOf<number>();
expectTypeOf<RuledState>().toEqualTypeOf<'closed' | 'half-open' | 'open' | 'forced-open' | 'forced-closed'>();

// No method of a shared circuit returns a promise: no call waits for a store.
expectTypeOf<SharedCircuit['probe']>().toEqualTypeOf<() => ProbeAnswer>();
expectTypeOf<Extract<ReturnType<SharedCircuit[keyof SharedCircuit]>, PromiseLike<unknown>>>().toBeNever();

// @ts-expect-error -- there is no such way to share
fleet.store({ mode: 'votes' });
// @ts-expect-error -- a quorum is a function of how many there are
fleet.store({ quorum: 2 });
// @ts-expect-error -- a hold has an owner
void store.hold({ id: 'prices', state: 'forced-open', forMs: 1000, reason: '' });
// @ts-expect-error -- there is no such state to hold a circuit in
void store.hold({ id: 'prices', state: 'half-open', forMs: 1000, owner: 'alice', reason: '' });
