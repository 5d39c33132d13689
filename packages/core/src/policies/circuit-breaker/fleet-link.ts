/**
 * Fleet link: one breaker as a member of the fleet's circuit of its name.
 *
 * Invariants
 *  (1) The breaker never waits for the fleet, and nothing that the store does reaches a caller: what it throws, or gives that
 *      it must not, is reported, and the breaker decides by itself.
 *  (2) A hold of the fleet stands beside those of this process, under an owner of its own, and ends with the ruling, or when
 *      the breaker leaves.
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
  ProbeLease,
  SharedCircuit,
  SharingExplanation,
} from '../../kernel/circuit-store.ts';
import { ignoreRejection, reportHookError } from '../../kernel/hooks.ts';
import { fnv1a } from '../../mechanisms/fnv1a.ts';
import type { Breaker } from './breaker.ts';
import type { BreakerRules } from './breaker-parts.ts';
import type { FleetSide, Following, MachineState } from './circuit-entry.ts';
import { type CircuitWindow, defaultBucketCount } from './circuit-window.ts';
import { type HeldState, Holds } from './holds.ts';
import { restOfRamp } from './ramp.ts';
import { type TripReason, isTripReason } from './trip-rule.ts';

/** A breaker, as the fleet sees it, and the fleet, as the breaker does. */
export class FleetLink implements CircuitMember, FleetSide {
  private readonly breaker: Breaker;
  private shared: SharedCircuit | undefined = undefined;
  private hasLeft = false;
  private tallyFrom: MemberTally;
  private described: { readonly of: BreakerRules; readonly as: MemberRules } | undefined = undefined;
  private endHold: (() => boolean) | undefined = undefined;

  constructor(breaker: Breaker) {
    this.breaker = breaker;
    this.tallyFrom = totals(breaker);
  }

  /** Takes part in the circuit of that name in `store`. */
  join(store: CircuitStore): void {
    const { breaker } = this;
    this.shared = this.contain(undefined, () => requireShared(store.join(this)));
    if (this.shared === undefined) this.leave(); // (1)
    else breaker.circuit.fleet = this;
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
    if (!this.hasLeft) this.contain(undefined, () => this.takeUp(state));
  }

  tripped(trip: MemberTrip): void {
    this.contain(undefined, () => this.shared?.tripped(trip));
  }

  recovered(): void {
    this.tallyFrom = totals(this.breaker);
    this.contain(undefined, () => this.shared?.recovered());
  }

  wasReset(): void {
    this.tallyFrom = totals(this.breaker);
    this.contain(undefined, () => this.shared?.wasReset());
  }

  probe(): ProbeAnswer {
    return this.contain<ProbeAnswer>('own', () => this.checkedAnswer(this.shared?.probe()));
  }

  noteDemand(): void {
    this.contain(undefined, () => this.shared?.noteDemand());
  }

  retryAfterMs(): number {
    const waitMs = this.contain(0, () => this.shared?.retryAfterMs());
    return typeof waitMs === 'number' && waitMs > 0 ? waitMs : 0;
  }

  explain(): SharingExplanation | undefined {
    return this.contain(undefined, () => this.shared?.explain());
  }

  leave(): void {
    const { breaker } = this;
    this.hasLeft = true;
    breaker.circuit.fleet = undefined;
    this.contain(undefined, () => this.shared?.leave());
    if (this.endHold?.() === true) breaker.heldAt(breaker.clock.now()); // (2)
  }

  // --- internal ---

  private takeUp(state: FollowedState): void {
    const phase = phaseOf(state.state);
    const { breaker } = this;
    const now = breaker.clock.now();
    if (phase === 'open') breaker.tripReason = reasonOf(state.reason);
    const isHeld = state.state === 'forced-open' || state.state === 'forced-closed';
    if (isHeld) this.hold(state, state.state, now);
    const { generation } = breaker.circuit;
    breaker.circuit.follow(followingOf(state, phase, { rampUpMs: breaker.rules.rampUpMs, now }));
    if (breaker.circuit.generation !== generation) this.tallyFrom = totals(breaker);
    if (!isHeld) this.endHold?.();
    breaker.refresh();
    breaker.heldAt(now);
  }

