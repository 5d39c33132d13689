/**
 * Timeout: gives an operation a deadline, and stops waiting for it there.
 *
 * Use it around every call that leaves the process. It cannot stop work that does not look at its context: such work goes
 * on unobserved, and only the caller goes free.
 *
 *   started ── outcome ──────────────► settled (outcome)
 *      └────── deadline, caller gone ─► settled (cause) ── the operation settles ─► late: counted, told, dropped
 *
 * Invariants
 *  (1) The operation's context ends at the deadline with the very error that the caller gets.
 *  (2) A context whose own deadline is not later is left as it is: its deadline rules, and its error.
 *  (3) Any number of calls that started under the same `timeoutMs` share one timer. None is left at rest; that of a time
 *      which holds no more ends with the last of its calls.
 *  (4) A call is settled at its deadline even if the layers inside do not report.
 *  (5) `late` is the number of runs that go on after their deadline; each leaves it when it settles.
 *  (6) Under `observe` and `off` no call gets a deadline.
 *  (7) A change of options holds for calls that start after it; each call keeps the deadline that it was told.
 *
 * @module
 */

import { type Clock, readOnce, systemClock } from '../../kernel/clock.ts';
import { type Context, scopeOf } from '../../kernel/context.ts';
import {
  type Describable,
  type Enforcement,
  type PolicyDescription,
  type PolicyKind,
  type Updatable,
  enforcements,
} from '../../kernel/description.ts';
import { silence } from '../../kernel/events.ts';
import type { Arrival, Operation, Sink } from '../../kernel/handler.ts';
import { type OptionRules, checkOptions, nonEmptyString, numberFrom, oneOfStrings } from '../../kernel/option-rules.ts';
import { withDefaults, withKnown } from '../../kernel/options.ts';
import { type LayeredPolicy, createStagedPolicy } from '../../kernel/policy.ts';
import type { PolicyPorts } from '../../kernel/ports.ts';
import type { Stage } from '../../kernel/stage.ts';
import { updatable } from '../../kernel/update-plan.ts';
import {
  ObservedCall,
  Rule,
  Tally,
  TimeoutCall,
  TimeoutError,
  type TimeoutLimits,
  type TimeoutSnapshot,
  endsBy,
} from './timed-call.ts';

export {
  TimeoutError,
  type TimeoutExpiredEvent,
  type TimeoutSettledLateEvent,
  type TimeoutSnapshot,
} from './timed-call.ts';

/** Options of {@link timeout}. Omitted ones take {@link timeoutDefaults}. */
export interface TimeoutOptions extends PolicyPorts {
  /** Names this instance in errors, events and metrics. @defaultValue 'timeout' */
  readonly name?: string;
  /**
   * Time that a call may take, everything inside this policy included. Milliseconds, 0 to 2^53 - 1, or Infinity; 0 refuses
   * every call, Infinity sets no deadline.
   */
  readonly timeoutMs: number;
  /**
   * `enforce` sets deadlines; `observe` sets none and counts the calls that take longer; `off` does nothing.
   * @defaultValue 'enforce'
   */
  readonly enforcement?: Enforcement;
}

/** What {@link Timeout.update} may change. */
export type TimeoutChanges = Partial<Pick<TimeoutOptions, 'timeoutMs' | 'enforcement'>>;

/** Every default of {@link timeout}, in one place. */
export const timeoutDefaults: { readonly name: string; readonly enforcement: Enforcement; readonly clock: Clock } =
  Object.freeze({
    name: 'timeout',
    enforcement: 'enforce',
    clock: systemClock,
  });

/** What the options of {@link timeout} may be. */
export const timeoutRules: OptionRules = Object.freeze({
  name: nonEmptyString,
  timeoutMs: numberFrom(0, Infinity),
  enforcement: oneOfStrings(...enforcements),
});

/** A timeout policy. */
export interface Timeout extends LayeredPolicy, Updatable<TimeoutChanges>, Describable {
  /** What it knows now. */
  snapshot(): TimeoutSnapshot;
}

