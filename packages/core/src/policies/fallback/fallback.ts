/**
 * Fallback: answers with something else when the operation fails.
 *
 * Put it outermost: inside a retry or a breaker it would hide failures from them. Do not use it where a wrong answer is
 * worse than none.
 *
 *   operation ── value ─────────────────────────────► value
 *       └─────── failure ── handled, context live ──► step ── value ─► its value
 *                  │                                   ▲ └── error ─► next step ── none left ─► FallbackError
 *                  │                                   └── not for this error ──┘
 *                  └───── not handled, context ended ► the operation's own outcome
 *
 * Invariants
 *  (1) Each step is asked at most once per call, in order, and only for a failure that `handles` or `classify` accepts and
 *      its own `when` does not refuse.
 *  (2) No step is asked when the context has ended, and its cause is what the caller gets: nobody waits for the answer.
 *  (3) If all steps that were asked fail, the operation's error is not lost: it is the `cause`. If none was asked, the
 *      caller gets the operation's own outcome, by identity.
 *  (4) Under `observe`, and `off`, the caller gets the operation's own outcome, and no step is asked.
 *  (5) An update holds for calls that begin after it, and changes nothing when it is refused.
 *  (6) Steps and guards run in the async context of the call, where `captureAsyncContext` is given.
 *
 * @module
 */

import { type Context, background } from '../../kernel/context.ts';
import {
  type Describable,
  type Enforcement,
  type PolicyDescription,
  type PolicyKind,
  type Updatable,
  enforcements,
} from '../../kernel/description.ts';
import { silence } from '../../kernel/events.ts';
import type { Operation, Sink } from '../../kernel/handler.ts';
import {
  type OptionRule,
  type OptionRules,
  anyFunction,
  checkOptions,
  nonEmptyString,
  oneOfStrings,
  trueOrFalse,
} from '../../kernel/option-rules.ts';
import { ConfigError, withDefaults, withKnown } from '../../kernel/options.ts';
import type { Classify } from '../../kernel/outcome.ts';
import { type LayeredPolicy, createStagedPolicy } from '../../kernel/policy.ts';
import type { PolicyPorts } from '../../kernel/ports.ts';
import { noteIn } from '../../kernel/provenance.ts';
import type { Stage } from '../../kernel/stage.ts';
import { updatable } from '../../kernel/update-plan.ts';
import { FallbackCall, type FallbackRule, type FallbackTally, handlesAllButCancelled } from './fallback-call.ts';
import { type FallbackStep, describeAnswer, namesAnswer, resolveAnswer, stepsRule } from './fallback-step.ts';

export { BadResultError, FallbackError, type FallbackUsedEvent } from './fallback-call.ts';
export type { FallbackStep } from './fallback-step.ts';

/**
 * Options of {@link fallback}. Omitted ones take {@link fallbackDefaults}. Exactly one of `value`, `substitute` and `steps` is
 * needed.
 */
export interface FallbackOptions<F> extends PolicyPorts {
  /** Names this instance in errors, events and metrics. @defaultValue 'fallback' */
  readonly name?: string;
  /** The answer in place of a failure. */
  readonly value?: F;
  /** Makes the answer in place of a failure. It runs under the call's context, and should be cheap and local. */
  readonly substitute?: (error: unknown, context: Context) => F | PromiseLike<F>;
  /** Answers to try in order: the next one where one fails, or is not for the error. 1 to 16 steps. */
  readonly steps?: readonly FallbackStep<F>[];
  /**
   * Whether an error is answered at all. By default every error but the caller's cancellation. If it throws, that is
   * reported and the default rule decides.
   */
  readonly handles?: (error: unknown, context: Context) => boolean;
  /**
   * In place of `handles`: which outcomes are answered, values included: those that it calls a `failure`. It is not asked
   * about rejections.
   */
  readonly classify?: Classify;
  /** Whether calls that a policy inside refused to run are answered, where `handles` accepts them. @defaultValue true */
  readonly answersRejections?: boolean;
  /**
   * `enforce` answers; `observe` hands every outcome on and counts those that it would have answered; `off` does nothing.
   * @defaultValue 'enforce'
   */
  readonly enforcement?: Enforcement;
}

