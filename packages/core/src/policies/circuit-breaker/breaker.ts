/**
 * Breaker: what stands between calls and their circuit: admission, verdicts, counts and events.
 *
 * Invariants
 *  (1) A closed circuit costs a call one small object and no look at the clock, unless its window is one of time.
 *  (2) A verdict is counted once per admitted call, in the generation that admitted it.
 *  (3) A listener is told after the state has changed.
 *
 * @module
 */

import { type Clock, readOnce } from '../../kernel/clock.ts';
import type { Context } from '../../kernel/context.ts';
import { RejectionError, nameErrorClass } from '../../kernel/errors.ts';
import type { Events } from '../../kernel/events.ts';
import { type Classify, type Verdict, judgeError, judgeValue } from '../../kernel/outcome.ts';
import { type Handler, type Layer, type Operation, type Sink, invoke } from '../../kernel/handler.ts';
import { type LayeredPolicy, execute, wrap } from '../../kernel/policy.ts';
import { Circuit, type CircuitRules, type CircuitState, type Lease, type Refusal } from './circuit.ts';

/** The circuit changed its state. */
export interface CircuitTransitionEvent {
  readonly type: 'circuit-breaker.transitioned';
  readonly policy: 'circuit-breaker';
  readonly name: string;
  readonly from: CircuitState;
  readonly to: CircuitState;
}

/** A call was refused. */
export interface CircuitRejectedEvent {
  readonly type: 'circuit-breaker.rejected';
  readonly policy: 'circuit-breaker';
  readonly name: string;
  readonly reason: Refusal;
}

/** A circuit breaker at one instant. All counts but those of the window are since it was created. */
export interface CircuitSnapshot {
  readonly state: CircuitState;
  /** Calls in the window. */
  readonly calls: number;
  /** Failures in the window. */
  readonly failures: number;
  /** Milliseconds until an open circuit lets probes through; 0 otherwise. */
  readonly remainingOpenMs: number;
  /** Admitted calls by verdict. */
  readonly verdicts: Readonly<Record<Verdict, number>>;
  /** Refused calls by reason. */
  readonly rejections: Readonly<Record<Refusal, number>>;
  /** Transitions that have happened, as `from->to`. */
  readonly transitions: Readonly<Record<string, number>>;
}

/** A circuit breaker. */
export interface CircuitBreaker extends LayeredPolicy {
  /** The state now; an open circuit whose time is over reads as half-open. */
  readonly state: CircuitState;
  /** What it knows now. */
  snapshot(): CircuitSnapshot;
  /** Closes the circuit with an empty window. Calls in flight do not count any more. */
  reset(): void;
}

/** The circuit is open, or half-open with all its probes under way. The operation did not run. */
export class CircuitOpenError extends RejectionError {
  readonly code = 'CIRCUIT_OPEN';
  readonly reason: Refusal;

  constructor(policy: string, reason: Refusal, retryAfterMs: number) {
    super(reason === 'open' ? `${policy} is open` : `${policy} is half-open and probing`, { policy, retryAfterMs });
    this.reason = reason;
  }
}

/** What a {@link Breaker} is made of: options, checked and completed. */
export interface BreakerSettings extends CircuitRules {
  readonly name: string;
  readonly classify: Classify;
  readonly clock: Clock;
  readonly events: Events;
}

/** A circuit breaker. Its fields are plain for speed; the interface hides them. */
export class Breaker implements CircuitBreaker {
  readonly settings: BreakerSettings;
  private readonly circuit: Circuit;
  readonly handler: Handler;
  private successCount = 0;
  private failureCount = 0;
  private ignoredCount = 0;
  private openRefusedCount = 0;
  private halfOpenRefusedCount = 0;
  private transitions: Record<string, number> | undefined = undefined;

  constructor(settings: BreakerSettings) {
    this.settings = settings;
    this.circuit = new Circuit(settings, (from, to) => this.tellTransition(from, to));
    this.handler = this.layer(invoke);
  }

  get kind(): 'circuit-breaker' {
    return 'circuit-breaker';
  }

  get name(): string {
    return this.settings.name;
  }

  get clock(): Clock {
    return this.settings.clock;
  }

  get state(): CircuitState {
    return this.circuit.state(this.clock.now());
  }

  get layer(): Layer {
    const { circuit } = this;
    return (inner) => (operation, context, sink, now) => {
      if (circuit.isClosed) inner(operation, context, new ClosedCall(this, context, sink, circuit.generation), now);
      else this.probe({ inner, operation, context, sink }, now);
    };
  }

  execute<T>(operation: Operation<T>, context?: Context): Promise<T> {
    return execute(this, operation, context);
  }

  wrap<This, Arguments extends unknown[], T>(
    fn: (this: This, ...args: Arguments) => T | PromiseLike<T>,
  ): (this: This, ...args: Arguments) => Promise<T> {
    return wrap<never, This, Arguments, T>(this, fn);
  }

  snapshot(): CircuitSnapshot {
    const now = this.clock.now();
    return {
      state: this.circuit.state(now),
      ...this.circuit.counts(now),
      remainingOpenMs: this.circuit.remainingOpenMs(now),
      verdicts: { success: this.successCount, failure: this.failureCount, ignored: this.ignoredCount },
      rejections: { open: this.openRefusedCount, 'half-open-full': this.halfOpenRefusedCount },
      transitions: { ...this.transitions },
    };
  }

