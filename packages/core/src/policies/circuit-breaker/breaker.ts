/**
 * Breaker: what stands between calls and their circuit: admission, verdicts, counts and events.
 *
 * Invariants
 *  (1) A closed circuit costs a call one small object and no look at the clock, unless its rules need the time.
 *  (2) A verdict is counted once per admitted call, in the generation that admitted it.
 *  (3) A listener is told after the state has changed.
 *  (4) Under `observe` the circuit does all that it does under `enforce`, and no call is refused but by a hold; under `off`
 *      nothing happens.
 *  (5) A held circuit is in the state in which it is held; what it was in goes on underneath.
 *
 * @module
 */

import { type Clock, UNREAD, readOnce } from '../../kernel/clock.ts';
import type { Events } from '../../kernel/events.ts';
import type { Verdict } from '../../kernel/outcome.ts';
import type { Arrival } from '../../kernel/handler.ts';
import { unlink } from '../../kernel/linked-list.ts';
import { retryAfterMsOf } from '../../kernel/retry-after.ts';
import { type Random, drawFrom, systemRandom } from '../../kernel/random.ts';
import type { Stage } from '../../kernel/stage.ts';
import type { BreakerPorts, BreakerRules } from './breaker-parts.ts';
import { Admission, type Judge, Permit, WatchedCall } from './admitted-call.ts';
import { type CircuitListener, Circuit } from './circuit.ts';
import type { MachineState } from './circuit-entry.ts';
import {
  CircuitOpenError,
  type CircuitState,
  type Refusal,
  rejectedEvent,
  transitionedEvent,
} from './circuit-events.ts';
import type { HeldState, Holds } from './holds.ts';
import { openTimeMs } from './open-time.ts';
import type { Lease } from './probe-round.ts';
import type { TripReason } from './trip-rule.ts';

/** The counts and the state of one circuit breaker. Its fields are plain for speed; the policy's interface hides them. */
export class Breaker implements CircuitListener, Judge {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Events;
  rules: BreakerRules;
  readonly circuit: Circuit;
  /** Whether a call passes without further questions. */
  passes = false;
  successCount = 0;
  failureCount = 0;
  ignoredCount = 0;
  /** Verdicts that came too late to count in a window, or were never to. */
  lateSuccessCount = 0;
  lateFailureCount = 0;
  observedCount = 0;
  refusals: Partial<Record<Refusal, number>> | undefined = undefined;
  transitions: Record<string, number> | undefined = undefined;
  holds: Holds | undefined = undefined;
  /** Why the circuit opened last. */
  tripReason: TripReason | undefined = undefined;
  /** The state that listeners know. */
  private told: CircuitState = 'closed';
  /** When they were told of it; undefined where nothing has changed yet. */
  private toldAt: number | undefined = undefined;
  /** Told after listeners. */
  onTold: (() => void) | undefined = undefined;

  constructor({ name, clock, random, events }: BreakerPorts, rules: BreakerRules) {
    this.name = name;
    this.clock = clock;
    this.random = random;
    this.events = events;
    this.rules = rules;
    this.circuit = new Circuit(rules, this);
    this.refresh();
  }

  /** Lets a call run that does not just pass, or refuses it. `inner` is what is inside the policy. */
  admit(inner: Stage, call: Pick<Arrival, 'operation' | 'context' | 'sink'>, calledAt: number): void {
    const { operation, context, sink } = call;
    const { enforcement } = this.rules;
    if (enforcement === 'off') {
      inner.handle(operation, context, sink, calledAt); // (4)
      return;
    }
    const now = readOnce(this.clock, calledAt);
    const answer = this.ask(now);
    if (typeof answer !== 'string') {
      inner.handle(operation, context, new WatchedCall(this, context, sink, this.begin(answer, now)), now);
      return;
    }
    this.noteRefusal(answer);
    if (this.letsRun(answer)) inner.handle(operation, context, sink, now); // (4)
    else sink.refuse(new CircuitOpenError(this.name, answer, this.retryAfterMs(answer, now)), now);
  }

  /** The state as of `now`. Slow calls and holds are looked at first, so listeners may be told of a change. */
  stateAt(now: number): CircuitState {
    this.look(now);
    return this.heldAt(now) ?? this.circuit.state(now);
  }

