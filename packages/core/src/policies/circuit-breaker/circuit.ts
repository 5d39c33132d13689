/**
 * Circuit: the state machine of a circuit breaker. Pure: time arrives as an argument, nothing is awaited or timed.
 *
 *   closed ─────────── trip ───────────► open ◄───────┐
 *     ▲                                    │          │
 *     │                                  probe     trip, too few can succeed
 *     │                                    ▼          │
 *     └── settle, enough succeeded ── half-open ──────┘
 *
 *  closed    -> open        trip()       record() or judgeSlow() gave a reason
 *  open      -> half-open   probe()      first call after its open time; state() says so without a call
 *  half-open -> closed      settleProbe  enough probes succeeded
 *  half-open -> open        trip()       settleProbe() said that enough probes cannot succeed any more
 *
 * Invariants
 *  (1) open admits no call before its open time has passed.
 *  (2) half-open has at most `maxProbes` leases out, and counts at most `maxProbes` verdicts.
 *  (3) An outcome counts only in the generation that admitted it, and once.
 *  (4) An ignored outcome gives its lease back without a verdict. A lease that has expired gives its place to the next
 *      probe that asks for one; until then its outcome counts.
 *  (5) Memory does not depend on traffic.
 *  (6) After the circuit has closed, the share of calls that pass grows from a tenth to all of them within `rampUpMs`.
 *
 * @module
 */

import { unlink } from '../../kernel/linked-list.ts';
import type { Verdict } from '../../kernel/outcome.ts';
import type { OutcomeWindow } from '../../mechanisms/outcome-window.ts';
import { SlowCalls, type TimedMember } from './slow-calls.ts';
import { type TripReason, type TripRules, type WindowCounts, countsOf, tripReason } from './trip-rule.ts';

/** What a circuit by itself can be in. */
export type MachineState = 'closed' | 'open' | 'half-open';

/** What a circuit decides by; see the options of the policy. */
export interface CircuitRules extends TripRules {
  /** Infinity where no call is slow. */
  readonly slowCallMs: number;
  readonly maxProbes: number;
  readonly probeSuccessRatio: number;
  readonly probeLeaseMs: number;
  readonly rampUpMs: number;
  readonly newWindow: () => OutcomeWindow;
  /** Whether the windows look at the time, so that `record` needs it. */
  readonly needsTime: boolean;
}

/** The right to run one probe. It ends when it is settled, when it expires, or with the half-open state. */
export interface Lease {
  readonly grantedAt: number;
  readonly expiresAt: number;
}

/** Told about every change of state, after it has happened. */
export interface CircuitListener {
  /** Whose circuit it is, for the errors of hooks. */
  readonly name: string;
  onTransition(from: MachineState, to: MachineState): void;
}

/** One circuit. Its fields are plain for speed, and made when they are needed: a circuit at rest is small. */
export class Circuit {
  private rules: CircuitRules;
  private readonly listener: CircuitListener;
  private phase: MachineState = 'closed';
  private window: OutcomeWindow | undefined = undefined;
  private slow: SlowCalls | undefined = undefined;
  private opening: Opening | undefined = undefined;
  private round: ProbeRound | undefined = undefined;
  private ramp: Ramp | undefined = undefined;
  /** Number of the current state entry. */
  generation = 0;
  /** How often in a row the probes have failed since the circuit was closed. */
  reopenings = 0;

  constructor(rules: CircuitRules, listener: CircuitListener) {
    this.rules = rules;
    this.listener = listener;
  }

  /** Whether all calls pass, and nobody needs to know when they started. */
  get isSteady(): boolean {
    return this.phase === 'closed' && this.ramp === undefined && this.rules.slowCallMs === Infinity;
  }

  /** The state as of `now`: an open circuit whose time is over is half-open, whether or not a call has come. */
  state(now: number): MachineState {
    return this.phase === 'open' && this.remainingOpenMs(now) === 0 ? 'half-open' : this.phase;
  }

  /** Milliseconds until the circuit lets a probe through; 0 when it is not open. */
  remainingOpenMs(now: number): number {
    return this.opening === undefined ? 0 : Math.max(0, this.opening.until - now);
  }

