/**
 * Breaker policy: a breaker as its users see it.
 *
 * @module
 */

import type { Context } from '../../kernel/context.ts';
import type { Describable, Enforcement, PolicyDescription, Updatable } from '../../kernel/description.ts';
import type { Handler, Layer, Operation } from '../../kernel/handler.ts';
import { inRange, isName, oneOf, withKnown } from '../../kernel/options.ts';
import type { Verdict } from '../../kernel/outcome.ts';
import { type LayeredPolicy, Runner, execute, wrap } from '../../kernel/policy.ts';
import { type StageLayer, handlerOf, invocation, layerOfStages } from '../../kernel/stage.ts';
import { updatable } from '../../kernel/update-plan.ts';
import type { OutcomeWindow } from '../../mechanisms/outcome-window.ts';
import type { CircuitPermit } from './admitted-call.ts';
import { Breaker } from './breaker.ts';
import { BreakerStage } from './breaker-stage.ts';
import type { BreakerPorts, BreakerRules } from './breaker-parts.ts';
import type { CircuitState, Refusal } from './circuit-events.ts';
import { type CircuitRecord, readRecord, recordOf, windowOf } from './circuit-record.ts';
import type { SharingExplanation } from '../../kernel/circuit-store.ts';
import { type HoldOptions, type HoldRecord, Holds } from './holds.ts';
import type { TripReason, WindowCounts } from './trip-rule.ts';

/** A circuit breaker at one instant. The counts after `reopenings` are since it was created. */
export interface CircuitSnapshot extends WindowCounts {
  readonly state: CircuitState;
  readonly enforcement: Enforcement;
  /** Time for which it has been in this state. Milliseconds; undefined where it has been in no other since it was created. */
  readonly inStateMs: number | undefined;
  /** Milliseconds until an open circuit lets probes through; 0 otherwise. */
  readonly remainingOpenMs: number;
  /** Why the circuit opened last; undefined where it never did. */
  readonly tripReason: TripReason | undefined;
  /** Share of the calls that pass a closed circuit: below 1 for a while after it has closed, with `rampUpMs`. */
  readonly passRatio: number;
  /** Who holds the circuit in a state. */
  readonly holds: readonly HoldRecord[];
  /** How often in a row the probes have failed since the circuit was closed. */
  readonly reopenings: number;
  /** Admitted calls by verdict. */
  readonly verdicts: Readonly<Record<Verdict, number>>;
  /** Refused calls by reason. */
  readonly rejections: Readonly<Record<Refusal, number>>;
  /** Calls that ran under `observe` and would have been refused. */
  readonly observed: number;
  /** Why the fleet's circuit is as it is; undefined where the circuit is not shared. */
  readonly fleet: SharingExplanation | undefined;
  /** Transitions that have happened, as `from->to`. */
  readonly transitions: Readonly<Record<string, number>>;
}

/** What {@link CircuitBreaker.hold} returns. */
export interface CircuitHold extends Disposable {
  /** Ends the hold. Returns whether it was still in force. */
  release(): boolean;
}

/** A circuit breaker. `C` is what `update` takes. */
export interface HoldableBreaker<C extends object> extends LayeredPolicy, Updatable<C>, Describable, Disposable {
  /** The state now; an open circuit whose time is over reads as half-open. */
  readonly state: CircuitState;
  /** What it knows now. */
  snapshot(): CircuitSnapshot;
  /** Closes the circuit with an empty window. Calls in flight do not count any more. Holds stay. */
  reset(): void;
  /**
   * Asks to make a call, without a function to run: undefined when it is refused, else a permit to settle. Never throws, and
   * makes no promise and no error. A permit that is never settled counts for nothing; as a probe it keeps its place for
   * `probeLeaseMs`.
   */
  tryAcquire(): CircuitPermit | undefined;
  /**
   * Keeps the circuit in a state, whatever calls come to: `open` refuses all calls, `closed` lets all calls run and counts none.
   * An owner has one hold; while there are several, `open` wins.
   *
   * @throws ConfigError when the state, the owner or the time is none.
   */
  hold(state: 'open' | 'closed', options: HoldOptions): CircuitHold;
  /** Saves state and window as JSON. `wallMs` is the time of day: `Date.now()`. Holds are not saved. */
  save(wallMs: number): CircuitRecord;
  /**
   * Takes up what was saved. An open circuit stays open for what remains of its time; nobody is told and nothing is counted.
   * Returns false, and changes nothing, where `record` is none or is older than `maxAgeMs` (milliseconds, an hour by default).
   */
  restore(record: unknown, time: { readonly wallMs: number; readonly maxAgeMs?: number }): boolean;
  /** Ends the active health check, and leaves the fleet, if there is one. Calls go on as before. */
  [Symbol.dispose](): void;
}

/** How options become rules. */
export interface RuleBook<C extends object> {
  /** Rules with `changes` made. Throws where a change is refused. */
  changed(rules: BreakerRules, changes: C): BreakerRules;
  describe(name: string, rules: BreakerRules): PolicyDescription;
}

/** A breaker that is a policy. */
export class BreakerPolicy<C extends object> extends Breaker implements HoldableBreaker<C> {
  private readonly book: RuleBook<C>;
  private ownRunner: Runner | undefined = undefined;
  /** Ends the health check. */
  onDispose: (() => void) | undefined = undefined;