  /** The state in which the circuit is held at `now`. Tells listeners when a hold is over. */
  heldAt(now: number): HeldState | undefined {
    if (this.holds === undefined) return undefined;
    const held = this.holds.stateAt(now);
    if (held === undefined) {
      this.holds = undefined;
      this.refresh();
    }
    this.tell(held ?? this.circuit.state(now));
    return this.holds?.stateAt(now); // a listener may have held or released it
  }

  /** Time for which it has been in the state of `now`; undefined where it never changed. Milliseconds. */
  inStateMs(now: number): number | undefined {
    if (this.told === 'open' && this.stateAt(now) === 'half-open') return this.circuit.overdueMs(now);
    return this.toldAt === undefined ? undefined : Math.max(0, now - this.toldAt);
  }

  /** Time until a refused call has a chance, if nothing else happens. Milliseconds. */
  retryAfterMs(reason: Refusal, now: number): number {
    if (reason === 'forced-open') return this.holds?.remainingOpenMs(now) ?? 0;
    if (reason === 'ramping-up') return this.circuit.remainingRampMs(now);
    return reason === 'open' ? this.circuit.remainingOpenMs(now) : this.circuit.remainingLeaseMs(now);
  }

  /** Asks to make a call. Undefined when it is refused. */
  tryAcquire(): Permit | undefined {
    const { enforcement } = this.rules;
    if (this.passes) return new Permit(this, new Admission(this.circuit.generation, UNREAD, undefined));
    if (enforcement === 'off') return new Permit(undefined, uncounted);
    const now = this.clock.now();
    const answer = this.ask(now);
    if (typeof answer !== 'string') return new Permit(this, this.begin(answer, now));
    this.noteRefusal(answer);
    return this.letsRun(answer) ? new Permit(undefined, uncounted) : undefined;
  }

  /** Asks to run a probe: undefined where the circuit is not half-open, or has no place for one. */
  tryProbe(): Permit | undefined {
    const now = this.clock.now();
    if (this.rules.enforcement === 'off' || this.circuit.state(now) === 'closed') return undefined;
    const answer = this.ask(now);
    return typeof answer === 'object' ? new Permit(this, this.begin(answer, now)) : undefined;
  }

  /** Takes the verdict on a call that a steady circuit admitted. Returns the instant, where it had to be read. */
  settleCall(generation: number, verdict: Verdict, settledAt: number, error?: unknown): number {
    this.count(verdict);
    if (verdict === 'ignored') return settledAt;
    const { circuit } = this;
    if (generation !== circuit.generation) return this.countLate(verdict, settledAt); // (2)
    const now = this.rules.needsTime ? readOnce(this.clock, settledAt) : settledAt;
    const reason = circuit.record(verdict === 'failure', now);
    return reason === undefined ? now : this.trip(reason, now, error);
  }

  /** Takes the verdict on any admitted call. Returns the instant, where it had to be read. */
  settle(admission: Admission, verdict: Verdict, settledAt: number, error?: unknown): number {
    const { generation, lease, startedAt } = admission;
    if (lease !== undefined) return this.settleProbe(lease, verdict, settledAt, error);
    if (startedAt === UNREAD) return this.settleCall(generation, verdict, settledAt, error);
    const now = readOnce(this.clock, settledAt);
    this.look(now);
    if (generation === this.circuit.generation) this.circuit.end(admission, verdict, now);
    else unlink(admission);
    return this.settleCall(generation, verdict, now, error);
  }

  /** Opens the circuit. Returns the instant. */
  trip(reason: TripReason, at: number, error?: unknown): number {
    const { rules, circuit } = this;
    const now = readOnce(this.clock, at);
    const input = { reopenings: circuit.nextReopenings, retryAfterMs: retryAfterMsOf(error) ?? 0 };
    this.tripReason = reason;
    const openMs = openTimeMs(rules, input, () => this.draw());
    if (circuit.trip(now + openMs)) circuit.fleet?.tripped({ openMs, reason });
    return now;
  }

  /** Finds out what has become slow by `now`. */
  look(now: number): void {
    if (this.rules.enforcement === 'off') return; // (4)
    const reason = this.circuit.judgeSlow(now);
    if (reason !== undefined) this.trip(reason, now);
  }

  onTransition(_from: MachineState, to: MachineState): void {
    this.refresh();
    if (this.holds === undefined) this.tell(to); // (5)
  }

