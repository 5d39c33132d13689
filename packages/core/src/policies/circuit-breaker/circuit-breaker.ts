/**
 * Circuit breaker: stops calling a dependency that keeps failing, and lets a few probes find out when it is back.
 *
 * Use one per dependency and failure domain. Do not use one per request, nor for errors that are the caller's own fault:
 * `classify` keeps those out.
 *
 *   arrives ── closed ─────────────────────────► runs ── verdict ─► window ── ratio reached ─► opens
 *      ├────── half-open, a lease is to be had ─► probes ─ verdict ─► closes, opens, or neither
 *      └────── open, or no lease ─► refused (CircuitOpenError)
 *
 * The states and their transitions are in `circuit.ts`.
 *
 * Invariants
 *  (1) An open circuit runs no operation.
 *  (2) Every admitted call is settled exactly once, also when its context ends.
 *  (3) Rejections of ours and cancellations by the caller count neither for nor against the dependency.
 *  (4) No timer is used: the state follows from what happened and the time.
 *  (5) The operation's error comes back by identity.
 *
 * @module
 */

import { type Clock, readOnce, systemClock } from '../../kernel/clock.ts';
import type { Context } from '../../kernel/context.ts';
import { RejectionError, nameErrorClass } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import { type Classify, type Verdict, classifyByError, judgeError, judgeValue } from '../../kernel/outcome.ts';
import { inRange, integerInRange, isFunction, isName, oneOf, withDefaults } from '../../kernel/options.ts';
import {
  type Handler,
  type Layer,
  type LayeredPolicy,
  type Operation,
  type Sink,
  execute,
  invoke,
  wrap,
} from '../../kernel/policy.ts';
import type { PolicyPorts } from '../../kernel/ports.ts';
import { CountWindow } from '../../mechanisms/count-window.ts';
import type { OutcomeWindow } from '../../mechanisms/outcome-window.ts';
import { TimeWindow } from '../../mechanisms/time-window.ts';
import { Circuit, type CircuitState, type Lease, type Refusal } from './circuit.ts';

/** What a breaker looks back on. */
export type CircuitWindow =
  /** The last `size` calls. Integer, 1 to 10 000. */
  | { readonly kind: 'count'; readonly size: number }
  /** The calls of the last `durationMs` milliseconds, 1 to 3 600 000, in `bucketCount` steps, 1 to 100, by default 10. */
  | { readonly kind: 'time'; readonly durationMs: number; readonly bucketCount?: number };

/** Options of {@link circuitBreaker}. Omitted ones take {@link circuitBreakerDefaults}. */
export interface CircuitBreakerOptions extends PolicyPorts {
  /** Names this instance in errors, events and metrics. @defaultValue 'circuit-breaker' */
  readonly name?: string;
  /** Share of failures in the window at which the circuit opens. Above 0, up to 1; 1 opens only when all fail. @defaultValue 0.5 */
  readonly failureRatio?: number;
  /** Calls that the window must hold before the ratio means anything. Integer, 1 to 10 000. @defaultValue 20 */
  readonly minimumCalls?: number;
  /** What the breaker looks back on. @defaultValue { kind: 'count', size: 100 } */
  readonly window?: CircuitWindow;
  /** Time that the circuit stays open before it lets probes through. Milliseconds, 1 to 86 400 000. @defaultValue 30_000 */
  readonly openForMs?: number;
  /** Probes of one half-open round, and how many may run at once. Integer, 1 to 1 000. @defaultValue 3 */
  readonly maxProbes?: number;
  /** Share of the probes of a round that must succeed to close the circuit. Above 0, up to 1. @defaultValue 0.5 */
  readonly probeSuccessRatio?: number;
  /**
   * Time after which a probe that has not settled gives its place to another. Milliseconds, 1 to 86 400 000.
   * @defaultValue 30_000
   */
  readonly probeLeaseMs?: number;
  /** Which outcomes count, and how. By default errors are failures; our own rejections and the caller's cancellation do not count. */
  readonly classify?: Classify;
}

/** Every default of {@link circuitBreaker}, in one place. */
export const circuitBreakerDefaults: Required<Omit<CircuitBreakerOptions, 'events' | 'random'>> = Object.freeze({
  name: 'circuit-breaker',
  failureRatio: 0.5,
  minimumCalls: 20,
  window: Object.freeze({ kind: 'count', size: 100 }),
  openForMs: 30_000,
  maxProbes: 3,
  probeSuccessRatio: 0.5,
  probeLeaseMs: 30_000,
  classify: classifyByError,
  clock: systemClock,
});

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

/**
 * Creates a circuit breaker. Its window and state are shared by all calls through this instance.
 *
 * @throws ConfigError at creation, when an option is out of range.
 * @throws CircuitOpenError from execute, when the circuit is open, or half-open with all its probes under way.
 * @throws the operation's error from execute, unchanged.
 *
 * @example
 * ```ts
 * const prices = circuitBreaker({ name: 'prices', window: { kind: 'time', durationMs: 10_000 } });
 * ```
 */
export function circuitBreaker(options: CircuitBreakerOptions = {}): CircuitBreaker {
  return new Breaker(resolve(options));
}

// --- internal ---

nameErrorClass(CircuitOpenError, 'CircuitOpenError');

type Settings = Required<CircuitBreakerOptions>;