  constructor(ports: BreakerPorts, rules: BreakerRules, book: RuleBook<C>) {
    super(ports, rules);
    this.book = book;
  }

  get kind(): 'circuit-breaker' {
    return 'circuit-breaker';
  }

  /** The handler around nothing, for who keeps it: a keyed policy does. */
  get handler(): Handler {
    return handlerOf(new BreakerStage(this, invocation));
  }

  get stages(): StageLayer {
    return (inner) => new BreakerStage(this, inner);
  }

  get layer(): Layer {
    return layerOfStages(this.stages);
  }

  get state(): CircuitState {
    return this.stateAt(this.clock.now());
  }

  execute<T>(operation: Operation<T>, context?: Context): Promise<T> {
    this.ownRunner ??= new Runner(new BreakerStage(this, invocation), this.clock); // inside a pipeline it is never needed
    return execute(this.ownRunner, operation, context);
  }

  wrap<This, Arguments extends unknown[], T>(
    fn: (this: This, ...args: Arguments) => T | PromiseLike<T>,
  ): (this: This, ...args: Arguments) => Promise<T> {
    return wrap<never, This, Arguments, T>(this, fn);
  }

  snapshot(): CircuitSnapshot {
    const now = this.clock.now();
    const state = this.stateAt(now);
    const { circuit, refusals } = this;
    return {
      state,
      enforcement: this.rules.enforcement,
      ...circuit.counts(now),
      inStateMs: this.inStateMs(now),
      remainingOpenMs: circuit.remainingOpenMs(now),
      tripReason: this.tripReason,
      passRatio: circuit.passRatio(now),
      holds: this.holds?.list(now) ?? [],
      reopenings: circuit.reopenings,
      verdicts: { success: this.successCount, failure: this.failureCount, ignored: this.ignoredCount },
      rejections: { open: 0, 'half-open-full': 0, 'forced-open': 0, 'ramping-up': 0, ...refusals },
      observed: this.observedCount,
      fleet: circuit.fleet?.explain(),
      transitions: { ...this.transitions },
    };
  }

  reset(): void {
    this.circuit.reset();
  }

  hold(state: 'open' | 'closed', options: HoldOptions): CircuitHold {
    oneOf('circuitBreaker.hold', state, ['open', 'closed']);
    const known = withKnown('circuitBreaker.hold', { owner: '', forMs: Number.NaN }, options, ['reason']);
    isName('circuitBreaker.hold.owner', known.owner);
    inRange('circuitBreaker.hold.forMs', known.forMs, [1, Infinity]);
    const { clock } = this;
    this.holds ??= new Holds();
    const end = this.holds.add(state === 'open' ? 'forced-open' : 'forced-closed', known, clock.now());
    this.refresh();
    this.heldAt(clock.now());
    const release = (): boolean => {
      const wasHeld = end();
      this.heldAt(clock.now());
      return wasHeld;
    };
    return { release, [Symbol.dispose]: () => void release() };
  }

  save(wallMs: number): CircuitRecord {
    inRange('circuitBreaker.save.wallMs', wallMs, WALL_RANGE);
    return recordOf(this.circuit, { wallMs, now: this.clock.now() });
  }

  restore(
    record: unknown,
    { wallMs, maxAgeMs = HOUR_MS }: { readonly wallMs: number; readonly maxAgeMs?: number },
  ): boolean {
    inRange('circuitBreaker.restore.wallMs', wallMs, WALL_RANGE);
    inRange('circuitBreaker.restore.maxAgeMs', maxAgeMs, [0, Infinity]);
    const maxOpenMs = this.rules.maxOpenForMs * (1 + this.rules.openJitterRatio);
    const saved = readRecord(record, this.rules, { wallMs, maxAgeMs, maxOpenMs, now: this.clock.now() });
    if (saved === undefined) return false;
    this.circuit.resume(saved);
    this.resumeQuietly();
    return true;
  }

  update(changes: C): void {
    this.changing.update(changes);
  }

  planUpdate(changes: C): () => void {
    return this.changing.planUpdate(changes);
  }

  describe(): PolicyDescription {
    return this.book.describe(this.name, this.rules);
  }

  [Symbol.dispose](): void {
    this.onDispose?.();
    this.circuit.fleet?.leave();
  }

  // --- internal ---

  private change(rules: BreakerRules): void {
    const time = { now: this.clock.now(), elapsedMs: 0 };
    if (rules.enforcement === 'off') this.circuit.forgetCalls();
    const isOther = rules.newWindow !== this.rules.newWindow;
    this.rules = rules;
    const convert = (window: OutcomeWindow) => windowOf(window.save(time.now), rules, time);
    const mustOpen = this.circuit.change(rules, isOther ? convert : undefined, time.now);
    this.refresh();
    if (mustOpen) this.trip('probes', time.now);
  }

  /** Made when it is asked for: breakers are many, and few of them are ever changed. */
  private get changing(): Updatable<C> {
    return updatable<C, BreakerRules>({
      name: this.name,
      resolve: (changes) => this.book.changed(this.rules, changes),
      apply: (rules) => this.change(rules),
    });
  }
}

const HOUR_MS = 3_600_000;

/** What `Date` can hold, from 1970 on. */
const WALL_RANGE = [0, 8.64e15] as const;