/**
 * What {@link Fallback.update} may change. `value`, `substitute` and `steps` replace one another, and so do `handles` and
 * `classify`.
 */
export type FallbackChanges<F> = Partial<Omit<FallbackOptions<F>, 'name' | keyof PolicyPorts>>;

/** Every default of {@link fallback}, in one place. */
export const fallbackDefaults: {
  readonly name: string;
  readonly handles: (error: unknown, context: Context) => boolean;
  readonly answersRejections: boolean;
  readonly enforcement: Enforcement;
} = Object.freeze({
  name: 'fallback',
  handles: handlesAllButCancelled,
  answersRejections: true,
  enforcement: 'enforce',
});

/** What the options of {@link fallback} may be. */
export const fallbackRules: OptionRules = Object.freeze({
  name: nonEmptyString,
  value: Object.freeze({ expectation: 'anything', accepts: () => true, schema: Object.freeze({}) }),
  substitute: omittable(anyFunction),
  steps: stepsRule,
  handles: anyFunction,
  classify: omittable(anyFunction),
  answersRejections: trueOrFalse,
  enforcement: oneOfStrings(...enforcements),
});

/** A fallback at one instant. All counts are since it was created. */
export interface FallbackSnapshot {
  readonly enforcement: Enforcement;
  /** Failures that it answered, or tried to. */
  readonly used: number;
  /** Failures that it answered. */
  readonly answered: number;
  /** Failures that no step answered although one was asked, because all failed or the context ended. */
  readonly failed: number;
  /** Failures that it would have answered, or tried to, under `observe`. */
  readonly observed: number;
}

/** A fallback policy. */
export interface Fallback<F> extends LayeredPolicy<F>, Updatable<FallbackChanges<F>>, Describable {
  /** How many failures it has answered, or tried to, since it was created. */
  readonly usedCount: number;
  /** What it has counted. */
  snapshot(): FallbackSnapshot;
}

/**
 * Creates a fallback policy. It holds no state but counters: one instance may serve any number of calls.
 *
 * @throws ConfigError at creation, unless exactly one of `value`, `substitute` and `steps` is given; with both `handles` and
 *   `classify`; and from update, when an option is out of range.
 * @throws FallbackError from execute, when all steps that were asked failed; its `cause` is the operation's error.
 * @throws the operation's error from execute, unchanged, when it is not handled or the context has ended.
 *
 * @example
 * ```ts
 * const prices = fallback({ value: [] as Price[] });
 * ```
 */
export function fallback<First, Rest extends readonly unknown[]>(
  options: Omit<FallbackOptions<never>, 'value' | 'substitute' | 'steps'> & {
    readonly steps: readonly [FallbackStep<First>, ...{ readonly [I in keyof Rest]: FallbackStep<Rest[I]> }];
  },
): Fallback<Awaited<First | Rest[number]>>;
export function fallback<F>(options: FallbackOptions<F>): Fallback<F>;
export function fallback(options: FallbackOptions<unknown>): Fallback<unknown> {
  const desk: Desk = { rule: firstRule(options) };
  const { tally } = desk.rule;
  const changing = updatable({
    name: tally.name,
    resolve: (changes: FallbackChanges<unknown>) => changeRule(desk.rule, changes),
    apply: (next) => void (desk.rule = next), // (5)
  });
  const stages = (inner: Stage): Stage => new FallbackStage(desk, inner);
  const policy = createStagedPolicy<unknown>({ kind: 'fallback', name: tally.name, stages });
  const parts = {
    ...changing,
    describe: () => describe(desk.rule),
    snapshot: () => snapshotOf(desk.rule),
  };
  return Object.defineProperty(Object.assign(policy, parts), 'usedCount', {
    get: () => tally.used,
  }) as Fallback<unknown>;
}