  /** What the windows hold as of `now`; zeros when the circuit is not closed. */
  counts(now: number): WindowCounts {
    this.window?.expire(now);
    this.slow?.window.expire(now);
    return countsOf(this.window, this.slow?.window);
  }

  /** Asks to run a call as a probe. Undefined when the circuit is closed: the call needs no lease. */
  probe(now: number): Lease | 'open' | 'half-open-full' | undefined {
    if (this.phase === 'open') {
      if (this.remainingOpenMs(now) > 0) return 'open'; // (1)
      this.enter('half-open');
    }
    const { round } = this; // a listener may have moved the circuit on when it was told of the transition
    if (round === undefined) return this.state(now) === 'closed' ? undefined : 'open'; // (1)
    dropExpired(round.leases, now); // (4)
    if (round.leases.size + round.succeeded + round.failed >= this.rules.maxProbes) return 'half-open-full'; // (2)
    const lease = { grantedAt: now, expiresAt: now + this.rules.probeLeaseMs };
    round.leases.add(lease);
    return lease;
  }

  /** Milliseconds until the first lease expires; 0 when the circuit is not half-open or a lease is to be had. */
  remainingLeaseMs(now: number): number {
    if (this.round === undefined || this.round.leases.size === 0) return 0;
    const { leases, succeeded, failed } = this.round;
    if (leases.size + succeeded + failed < this.rules.maxProbes) return 0;
    return Math.max(0, Math.min(...[...leases].map((lease) => lease.expiresAt)) - now);
  }

  /** Counts a call of this generation. Returns why the circuit must open, if it must. */
  record(failed: boolean, now: number): TripReason | undefined {
    if (this.phase !== 'closed') return undefined;
    this.window ??= this.rules.newWindow();
    this.window.record(failed, now);
    this.slow?.window.expire(now); // a rule looks at both as of one instant
    return tripReason(this.listener.name, this.rules, this.window, this.slow?.window);
  }

  /** Takes note of a call that a closed circuit lets run, where slow calls count. */
  begin(call: TimedMember): void {
    this.slow ??= new SlowCalls(this.rules.newWindow());
    this.slow.begin(call);
  }

  /** Takes note of the end of such a call. One with a verdict, and not slow so far, was fast. */
  end(call: TimedMember, verdict: Verdict, now: number): void {
    if (this.slow === undefined) unlink(call);
    else this.slow.end(call, verdict !== 'ignored', now);
  }

  /** Counts the running calls that have become slow by `now`. Returns why the circuit must open, if it must. */
  judgeSlow(now: number): TripReason | undefined {
    const { slow, rules, round } = this;
    if (rules.slowCallMs === Infinity) return undefined;
    if (round !== undefined) return this.judgeProbes(round, now);
    if (slow === undefined || !slow.judge(now, rules.slowCallMs)) return undefined;
    this.window ??= rules.newWindow();
    this.window.expire(now);
    return tripReason(this.listener.name, rules, this.window, slow.window);
  }

  /** Share of the calls that pass after the circuit has closed: 1 when the ramp is over, or there is none. */
  passRatio(now: number): number {
    if (this.ramp === undefined) return 1;
    const ratio = (now - this.ramp.startedAt) / this.rules.rampUpMs;
    if (ratio >= 1) this.ramp = undefined;
    return Math.min(1, Math.max(MIN_PASS_RATIO, ratio)); // (6)
  }

  /** Milliseconds until all calls pass again after the circuit has closed. */
  remainingRampMs(now: number): number {
    return this.ramp === undefined ? 0 : Math.max(0, this.ramp.startedAt + this.rules.rampUpMs - now);
  }

  /** Opens the circuit until `until`. */
  trip(until: number): void {
    this.reopenings = this.nextReopenings;
    this.enter('open', { opening: { until } });
  }

  /** What `reopenings` is if the circuit opens now. */
  get nextReopenings(): number {
    return this.phase === 'half-open' ? this.reopenings + 1 : 0;
  }