  /** Takes note of a state that the circuit took up without telling anybody. */
  resumeQuietly(): void {
    this.refresh();
    this.toldAt = this.clock.now();
    if (this.holds === undefined) this.told = this.circuit.state(-Infinity);
    this.onTold?.();
  }

  /** Finds out anew whether calls pass without further questions. */
  refresh(): void {
    const { enforcement, minTimeoutToJudgeMs } = this.rules;
    const isPlain = enforcement !== 'off' && minTimeoutToJudgeMs === 0 && this.holds === undefined;
    this.passes = isPlain && this.circuit.isSteady;
  }

  // --- internal ---

  /** Whether a call may run at `now`: as a probe, as any other call (undefined), or not. */
  private ask(now: number): Lease | Refusal | undefined {
    this.look(now);
    const held = this.heldAt(now);
    if (held !== undefined) return held === 'forced-open' ? held : undefined; // (5)
    const { circuit } = this;
    const answer = circuit.probe(now);
    if (this.holds !== undefined) return this.askAgain(answer, now);
    if (answer !== undefined) return answer;
    const passRatio = circuit.passRatio(now);
    if (passRatio < 1) return this.draw() < passRatio ? undefined : 'ramping-up';
    this.refresh();
    return undefined;
  }

  /** A random number; the platform's where the one that was handed in fails. */
  private draw(): number {
    return drawFrom(this.random, this.name) ?? systemRandom();
  }

  /** A listener who was told of the half-open state has put a hold on the circuit: (5). */
  private askAgain(answer: Lease | Refusal | undefined, now: number): Lease | Refusal | undefined {
    if (typeof answer === 'object') this.circuit.settleProbe(answer, 'ignored', now);
    return this.ask(now);
  }

  private begin(lease: Lease | undefined, now: number): Admission {
    const { circuit, rules, holds } = this;
    const admission = new Admission(holds === undefined ? circuit.generation : NO_GENERATION, now, lease);
    if (lease === undefined && holds === undefined && rules.slowCallMs < Infinity) circuit.begin(admission);
    return admission;
  }

  private settleProbe(lease: Lease, verdict: Verdict, settledAt: number, error: unknown): number {
    this.count(verdict);
    if (verdict !== 'ignored') this.countLate(verdict, settledAt); // it counts in its round, and in no window
    const { circuit } = this;
    const now = readOnce(this.clock, settledAt);
    const { enforcement, slowCallMs } = this.rules;
    const isSlow = verdict === 'success' && now - lease.grantedAt >= slowCallMs;
    const counted = enforcement === 'off' ? 'ignored' : isSlow ? 'failure' : verdict; // (4)
    if (circuit.settleProbe(lease, counted, now, retryAfterMsOf(error))) this.trip('probes', now, error);
    return now;
  }

  /** A hold is somebody's explicit wish: it is heeded under `observe`, too. */
  private letsRun(refusal: Refusal): boolean {
    return this.rules.enforcement === 'observe' && refusal !== 'forced-open';
  }

  private count(verdict: Verdict): void {
    if (verdict === 'success') this.successCount++;
    else if (verdict === 'failure') this.failureCount++;
    else this.ignoredCount++;
  }

  private countLate(verdict: Verdict, settledAt: number): number {
    if (verdict === 'success') this.lateSuccessCount++;
    else this.lateFailureCount++;
    return settledAt;
  }

  private noteRefusal(reason: Refusal): void {
    const { name, events } = this;
    const letsRun = this.letsRun(reason);
    if (letsRun) this.observedCount++;
    else {
      this.refusals ??= {};
      this.refusals[reason] = (this.refusals[reason] ?? 0) + 1;
    }
    if (events.active) events.emit(rejectedEvent(name, reason, letsRun ? 'observe' : 'enforce'));
  }

  private tell(to: CircuitState): void {
    const { name, events } = this;
    const from = this.told;
    if (from === to) return;
    this.told = to;
    this.toldAt = this.clock.now();
    this.transitions ??= {};
    this.transitions[`${from}->${to}`] = (this.transitions[`${from}->${to}`] ?? 0) + 1;
    if (events.active) events.emit(transitionedEvent(name, { from, to, reason: this.tripReason })); // (3)
    this.onTold?.();
  }
}

const NO_GENERATION = -1;

const uncounted = new Admission(NO_GENERATION, UNREAD, undefined);