function resolve(options: CircuitBreakerOptions): Settings {
  const resolved = withDefaults('circuitBreaker', circuitBreakerDefaults, options);
  isName('circuitBreaker.name', resolved.name);
  inRange('circuitBreaker.failureRatio', resolved.failureRatio, [Number.MIN_VALUE, 1]);
  integerInRange('circuitBreaker.minimumCalls', resolved.minimumCalls, [1, 10_000]);
  inRange('circuitBreaker.openForMs', resolved.openForMs, [1, 86_400_000]);
  integerInRange('circuitBreaker.maxProbes', resolved.maxProbes, [1, 1000]);
  inRange('circuitBreaker.probeSuccessRatio', resolved.probeSuccessRatio, [Number.MIN_VALUE, 1]);
  inRange('circuitBreaker.probeLeaseMs', resolved.probeLeaseMs, [1, 86_400_000]);
  isFunction('circuitBreaker.classify', resolved.classify);
  checkWindow(resolved.window, resolved.minimumCalls);
  return { ...resolved, events: resolved.events ?? createEvents() } as Settings;
}

function checkWindow(window: CircuitWindow, minimumCalls: number): void {
  oneOf('circuitBreaker.window.kind', window?.kind, ['count', 'time']);
  if (window.kind === 'count') {
    integerInRange('circuitBreaker.window.size', window.size, [minimumCalls, 10_000]);
  } else {
    inRange('circuitBreaker.window.durationMs', window.durationMs, [1, 3_600_000]);
    integerInRange('circuitBreaker.window.bucketCount', window.bucketCount ?? DEFAULT_BUCKET_COUNT, [1, 100]);
  }
}

const DEFAULT_BUCKET_COUNT = 10;

function newWindow(window: CircuitWindow): OutcomeWindow {
  if (window.kind === 'count') return new CountWindow(window.size);
  return new TimeWindow(window.durationMs, window.bucketCount ?? DEFAULT_BUCKET_COUNT);
}

class Breaker implements CircuitBreaker {
  readonly kind = 'circuit-breaker';
  readonly settings: Settings;
  readonly circuit: Circuit;
  private readonly handler: Handler;
  private readonly verdicts: Record<Verdict, number> = { success: 0, failure: 0, ignored: 0 };
  private readonly rejections: Record<Refusal, number> = { open: 0, 'half-open-full': 0 };
  private transitions: Record<string, number> | undefined = undefined;

  constructor(settings: Settings) {
    this.settings = settings;
    const rules = { ...settings, newWindow: () => newWindow(settings.window) };
    this.circuit = new Circuit(rules, (from, to) => this.tellTransition(from, to));
    this.handler = this.layer(invoke);
  }

  get name(): string {
    return this.settings.name;
  }

  get clock(): Clock {
    return this.settings.clock;
  }

  get layer(): Layer {
    return (inner) => (operation, context, sink, now) => this.admit(inner, operation, context, sink, now);
  }

  get state(): CircuitState {
    return this.circuit.state(this.clock.now());
  }

  execute<T>(operation: Operation<T>, context?: Context): Promise<T> {
    return execute(this.handler, operation, context);
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
      verdicts: { ...this.verdicts },
      rejections: { ...this.rejections },
      transitions: { ...this.transitions },
    };
  }

  reset(): void {
    this.circuit.reset();
  }

  /** Takes the verdict on an admitted call. */
  settle(call: BreakerCall, verdict: Verdict, settledAt: number): number {
    const { circuit } = this;
    const { clock } = this.settings;
    this.verdicts[verdict]++;
    if (call.lease === undefined) {
      const now = circuit.needsTime ? readOnce(clock, settledAt) : settledAt;
      circuit.settleCall(call.generation, verdict, now);
      if (!circuit.shouldTrip) return now;
      const trippedAt = readOnce(clock, now);
      circuit.trip(trippedAt);
      return trippedAt;
    }
    const now = readOnce(clock, settledAt);
    circuit.settleProbe(call.lease, verdict, now);
    return now;
  }

  // oxlint-disable-next-line max-params -- the shape of a handler, with what it is around
  private admit(inner: Handler, operation: Operation, context: Context, sink: Sink, calledAt: number): void {
    const { circuit } = this;
    if (circuit.isClosed) {
      inner(operation, context, new BreakerCall(this, context, sink, undefined), calledAt);
      return;
    }
    const now = readOnce(this.settings.clock, calledAt);
    const lease = circuit.probe(now);
    if (typeof lease === 'string') this.refuse(lease, sink, now);
    else inner(operation, context, new BreakerCall(this, context, sink, lease), now);
  }

  private refuse(reason: Refusal, sink: Sink, now: number): void {
    const { name, events } = this.settings;
    this.rejections[reason]++;
    if (events.active) {
      const event: CircuitRejectedEvent = { type: 'circuit-breaker.rejected', policy: this.kind, name, reason };
      events.emit(event);
    }
    const retryAfterMs = reason === 'open' ? this.circuit.remainingOpenMs(now) : this.circuit.remainingLeaseMs(now);
    sink.reject(new CircuitOpenError(name, reason, retryAfterMs), now);
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

/** One admitted call: the sink of its run. It belongs to the generation in which it was admitted. */
class BreakerCall implements Sink {
  readonly breaker: Breaker;
  readonly context: Context;
  readonly sink: Sink;
  readonly lease: Lease | undefined;
  readonly generation: number;

  constructor(breaker: Breaker, context: Context, sink: Sink, lease: Lease | undefined) {
    this.breaker = breaker;
    this.context = context;
    this.sink = sink;
    this.lease = lease;
    this.generation = breaker.circuit.generation;
  }

  resolve(value: unknown, now: number): void {
    const { classify, name } = this.breaker.settings;
    const settledAt = this.breaker.settle(this, judgeValue(classify, value, this.context, name), now);
    this.sink.resolve(value, settledAt);
  }

  reject(error: unknown, now: number): void {
    const { classify, name } = this.breaker.settings;
    const settledAt = this.breaker.settle(this, judgeError(classify, error, this.context, name), now);
    this.sink.reject(error, settledAt);
  }
}