  private hold({ remainingMs, reason, owner }: FollowedState, state: HeldState, now: number): void {
    this.breaker.holds ??= new Holds();
    const words = [owner, reason].filter((word) => word !== undefined && word !== '');
    this.endHold = this.breaker.holds.add(
      state,
      { owner: FLEET_OWNER, forMs: remainingMs, reason: words.join(': ') },
      now,
    ); // (2)
  }

  /** What a store answers may be anything. */
  private checkedAnswer(answer: unknown): ProbeAnswer {
    if (answer === 'own' || answer === 'none') return answer;
    const lease = answer as ProbeLease | null | undefined;
    if (typeof lease?.settle !== 'function' || !(lease.remainingMs >= 0)) throw rubbish('probe', answer);
    let isSettled = false;
    const settle: ProbeLease['settle'] = (verdict, retryAfterMs) => {
      if (isSettled) return; // a probe that was slow has its verdict before it ends
      isSettled = true;
      this.contain(undefined, () => lease.settle(verdict, retryAfterMs));
    };
    return { remainingMs: lease.remainingMs, settle };
  }

  /** Asks the store: (1). */
  private contain<T>(otherwise: T, ask: () => T | undefined): T {
    try {
      return ask() ?? otherwise;
    } catch (error) {
      reportHookError('store', error, this.name);
      return otherwise;
    }
  }
}

/** Shares the circuit of `breaker`, if there is a store. A store that lets nobody join is reported: the breaker is alone then. */
export function joinFleet(breaker: Breaker, store: CircuitStore | undefined): void {
  if (store !== undefined) new FleetLink(breaker).join(store);
}

// --- internal ---

const sharedMethods: readonly (keyof SharedCircuit)[] = [
  'tripped',
  'recovered',
  'wasReset',
  'probe',
  'noteDemand',
  'retryAfterMs',
  'explain',
  'leave',
];

function requireShared(joined: unknown): SharedCircuit {
  const shared = joined as Partial<SharedCircuit> | null | undefined;
  if (sharedMethods.every((method) => typeof shared?.[method] === 'function')) return joined as SharedCircuit;
  throw rubbish('join', joined);
}

function rubbish(method: string, answer: unknown): TypeError {
  ignoreRejection(answer);
  return new TypeError(`${method} of the store gave what it must not`);
}

/** The owner under which holds of the fleet are listed. */
const FLEET_OWNER = 'fleet';

/** The verdicts that counted in windows so far. */
function totals({ successCount, failureCount, lateSuccessCount, lateFailureCount }: Breaker): MemberTally {
  return { successes: successCount - lateSuccessCount, failures: failureCount - lateFailureCount };
}

/** What a circuit by itself is under a ruling; a hold is on top of it. */
const phases: Readonly<Record<string, MachineState | undefined>> = {
  closed: 'closed',
  'forced-closed': 'closed',
  open: 'open',
  'forced-open': 'open',
  'half-open': 'half-open',
};

function phaseOf(state: string): MachineState {
  const phase = Object.hasOwn(phases, state) ? phases[state] : undefined;
  if (phase === undefined) throw rubbish('a ruling', state);
  return phase;
}

function followingOf(
  { state, remainingMs, isNew, reopenings }: FollowedState,
  phase: MachineState,
  { rampUpMs, now }: { readonly rampUpMs: number; readonly now: number },
): Following {
  const base = { phase, isNew, reopenings };
  if (phase === 'open') return { ...base, opening: { until: now + remainingMs } };
  return state === 'closed' ? { ...base, ramp: restOfRamp(remainingMs, rampUpMs, now) } : base;
}

/** The window mode of a ledger has its own word for the ratio. */
function reasonOf(reason: string | undefined): TripReason {
  if (reason === 'lost-probes') return 'probes';
  if (reason === 'failure-ratio') return 'failureRatio';
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