  reset(): void {
    this.circuit.reset();
  }

  /** Takes the verdict on a call that a closed circuit admitted. Returns the instant, where it had to be read. */
  settleCall(generation: number, verdict: Verdict, settledAt: number): number {
    this.count(verdict);
    const { circuit } = this;
    if (verdict === 'ignored' || generation !== circuit.generation) return settledAt; // (2)
    const now = circuit.needsTime ? readOnce(this.settings.clock, settledAt) : settledAt;
    return circuit.record(verdict === 'failure', now) ? this.trip(now) : now;
  }

  /** Takes the verdict on a probe. Returns the instant. */
  settleProbe(lease: Lease, verdict: Verdict, settledAt: number): number {
    this.count(verdict);
    const now = readOnce(this.settings.clock, settledAt);
    this.circuit.settleProbe(lease, verdict, now);
    return now;
  }

  private trip(settledAt: number): number {
    const now = readOnce(this.settings.clock, settledAt);
    this.circuit.trip(now);
    return now;
  }

  private count(verdict: Verdict): void {
    if (verdict === 'success') this.successCount++;
    else if (verdict === 'failure') this.failureCount++;
    else this.ignoredCount++;
  }

  private probe({ inner, operation, context, sink }: Arrival, calledAt: number): void {
    const now = readOnce(this.settings.clock, calledAt);
    const lease = this.circuit.probe(now);
    if (typeof lease === 'string') this.refuse(lease, sink, now);
    else if (lease === undefined)
      inner(operation, context, new ClosedCall(this, context, sink, this.circuit.generation), now);
    else inner(operation, context, new ProbeCall(this, context, sink, lease), now);
  }

  private refuse(reason: Refusal, sink: Sink, now: number): void {
    const { name, events } = this.settings;
    if (reason === 'open') this.openRefusedCount++;
    else this.halfOpenRefusedCount++;
    if (events.active) {
      const event: CircuitRejectedEvent = { type: 'circuit-breaker.rejected', policy: this.kind, name, reason };
      events.emit(event);
    }
    const retryAfterMs = reason === 'open' ? this.circuit.remainingOpenMs(now) : this.circuit.remainingLeaseMs(now);
    sink.refuse(new CircuitOpenError(name, reason, retryAfterMs), now);
  }

  private tellTransition(from: CircuitState, to: CircuitState): void {
    const { name, events } = this.settings;
    this.transitions ??= {};
    this.transitions[`${from}->${to}`] = (this.transitions[`${from}->${to}`] ?? 0) + 1;
    if (!events.active) return;
    const event: CircuitTransitionEvent = { type: 'circuit-breaker.transitioned', policy: this.kind, name, from, to };
    events.emit(event);
  }
}

// --- internal ---

nameErrorClass(CircuitOpenError, 'CircuitOpenError');

/** A call that found the circuit not closed. */
interface Arrival {
  readonly inner: Handler;
  readonly operation: Operation;
  readonly context: Context;
  readonly sink: Sink;
}

/** A call that a closed circuit admitted: the sink of its run. */
class ClosedCall implements Sink {
  readonly breaker: Breaker;
  readonly context: Context;
  readonly sink: Sink;
  readonly generation: number;

  constructor(breaker: Breaker, context: Context, sink: Sink, generation: number) {
    this.breaker = breaker;
    this.context = context;
    this.sink = sink;
    this.generation = generation;
  }

  resolve(value: unknown, now: number): void {
    const { classify, name } = this.breaker.settings;
    const verdict = judgeValue(classify, value, this.context, name);
    this.sink.resolve(value, this.breaker.settleCall(this.generation, verdict, now));
  }

  reject(error: unknown, now: number): void {
    const { classify, name } = this.breaker.settings;
    const verdict = judgeError(classify, error, this.context, name);
    this.sink.reject(error, this.breaker.settleCall(this.generation, verdict, now));
  }

  refuse(error: unknown, now: number): void {
    this.sink.refuse(error, this.breaker.settleCall(this.generation, 'ignored', now));
  }
}

/** A call that runs as a probe: the sink of its run. */
class ProbeCall implements Sink {
  readonly breaker: Breaker;
  readonly context: Context;
  readonly sink: Sink;
  readonly lease: Lease;

  constructor(breaker: Breaker, context: Context, sink: Sink, lease: Lease) {
    this.breaker = breaker;
    this.context = context;
    this.sink = sink;
    this.lease = lease;
  }

  resolve(value: unknown, now: number): void {
    const { classify, name } = this.breaker.settings;
    const verdict = judgeValue(classify, value, this.context, name);
    this.sink.resolve(value, this.breaker.settleProbe(this.lease, verdict, now));
  }

  reject(error: unknown, now: number): void {
    const { classify, name } = this.breaker.settings;
    const verdict = judgeError(classify, error, this.context, name);
    this.sink.reject(error, this.breaker.settleProbe(this.lease, verdict, now));
  }

  refuse(error: unknown, now: number): void {
    this.sink.refuse(error, this.breaker.settleProbe(this.lease, 'ignored', now));
  }
}
