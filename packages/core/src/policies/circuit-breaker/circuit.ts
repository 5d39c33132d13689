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
 * A circuit that a fleet shares has these states as well, and opens at once by its own rules; but where the fleet has ruled, the
 * fleet says when it closes and who probes: `follow()`.
 *
 * Invariants
 *  (1) open admits no call before its open time has passed.
 *  (2) half-open has at most `maxProbes` leases out, and counts at most `maxProbes` verdicts.
 *  (3) An outcome counts only in the generation that admitted it, and once.
 *  (4) An ignored outcome gives its lease back without a verdict. A lease that has expired gives its place to the next
 *      probe that asks for one; until then its outcome counts.
 *  (5) Memory does not depend on traffic.
 *  (6) After the circuit has closed, the share of calls that pass grows from a tenth to all of them within `rampUpMs`.
 *  (7) Where the fleet decides on probes, none runs but with a lease of the fleet.
 *
 * @module
 */

import type { ProbeLease } from '../../kernel/circuit-store.ts';
import { unlink } from '../../kernel/linked-list.ts';
import type { Verdict } from '../../kernel/outcome.ts';
import type { OutcomeWindow } from '../../mechanisms/outcome-window.ts';
import type { FleetSide, Following, MachineState, Opening, SavedCircuit, StateEntry } from './circuit-entry.ts';
import { type Lease, ProbeRound, type ProbeRules } from './probe-round.ts';
import { type Ramp, passRatioOf, remainingRampMs } from './ramp.ts';
import { SlowCalls, type TimedMember } from './slow-calls.ts';
import { type TripReason, type TripRules, type WindowCounts, countsOf, tripReason } from './trip-rule.ts';

/** What a circuit decides by; see the options of the policy. */
export interface CircuitRules extends TripRules, ProbeRules {
  /** Infinity where no call is slow. */
  readonly slowCallMs: number;
  readonly rampUpMs: number;
  readonly newWindow: () => OutcomeWindow;
  /** Whether the windows look at the time, so that `record` needs it. */
  readonly needsTime: boolean;
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
  /** Where the circuit is shared. */
  fleet: FleetSide | undefined = undefined;
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

  /** Milliseconds since the open time was over; 0 while it is not, or the circuit is not open. */
  overdueMs(now: number): number {
    return this.opening === undefined ? 0 : Math.max(0, now - this.opening.until);
  }

  /** What the windows hold as of `now`; zeros when the circuit is not closed. */
  counts(now: number): WindowCounts {
    this.window?.expire(now);
    this.slow?.window.expire(now);
    return countsOf(this.window, this.slow?.window);
  }

  /** Asks to run a call as a probe. Undefined when the circuit is closed: the call needs no lease. */
  probe(now: number): Lease | 'open' | 'half-open-full' | undefined {
    const { fleet } = this;
    if (fleet === undefined || this.phase === 'closed') return this.probeAlone(now);
    if (this.remainingOpenMs(now) > 0) {
      fleet.noteDemand();
      return 'open'; // (1)
    }
    const answer = fleet.probe();
    if (answer === 'own') return this.probeAlone(now);
    return answer === 'none' ? 'half-open-full' : this.beginProbe(answer, now); // (7)
  }

  /** Milliseconds until a refused probe has a chance; 0 when the circuit is not half-open or a lease is to be had. */
  remainingLeaseMs(now: number): number {
    const ofFleet = this.phase === 'closed' ? 0 : (this.fleet?.retryAfterMs() ?? 0);
    return ofFleet > 0 ? ofFleet : (this.round?.remainingLeaseMs(now, this.rules) ?? 0);
  }

  /** Counts a call of this generation. Returns why the circuit must open, if it must. */
  record(failed: boolean, now: number): TripReason | undefined {
    if (this.phase !== 'closed') return undefined;
    const window = (this.window ??= this.rules.newWindow());
    window.record(failed, now);
    if (this.slow === undefined) return window.failures === 0 ? undefined : this.reasonToTrip(window);
    this.slow.window.expire(now); // a rule looks at both as of one instant
    return this.reasonToTrip(window);
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
    const ratio = passRatioOf(this.ramp, this.rules.rampUpMs, now);
    if (ratio === 1) this.ramp = undefined;
    return ratio; // (6)
  }

