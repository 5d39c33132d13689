/**
 * Fleet link: one breaker as a member of the fleet's circuit of its name.
 *
 * Invariants
 *  (1) The breaker never waits for the fleet, and nothing that the store does reaches a caller.
 *  (2) A hold of the fleet stands beside those of this process, under an owner of its own, and ends with the ruling.
 *  (3) A breaker that only observes, or is off, follows the fleet and tells it nothing.
 *
 * @module
 */

import type {
  CircuitMember,
  CircuitStore,
  FollowedState,
  MemberRules,
  MemberRun,
  MemberTally,
  MemberTrip,
  ProbeAnswer,
  SharedCircuit,
  SharingExplanation,
} from '../../kernel/circuit-store.ts';
import { fnv1a } from '../../mechanisms/fnv1a.ts';
import type { Breaker } from './breaker.ts';
import type { BreakerRules } from './breaker-parts.ts';
import type { Following } from './circuit-entry.ts';
import { type CircuitWindow, defaultBucketCount } from './circuit-window.ts';
import { Holds } from './holds.ts';
import { restOfRamp } from './ramp.ts';
import { type TripReason, isTripReason } from './trip-rule.ts';

/** A breaker, as the fleet sees it, and the fleet, as the breaker does. */
export class FleetLink implements CircuitMember {
  private readonly breaker: Breaker;
  private readonly shared: SharedCircuit;
  private tallyFrom: MemberTally;
  private described: { readonly of: BreakerRules; readonly as: MemberRules } | undefined = undefined;
  private endHold: (() => boolean) | undefined = undefined;

  constructor(breaker: Breaker, store: CircuitStore) {
    this.breaker = breaker;
    this.tallyFrom = totals(breaker);
    breaker.circuit.fleet = this;
    this.shared = store.join(this);
  }

  get name(): string {
    return this.breaker.name;
  }

  get memberRules(): MemberRules {
    const { rules } = this.breaker;
    if (this.described?.of !== rules) this.described = { of: rules, as: memberRulesOf(rules) };
    return this.described.as;
  }

  tally(): MemberTally {
    const { successes, failures } = totals(this.breaker);
    return { successes: successes - this.tallyFrom.successes, failures: failures - this.tallyFrom.failures };
  }

  recent(): readonly MemberRun[] {
    const { circuit, clock } = this.breaker;
    const runs = circuit.seen?.save(clock.now()) ?? [];
    return runs.map(({ ageMs, calls, failures }) => ({ ageMs, successes: calls - failures, failures }));
  }

  follow(state: FollowedState): void {
    const { breaker } = this;
    const now = breaker.clock.now();
    if (state.isNew) this.tallyFrom = totals(breaker);
    if (state.state === 'open' || state.state === 'forced-open') breaker.tripReason = reasonOf(state.reason);
    if (state.owner !== undefined) this.hold(state, now);
    breaker.circuit.follow(followingOf(state, breaker.rules.rampUpMs, now));
    if (state.owner === undefined) this.endHold?.();
    breaker.refresh();
    breaker.heldAt(now);
  }

  tripped(trip: MemberTrip): void {
    this.shared.tripped(trip);
  }

  recovered(): void {
    this.tallyFrom = totals(this.breaker);
    this.shared.recovered();
  }

  wasReset(): void {
    this.tallyFrom = totals(this.breaker);
    this.shared.wasReset();
  }

  probe(): ProbeAnswer {
    return this.shared.probe();
  }

  noteDemand(): void {
    this.shared.noteDemand();
  }

  retryAfterMs(): number {
    return this.shared.retryAfterMs();
  }

  explain(): SharingExplanation {
    return this.shared.explain();
  }

  leave(): void {
    this.breaker.circuit.fleet = undefined;
    this.shared.leave();
  }

  // --- internal ---

  private hold({ state, remainingMs, reason, owner }: FollowedState, now: number): void {
    const held = state === 'forced-open' ? 'forced-open' : 'forced-closed';
    this.breaker.holds ??= new Holds();
    this.endHold = this.breaker.holds.add(
      held,
      { owner: FLEET_OWNER, forMs: remainingMs, reason: `${String(owner)}: ${reason ?? ''}` },
      now,
    ); // (2)
  }
}

/** Shares the circuit of `breaker`, if there is a store. */
export function joinFleet(breaker: Breaker, store: CircuitStore | undefined): FleetLink | undefined {
  return store === undefined ? undefined : new FleetLink(breaker, store);
}

/** The owner under which holds of the fleet are listed. */
const FLEET_OWNER = 'fleet';

/** The verdicts that counted in windows so far. */
function totals({ successCount, failureCount, lateSuccessCount, lateFailureCount }: Breaker): MemberTally {
  return { successes: successCount - lateSuccessCount, failures: failureCount - lateFailureCount };
}

/** What a circuit by itself is under a ruling; a hold is on top of it. */
const phases = {
  closed: 'closed',
  'forced-closed': 'closed',
  open: 'open',
  'forced-open': 'open',
  'half-open': 'half-open',
} as const;

function followingOf(
  { state, remainingMs, isNew, reopenings }: FollowedState,
  rampUpMs: number,
  now: number,
): Following {
  const base = { phase: phases[state], isNew, reopenings };
  if (base.phase === 'open') return { ...base, opening: { until: now + remainingMs } };
  return state === 'closed' ? { ...base, ramp: restOfRamp(remainingMs, rampUpMs, now) } : base;
}

function reasonOf(reason: string | undefined): TripReason {
  if (reason === 'lost-probes') return 'probes';
  return isTripReason(reason) ? reason : 'fleet';
}

function memberRulesOf(rules: BreakerRules): MemberRules {
  const { maxProbes, probeSuccessRatio, probeLeaseMs, openForMs, openBackoffRatio, maxOpenForMs, rampUpMs } = rules;
  const { failureRatio, minimumCalls, failureCount, slowCallMs, slowRatio, deviations, enforcement } = rules;
  const { window } = rules.given as { readonly window?: CircuitWindow };
  const neededSuccesses = Math.max(1, Math.ceil(probeSuccessRatio * maxProbes - ROUNDING));
  const deciding = [failureRatio, minimumCalls, failureCount, slowCallMs, slowRatio, deviations, window];
  const probing = [maxProbes, neededSuccesses, probeLeaseMs, openForMs, openBackoffRatio, maxOpenForMs, rampUpMs];
  return {
    maxProbes,
    neededSuccesses,
    probeLeaseMs,
    openForMs,
    openBackoffRatio,
    maxOpenForMs,
    rampUpMs,
    evidenceSpanMs: window?.kind === 'time' ? window.durationMs : Infinity,
    bucketMs: window?.kind === 'time' ? window.durationMs / (window.bucketCount ?? defaultBucketCount) : undefined,
    failureRatio,
    minimumCalls,
    proposes: enforcement === 'enforce', // (3)
    fingerprint: fnv1a(JSON.stringify([deciding, probing])).toString(36),
  };
}

/** What products of ratios and integers may be off by. */
const ROUNDING = 1e-9;