  /** Takes the verdict on a probe, and its lease back. Returns whether the circuit must open. */
  settleProbe(lease: Lease, verdict: Verdict, now: number): boolean {
    const { round } = this;
    if (round === undefined || !round.leases.delete(lease)) return false; // (3)
    if (verdict === 'ignored') return false; // (4)
    if (verdict === 'success') round.succeeded++;
    else round.failed++;
    return this.decide(round, now);
  }

  /** Closes the circuit with an empty window. */
  reset(): void {
    this.reopenings = 0;
    this.enter('closed');
  }

  /**
   * Goes on under other rules. `convert` makes a window of the new kind of one of the old kind, where that changes. Returns
   * whether the circuit must open: the verdicts on the probes so far may decide by the new rules.
   */
  change(rules: CircuitRules, convert: ((window: OutcomeWindow) => OutcomeWindow) | undefined, now: number): boolean {
    this.rules = rules;
    if (rules.slowCallMs === Infinity) this.slow = undefined;
    if (convert !== undefined) {
      if (this.window !== undefined) this.window = convert(this.window);
      if (this.slow !== undefined) this.slow.window = convert(this.slow.window);
    }
    return this.round !== undefined && this.decide(this.round, now);
  }

  /** Lets no call that runs now count in the window any more. */
  forgetCalls(): void {
    this.generation++;
  }

  /** Takes up a state that was saved, without telling anybody: the window of a closed circuit, or the end of an open time. */
  resume({ window, openUntil, reopenings }: SavedCircuit): void {
    this.generation++;
    this.phase = openUntil === undefined ? 'closed' : 'open';
    this.window = window;
    this.slow = undefined;
    this.round = undefined;
    this.ramp = undefined;
    this.opening = openUntil === undefined ? undefined : { until: openUntil };
    this.reopenings = reopenings;
  }

  /** The window of a closed circuit that has seen calls. */
  get seen(): OutcomeWindow | undefined {
    return this.window;
  }

  // --- internal ---

  /** Closes the circuit if enough probes succeeded. Returns whether it must open, since enough cannot any more. */
  private decide({ succeeded, failed }: ProbeRound, now: number): boolean {
    const { maxProbes, probeSuccessRatio, rampUpMs } = this.rules;
    if (succeeded / maxProbes < probeSuccessRatio) return (maxProbes - failed) / maxProbes < probeSuccessRatio;
    this.reopenings = 0;
    this.enter('closed', rampUpMs > 0 ? { ramp: { startedAt: now } } : {});
    return false;
  }

  private judgeProbes(round: ProbeRound, now: number): TripReason | undefined {
    for (const lease of round.leases) {
      const isSlow = now - lease.grantedAt >= this.rules.slowCallMs;
      if (isSlow && this.settleProbe(lease, 'failure', now)) return 'probes';
    }
    return undefined;
  }

  private enter(state: MachineState, { opening, ramp }: Entry = {}): void {
    const from = this.phase;
    this.phase = state;
    this.opening = opening;
    this.ramp = ramp;
    this.round = state === 'half-open' ? { leases: new Set(), succeeded: 0, failed: 0 } : undefined;
    this.window = undefined;
    this.slow = undefined;
    this.generation++;
    if (from !== state) this.listener.onTransition(from, state);
  }
}

/** What {@link Circuit.resume} takes up. */
export interface SavedCircuit {
  readonly window: OutcomeWindow | undefined;
  readonly openUntil: number | undefined;
  readonly reopenings: number;
}

/** The share of calls that pass at the beginning of a ramp. */
const MIN_PASS_RATIO = 0.1;

interface Opening {
  readonly until: number;
}

interface Ramp {
  readonly startedAt: number;
}

interface Entry {
  readonly opening?: Opening;
  readonly ramp?: Ramp;
}

interface ProbeRound {
  readonly leases: Set<Lease>;
  succeeded: number;
  failed: number;
}

function dropExpired(leases: Set<Lease>, now: number): void {
  for (const lease of leases) {
    if (lease.expiresAt <= now) leases.delete(lease);
  }
}