  /** Milliseconds until all calls pass again after the circuit has closed. */
  remainingRampMs(now: number): number {
    return this.ramp === undefined ? 0 : remainingRampMs(this.ramp, this.rules.rampUpMs, now);
  }

  /** Opens the circuit until `until`. Returns whether it is so still, after listeners have been told. */
  trip(until: number): boolean {
    this.reopenings = this.nextReopenings;
    return this.enter('open', { opening: { until } });
  }

  /** What `reopenings` is if the circuit opens now. */
  get nextReopenings(): number {
    return this.phase === 'half-open' ? this.reopenings + 1 : 0;
  }

  /** Takes the verdict on a probe, and its lease back. Returns whether the circuit must open. */
  settleProbe(lease: Lease, verdict: Verdict, now: number, retryAfterMs = 0): boolean {
    const { round } = this;
    const isOut = round?.end(lease) === true;
    lease.ofFleet?.settle(verdict, retryAfterMs); // (7)
    if (round === undefined || !isOut || lease.ofFleet !== undefined) return false; // (3)
    if (verdict === 'ignored') return false; // (4)
    round.count(verdict === 'success');
    return this.decide(round, now);
  }

  /** Closes the circuit with an empty window. */
  reset(): void {
    this.reopenings = 0;
    if (this.enter('closed')) this.fleet?.wasReset();
  }

  /** Becomes what the fleet, or this process in its place, has ruled. */
  follow({ phase, isNew, reopenings, opening, ramp }: Following): void {
    this.reopenings = reopenings;
    if (isNew || phase !== this.phase) this.enter(phase, { opening, ramp });
    else this.opening = opening;
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
  private decide(round: ProbeRound, now: number): boolean {
    const outcome = round.outcome(this.rules);
    if (outcome !== 'succeeded') return outcome === 'failed';
    this.reopenings = 0;
    if (this.enter('closed', this.rules.rampUpMs > 0 ? { ramp: { startedAt: now } } : {})) this.fleet?.recovered();
    return false;
  }

  private reasonToTrip(window: OutcomeWindow): TripReason | undefined {
    return tripReason(this.listener.name, this.rules, window, this.slow?.window);
  }

  private probeAlone(now: number): Lease | 'open' | 'half-open-full' | undefined {
    if (this.phase === 'open') {
      if (this.remainingOpenMs(now) > 0) return 'open'; // (1)
      this.enter('half-open');
    }
    const { round } = this; // a listener may have moved the circuit on when it was told of the transition
    if (round === undefined) return this.state(now) === 'closed' ? undefined : 'open'; // (1)
    return round.grant(now, this.rules) ?? 'half-open-full'; // (2)
  }

  private beginProbe(lease: ProbeLease, now: number): Lease {
    if (this.phase === 'open') this.enter('half-open');
    return (this.round ?? new ProbeRound()).begin(lease, now);
  }

  private judgeProbes(round: ProbeRound, now: number): TripReason | undefined {
    for (const lease of round.slow(now, this.rules.slowCallMs)) {
      if (this.settleProbe(lease, 'failure', now)) return 'probes';
    }
    return undefined;
  }

  /** Returns whether the circuit is as it was entered still: a listener may have moved it on. */
  private enter(state: MachineState, { opening, ramp }: StateEntry = {}): boolean {
    const from = this.phase;
    this.phase = state;
    this.opening = opening;
    this.ramp = ramp;
    this.round = state === 'half-open' ? new ProbeRound() : undefined;
    this.window = undefined;
    this.slow = undefined;
    const generation = ++this.generation;
    if (from !== state) this.listener.onTransition(from, state);
    return generation === this.generation;
  }
}
