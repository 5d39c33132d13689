/**
 * Plain member: a member of a circuit that is no breaker, for what the conformance suite asks of the port itself.
 *
 * @module
 */

import type { CircuitMember, CircuitStore, SharedCircuit } from '../kernel/circuit-store.ts';
import { assertThat } from './conformance-fleet.ts';

/** A member that is no breaker, and its circuit. */
export interface PlainMember {
  readonly member: CircuitMember;
  readonly shared: SharedCircuit;
  readonly told: unknown[];
}

/** Lets a member that is no breaker join `store`. */
export function plainMember(store: CircuitStore, name = 'plain'): PlainMember {
  const told: unknown[] = [];
  const member: CircuitMember = {
    name,
    memberRules: {
      maxProbes: 2,
      neededSuccesses: 2,
      probeLeaseMs: 400,
      openForMs: 300,
      openBackoffRatio: 1,
      maxOpenForMs: 60_000,
      rampUpMs: 0,
      evidenceSpanMs: Infinity,
      bucketMs: undefined,
      failureRatio: 0.5,
      minimumCalls: 2,
      proposes: true,
      fingerprint: 'plain',
    },
    tally: () => ({ successes: 0, failures: 0 }),
    recent: () => [],
    follow: (state) => void told.push(state),
  };
  return { member, shared: store.join(member), told };
}

/** Calls every method but `leave`. */
export function callAll(shared: SharedCircuit): void {
  const answers: readonly unknown[] = [
    shared.tripped({ openMs: 1, reason: 'probes' }),
    shared.noteDemand(),
    shared.probe(),
    shared.retryAfterMs(),
    shared.explain(),
    shared.recovered(),
    shared.wasReset(),
  ];
  const isPromise = answers.some(
    (answer) => typeof (answer as { readonly then?: unknown } | null)?.then === 'function',
  );
  assertThat(!isPromise, 'a method returns a promise');
}