/**
 * Creates a timeout policy. One instance may serve any number of calls.
 *
 * @param options - Options, or just the time in milliseconds.
 * @throws ConfigError at creation and from update, when an option is out of range.
 * @throws TimeoutError from execute, when `timeoutMs` passed before the operation settled.
 * @throws `context.cause` from execute, when the context ended before the operation settled.
 *
 * @example
 * ```ts
 * const user = await timeout(800).execute((context) => fetchUser(id, { signal: context.signal }));
 * ```
 */
export function timeout(options: TimeoutOptions | number): Timeout {
  const settings = resolve(typeof options === 'number' ? { timeoutMs: options } : options);
  const { name, clock, timeoutMs, enforcement } = settings;
  const tally = new Tally(settings);
  const desk: Desk = { rule: new Rule(tally, { timeoutMs, enforcement }) };
  const policy = createStagedPolicy({
    kind: 'timeout',
    name,
    clock,
    stages: (inner) => new TimeoutStage(desk, inner),
  });
  const changing = updatable({
    name,
    resolve: (changes: TimeoutChanges) => changed(desk.rule, changes),
    apply: (next) => void (desk.rule = desk.rule.followedBy(next)), // (3) (7)
  });
  return Object.assign(policy, changing, {
    snapshot: () => tally.snapshot(desk.rule),
    describe: () => describe(name, desk.rule),
  });
}

/** The kind of policy that {@link timeout} makes, for configuration. */
export const timeoutKind: PolicyKind = Object.freeze({
  kind: 'timeout',
  rules: timeoutRules,
  required: Object.freeze(['timeoutMs']),
  defaults: timeoutDefaults,
  create: timeout,
});

// --- internal ---

type Settings = Required<Omit<TimeoutOptions, 'random' | 'captureAsyncContext' | 'store'>>;

function resolve(options: TimeoutOptions): Settings {
  const resolved = withDefaults('timeout', timeoutDefaults, options, ['timeoutMs']);
  checkOptions('timeout', timeoutRules, resolved);
  const { name, timeoutMs, enforcement, clock, events = silence } = resolved;
  return { name, timeoutMs, enforcement, clock, events };
}

function changed({ name, timeoutMs, enforcement }: Rule, changes: TimeoutChanges): TimeoutLimits {
  const next = withKnown('timeout.update', { timeoutMs, enforcement }, changes);
  checkOptions('timeout', timeoutRules, { name, ...next });
  return next;
}

/** What all calls share; the rule is replaced as a whole when options change. */
interface Desk {
  rule: Rule;
}

class TimeoutStage implements Stage {
  private readonly desk: Desk;
  private readonly inner: Stage;

  constructor(desk: Desk, inner: Stage) {
    this.desk = desk;
    this.inner = inner;
  }

  handle(operation: Operation, context: Context, sink: Sink, now: number): void {
    const { rule } = this.desk;
    const parent = scopeOf(context);
    if (rule.isPlain && parent.isEndless) {
      const call = new TimeoutCall(rule, parent, sink);
      rule.queue.join(call, now);
      this.inner.handle(operation, call.derive(context), call, now);
    } else startCarefully(rule, this.inner, { operation, context, sink }, now);
  }
}

function startCarefully(rule: Rule, inner: Stage, { operation, context, sink }: Call, calledAt: number): void {
  if (rule.isIdle) {
    inner.handle(operation, context, sink, calledAt);
    return;
  }
  const parent = scopeOf(context);
  const now = parent.isEndless ? calledAt : readOnce(rule.clock, calledAt);
  if (rule.enforcement === 'observe') {
    const call = new ObservedCall(rule, sink);
    rule.queue.join(call, now);
    inner.handle(operation, context, call, now); // (6)
  } else if (rule.timeoutMs === 0) {
    rule.tally.expire('enforce', 0);
    sink.refuse(new TimeoutError(rule.name, 0), now);
  } else if (endsBy(parent, now, rule)) {
    inner.handle(operation, context, sink, now); // (2)
  } else {
    const call = new TimeoutCall(rule, parent, sink);
    rule.queue.join(call, now);
    inner.handle(operation, call.derive(context), call, now);
  }
}

type Call = Pick<Arrival, 'operation' | 'context' | 'sink'>;

function describe(name: string, { timeoutMs, enforcement }: Rule): PolicyDescription {
  return { kind: 'timeout', name, enforcement, options: { timeoutMs }, traits: { limitMs: timeoutMs } };
}