/** The kind of policy that {@link fallback} makes, for configuration. */
export const fallbackKind: PolicyKind = Object.freeze({
  kind: 'fallback',
  rules: fallbackRules,
  required: Object.freeze([]),
  defaults: fallbackDefaults,
  create: fallback<unknown>,
});

// --- internal ---

function omittable(rule: OptionRule): OptionRule {
  return {
    expectation: rule.expectation,
    accepts: (value) => value === undefined || rule.accepts(value),
    schema: rule.schema,
  };
}

/** What all calls share; the rule is replaced as a whole when options change. */
interface Desk {
  rule: FallbackRule;
}

class FallbackStage implements Stage {
  private readonly desk: Desk;
  private readonly inner: Stage;

  constructor(desk: Desk, inner: Stage) {
    this.desk = desk;
    this.inner = inner;
  }

  handle(operation: Operation, context: Context, sink: Sink, now: number): void {
    const { rule } = this.desk;
    if (context !== background) forgetNote(context);
    if (rule.enforcement === 'off') this.inner.handle(operation, context, sink, now); // (4)
    else this.inner.handle(operation, context, new FallbackCall(rule, context, sink), now);
  }
}

/** What is noted of an earlier try of this call, if anything, is not where its value comes from. */
function forgetNote(context: Context): void {
  const note = noteIn(context);
  if (note !== undefined) note.provenance = undefined;
}

function firstRule(options: FallbackOptions<unknown>): FallbackRule {
  const resolved = withDefaults('fallback', fallbackDefaults, options, ['value', 'substitute', 'steps', 'classify']);
  checkOptions('fallback', fallbackRules, resolved);
  requireOneJudge(options);
  const { name, events = silence, captureAsyncContext } = resolved;
  const { handles, classify, answersRejections, enforcement } = resolved;
  const tally: FallbackTally = { name, events, captureAsyncContext, used: 0, answered: 0, failed: 0, observed: 0 };
  return { tally, steps: resolveAnswer(options), handles, classify, answersRejections, enforcement };
}

function changeRule(rule: FallbackRule, changes: FallbackChanges<unknown>): FallbackRule {
  const { tally, answersRejections, enforcement } = rule;
  const before = { answersRejections, enforcement };
  const next = withKnown('fallback.update', before, changes, ['value', 'substitute', 'steps', 'handles', 'classify']);
  checkOptions('fallback', fallbackRules, { ...next, name: tally.name, handles: next.handles ?? rule.handles });
  requireOneJudge(next);
  const judges = next.handles === undefined && next.classify === undefined ? rule : next;
  return {
    tally,
    steps: namesAnswer(next) ? resolveAnswer(next) : rule.steps,
    handles: judges.handles ?? fallbackDefaults.handles,
    classify: judges.classify,
    answersRejections: next.answersRejections,
    enforcement: next.enforcement,
  };
}

function requireOneJudge({ handles, classify }: FallbackChanges<unknown>): void {
  if (handles === undefined || classify === undefined) return;
  throw new ConfigError('fallback', 'given at most one of handles and classify', 'both');
}

function describe({ tally, steps, classify, answersRejections, enforcement }: FallbackRule): PolicyDescription {
  const judge = classify === undefined ? { handles: '[function]' } : { classify: '[function]' };
  const options = { ...describeAnswer(steps), ...judge, answersRejections };
  const runsOtherCode = steps.some(({ substitute }) => substitute !== undefined);
  const traits = { hidesFailures: enforcement === 'enforce', ...(runsOtherCode && { runsOtherCode }) };
  return { kind: 'fallback', name: tally.name, enforcement, options, traits };
}

function snapshotOf({ tally, enforcement }: FallbackRule): FallbackSnapshot {
  const { used, answered, failed, observed } = tally;
  return { enforcement, used, answered, failed, observed };
}
