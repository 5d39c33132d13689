/**
 * Circuit: the state machine of a circuit breaker. Pure: time arrives as an argument, nothing is awaited or timed.
 *
 *   closed ─────────── trip ───────────► open ◄───────┐
 *     ▲                                    │          │
 *     │                                  probe     settle, too few can succeed
 *     │                                    ▼          │
 *     └── settle, enough succeeded ── half-open ──────┘
 *
 *  closed    -> open        trip()       failure ratio reached with enough calls in the window
 *  open      -> half-open   probe()      first call after openForMs; state() says so without a call
 *  half-open -> closed      settleProbe  enough probes succeeded
 *  half-open -> open        settleProbe  enough probes cannot succeed any more
 *
 * Invariants
 *  (1) open admits no call before `openForMs` has passed.
 *  (2) half-open has at most `maxProbes` leases out, and counts at most `maxProbes` verdicts.
 *  (3) An outcome counts only in the generation that admitted it, and once.
 *  (4) An ignored outcome gives its lease back without a verdict. A lease that has expired gives its place to the next
 *      probe that asks for one; until then its outcome counts.
 *  (5) Memory does not depend on traffic.
 *
 * @module
 */

import type { Verdict } from '../../kernel/outcome.ts';
import type { OutcomeWindow } from '../../mechanisms/outcome-window.ts';

/** What a circuit can be in. */
export type CircuitState = 'closed' | 'open' | 'half-open';

/** What a circuit decides by; see the options of the policy. */
export interface CircuitRules {
  readonly failureRatio: number;
  readonly minimumCalls: number;
  readonly openForMs: number;
  readonly maxProbes: number;
  readonly probeSuccessRatio: number;
  readonly probeLeaseMs: number;
  readonly newWindow: () => OutcomeWindow;
}

/** The right to run one probe. It ends when it is settled, when it expires, or with the half-open state. */
export interface Lease {
  readonly expiresAt: number;
}

/** Why a call was not admitted. */
export type Refusal = 'open' | 'half-open-full';

/** Told about every change of state. */
export type OnTransition = (from: CircuitState, to: CircuitState) => void;

type Phase =
  | { readonly state: 'closed'; readonly window: OutcomeWindow }
  | { readonly state: 'open'; readonly openedAt: number }
  | { readonly state: 'half-open'; readonly leases: Set<Lease>; succeeded: number; failed: number };

/** One circuit. */
export class Circuit {
  private readonly rules: CircuitRules;
  private readonly onTransition: OnTransition;
  private phase: Phase;
  private entries = 0;

  constructor(rules: CircuitRules, onTransition: OnTransition) {
    this.rules = rules;
    this.onTransition = onTransition;
    this.phase = { state: 'closed', window: rules.newWindow() };
  }

  /** Number of the current state entry. */
  get generation(): number {
    return this.entries;
  }

  /** Whether calls pass without asking for a probe. */
  get isClosed(): boolean {
    return this.phase.state === 'closed';
  }

  /** Whether settling needs to know the time even if nothing trips. */
  get needsTime(): boolean {
    return this.phase.state === 'closed' && this.phase.window.needsTime;
  }

  /** The state as of `now`: an open circuit whose time is over is half-open, whether or not a call has come. */
  state(now: number): CircuitState {
    if (this.phase.state === 'open' && this.remainingOpenMs(now) === 0) return 'half-open';
    return this.phase.state;
  }

  /** Milliseconds until the circuit lets a probe through; 0 when it is not open. */
  remainingOpenMs(now: number): number {
    return this.phase.state === 'open' ? Math.max(0, this.phase.openedAt + this.rules.openForMs - now) : 0;
  }

  /** Calls and failures in the window as of `now`; zeros when the circuit is not closed. */
  counts(now: number): { readonly calls: number; readonly failures: number } {
    if (this.phase.state !== 'closed') return { calls: 0, failures: 0 };
    this.phase.window.expire(now);
    return { calls: this.phase.window.calls, failures: this.phase.window.failures };
  }

  /** Asks to run a call as a probe. Undefined when the circuit is closed: the call needs no lease. */
  probe(now: number): Lease | Refusal | undefined {
    if (this.phase.state === 'open') {
      if (this.remainingOpenMs(now) > 0) return 'open'; // (1)
      this.enter({ state: 'half-open', leases: new Set(), succeeded: 0, failed: 0 });
    }
    const phase = this.phase; // a listener may have reset the circuit when it was told of the transition
    if (phase.state !== 'half-open') return undefined;
    dropExpired(phase.leases, now); // (4)
    if (phase.leases.size + phase.succeeded + phase.failed >= this.rules.maxProbes) return 'half-open-full'; // (2)
    const lease = { expiresAt: now + this.rules.probeLeaseMs };
    phase.leases.add(lease);
    return lease;
  }

  /** Milliseconds until the first lease expires; 0 when the circuit is not half-open or a lease is to be had. */
  remainingLeaseMs(now: number): number {
    if (this.phase.state !== 'half-open' || this.phase.leases.size === 0) return 0;
    return Math.max(0, Math.min(...[...this.phase.leases].map((lease) => lease.expiresAt)) - now);
  }

  /** Counts a call of this generation. Returns whether a closed circuit has seen enough to open. */
  record(failed: boolean, now: number): boolean {
    const phase = this.phase;
    if (phase.state !== 'closed') return false;
    phase.window.record(failed, now);
    return this.hasSeenEnough(phase.window);
  }

  /** Opens the circuit. */
  trip(now: number): void {
    this.enter({ state: 'open', openedAt: now });
  }

  /** Takes the verdict on a probe, and its lease back. */
  settleProbe(lease: Lease, verdict: Verdict, now: number): void {
    const phase = this.phase;
    if (phase.state !== 'half-open' || !phase.leases.delete(lease)) return; // (3)
    if (verdict === 'ignored') return; // (4)
    if (verdict === 'success') phase.succeeded++;
    else phase.failed++;
    const { maxProbes, probeSuccessRatio } = this.rules;
    if (phase.succeeded / maxProbes >= probeSuccessRatio) this.reset();
    else if ((maxProbes - phase.failed) / maxProbes < probeSuccessRatio) this.trip(now);
  }

  /** Closes the circuit with an empty window. */
  reset(): void {
    this.enter({ state: 'closed', window: this.rules.newWindow() });
  }

  // --- internal ---

  private hasSeenEnough({ calls, failures }: OutcomeWindow): boolean {
    return failures > 0 && calls >= this.rules.minimumCalls && failures / calls >= this.rules.failureRatio;
  }

  private enter(phase: Phase): void {
    const from = this.phase.state;
    this.phase = phase;
    this.entries++;
    if (from !== phase.state) this.onTransition(from, phase.state);
  }
}

function dropExpired(leases: Set<Lease>, now: number): void {
  for (const lease of leases) {
    if (lease.expiresAt <= now) leases.delete(lease);
  }
}
