/**
 * Hedge: starts the operation again when it is slow to answer, and takes the first success.
 *
 * Use it against the slow tail of idempotent work on a dependency with several replicas. It answers slowness; failure only
 * if `hedgeOnFailure` says so, else that is what a retry is for. Do not use it for work that must not happen twice.
 *
 *   running ── a copy succeeds ───────────────────► its value; the others are cancelled
 *    ▲ │ └──── the last copy that runs fails ─────► that error
 *    │ └────── delayMs without a success ─┬─ a copy left, budget, time ─► one more copy
 *    └────────────────────────────────────┴─ otherwise ─► what runs goes on
 *
 * Invariants
 *  (1) At most `maxAttempts` copies start per call, each `delayMs` after the one before or, with `hedgeOnFailure`, as soon
 *      as a copy failed; and none after the call settled.
 *  (2) The first success wins; a copy that fails ends no other. The call fails when no copy runs any more.
 *  (3) Nothing starts once the context has ended, and no delay is begun that would reach the deadline.
 *  (4) Losers are cancelled, each through a context of its own, before the caller hears of the success; what they come to is
 *      dropped.
 *  (5) Hedges are at most a share of the calls; where the budget is spent, the call goes on without one.
 *  (6) No timer outlives its call.
 *  (7) `runningLosers` is the number of losers that go on although they were cancelled; each leaves it when it settles.
 *  (8) Under `observe` and `off` a call has one copy, under the caller's own context.
 *  (9) A change of options holds for calls that start after it; counts, budget and latencies are kept.
 *
 * Source: "hedged requests" in The Tail at Scale, J. Dean, L. A. Barroso, 2013, https://doi.org/10.1145/2408776.2408794;
 * `hedgeOnFailure` is the non-fatal status of a hedging policy in gRFC A6, gRPC Retry Design, N. Gulbrandsen, 2017,
 * https://github.com/grpc/proposal/blob/master/A6-client-retries.md.
 *
 * @module
 */

import { UNREAD, systemClock } from '../../kernel/clock.ts';
import {
  type Describable,
  type Enforcement,
  type PolicyDescription,
  type PolicyKind,
  type PolicyTraits,
  type Updatable,
  enforcements,
} from '../../kernel/description.ts';
import { silence } from '../../kernel/events.ts';
import type { Handler } from '../../kernel/handler.ts';
import {
  type OptionRules,
  anyFunction,
  checkOptions,
  integerFrom,
  nonEmptyString,
  numberFrom,
  oneOfStrings,
  trueOrFalse,
} from '../../kernel/option-rules.ts';
import { withDefaults, withKnown } from '../../kernel/options.ts';
import { type Classify, classifyByError } from '../../kernel/outcome.ts';
import { type LayeredPolicy, createPolicy } from '../../kernel/policy.ts';
import { type DefaultsOf, type PolicyPorts } from '../../kernel/ports.ts';
import { updatable } from '../../kernel/update-plan.ts';
import { HedgeDelay, type LatencyQuantile, delayRule, resolveDelay } from './hedge-delay.ts';
import { type HedgeSnapshot, HedgeTally } from './hedge-tally.ts';
import { type HedgeRule, HedgedCall } from './hedged-call.ts';
import { ObservedCall } from './observed-call.ts';

export type { LatencyQuantile } from './hedge-delay.ts';
export type { HedgeReason, HedgeSnapshot, HedgeStartedEvent, HedgeWonEvent } from './hedge-tally.ts';

/** Options of {@link hedge}. Omitted ones take {@link hedgeDefaults}. */
export interface HedgeOptions extends PolicyPorts {
  /** Names this instance in errors, events and metrics. @defaultValue 'hedge' */
  readonly name?: string;
  /**
   * Time without a success after which one more copy starts: what 95 of 100 calls need. Milliseconds, 0 to 600 000; 0 starts
   * it as soon as the first has not settled in its turn. Or a quantile of the latency of late, which follows the dependency.
   */
  readonly delayMs: number | LatencyQuantile;
  /** Copies of a call in all, the first included. Integer, 2 to 10. @defaultValue 2 */
  readonly maxAttempts?: number;
  /**
   * Hedges per call, over all calls. Ratio, 0 to 1; 0 never hedges. Ten may be saved up, and ten there are at the start,
   * unless it is 0. @defaultValue 0.1
   */
  readonly maxHedgeRatio?: number;
  /** Whether a copy that failed has the next one start at once. A rejection of ours never has. @defaultValue false */
  readonly hedgeOnFailure?: boolean;
  /**
   * Which outcomes win. A value does unless this says `failure`; an error only if this says `success`, as for a definite
   * "not found". By default values win and errors do not.
   */
  readonly classify?: Classify;
  /**
   * `enforce` starts copies; `observe` starts none and counts those that it would have started; `off` does nothing.
   * @defaultValue 'enforce'
   */
  readonly enforcement?: Enforcement;
}

/** What {@link Hedge.update} may change. */
export type HedgeChanges = Partial<Omit<HedgeOptions, 'name' | keyof PolicyPorts>>;

/** Every default of {@link hedge}, in one place. */
export const hedgeDefaults: DefaultsOf<HedgeOptions, 'delayMs'> = Object.freeze({
  name: 'hedge',
  maxAttempts: 2,
  maxHedgeRatio: 0.1,
  hedgeOnFailure: false,
  classify: classifyByError,
  enforcement: 'enforce',
  clock: systemClock,
});

/** What the options of {@link hedge} may be. */
export const hedgeRules: OptionRules = Object.freeze({
  name: nonEmptyString,
  delayMs: delayRule,
  maxAttempts: integerFrom(2, 10),
  maxHedgeRatio: numberFrom(0, 1),
  hedgeOnFailure: trueOrFalse,
  classify: anyFunction,
  enforcement: oneOfStrings(...enforcements),
});

/** A hedge policy. */
export interface Hedge extends LayeredPolicy, Updatable<HedgeChanges>, Describable {
  /** What it knows now. */
  snapshot(): HedgeSnapshot;
}

/**
 * Creates a hedge policy. Its budget and latencies are shared by all calls through this instance.
 *
 * @param options - Options, or just `delayMs`.
 * @throws ConfigError at creation and from update, when an option is out of range.
 * @throws the operation's error from execute, unchanged, when all copies failed: that of the last one that ran.
 * @throws `context.cause` from execute, when the context ended before a copy succeeded.
 *
 * @example
 * ```ts
 * const user = await hedge(50).execute(({ signal }) => fetchUser(id, { signal }));
 * ```
 */
export function hedge(options: HedgeOptions | number): Hedge {
  let rule = firstRule(typeof options === 'number' ? { delayMs: options } : options);
  const { name, clock, tally } = rule;
  const layer = (inner: Handler): Handler => hedgeHandler(() => rule, inner);
  const policy = createPolicy({ kind: 'hedge', name, clock, layer });
  const changing = updatable({
    name,
    resolve: (changes: HedgeChanges) => resolveChanges(rule, changes),
    apply: (next) => {
      tally.budget.changeRatio(next.maxHedgeRatio);
      rule = makeRule(rule, next); // (9)
    },
  });
  return Object.assign(policy, changing, {
    snapshot: () =>
      tally.snapshot(rule.enforcement, rule.delay.currentMs(rule.delay.isMeasured ? clock.now() : UNREAD)),
    describe: () => describe(rule),
  });
}

/** The kind of policy that {@link hedge} makes, for configuration. */
export const hedgeKind: PolicyKind = Object.freeze({
  kind: 'hedge',
  rules: hedgeRules,
  required: Object.freeze(['delayMs']),
  defaults: hedgeDefaults,
  create: hedge,
});

// --- internal ---

/** The options that may change, completed. */
type Limits = Required<Omit<HedgeChanges, 'delayMs'>> & { readonly delayMs: number | Required<LatencyQuantile> };

function firstRule(options: HedgeOptions): HedgeRule {
  const resolved = withDefaults('hedge', hedgeDefaults, options, ['delayMs']);
  checkOptions('hedge', hedgeRules, resolved);
  const { name, clock, captureAsyncContext, events = silence } = resolved;
  const limits = { ...resolved, delayMs: resolveDelay(resolved.delayMs) };
  const tally = new HedgeTally(name, events, resolved.maxHedgeRatio);
  return makeRule({ tally, name, clock, captureAsyncContext }, limits);
}

function resolveChanges(rule: HedgeRule, changes: HedgeChanges): Limits {
  const { name, maxAttempts, maxHedgeRatio, hedgeOnFailure, classify, enforcement } = rule;
  const delayMs: HedgeOptions['delayMs'] = rule.delay.setting;
  const before = { delayMs, maxAttempts, maxHedgeRatio, hedgeOnFailure, classify, enforcement };
  const next = withKnown('hedge.update', before, changes);
  checkOptions('hedge', hedgeRules, { name, ...next });
  return { ...next, delayMs: resolveDelay(next.delayMs) };
}

/** What is not an option that may change, and the delay that was in force. */
type Standing = Pick<HedgeRule, 'tally' | 'name' | 'clock' | 'captureAsyncContext'> & { readonly delay?: HedgeDelay };

function makeRule({ tally, name, clock, captureAsyncContext, delay: before }: Standing, limits: Limits): HedgeRule {
  const { delayMs, maxAttempts, maxHedgeRatio, hedgeOnFailure, classify, enforcement } = limits;
  const delay = new HedgeDelay(delayMs, before);
  return {
    tally,
    name,
    clock,
    captureAsyncContext,
    delay,
    maxAttempts,
    maxHedgeRatio,
    hedgeOnFailure,
    classify,
    enforcement,
  };
}

function hedgeHandler(ruleNow: () => HedgeRule, inner: Handler): Handler {
  return (operation, context, sink, now) => {
    const rule = ruleNow();
    if (rule.enforcement === 'off') {
      inner(operation, context, sink, now); // (8)
      return;
    }
    rule.tally.beginCall();
    if (rule.enforcement === 'observe') new ObservedCall(rule, context, sink).start(inner, operation, now); // (8)
    else new HedgedCall(rule, operation, context, sink).start(inner, now);
  };
}

function describe({
  name,
  delay,
  maxAttempts,
  maxHedgeRatio,
  hedgeOnFailure,
  enforcement,
}: HedgeRule): PolicyDescription {
  const options = { delayMs: delay.setting, maxAttempts, maxHedgeRatio, hedgeOnFailure, classify: '[function]' };
  const maxRuns = maxHedgeRatio === 0 ? 1 : maxAttempts;
  const longestMs = typeof delay.setting === 'number' ? delay.setting : delay.setting.maxMs;
  const maxWaitMs = (maxRuns - 1) * longestMs;
  const retriesFailures = hedgeOnFailure && maxRuns > 1;
  const minRunGapMs = typeof delay.setting === 'number' && !hedgeOnFailure ? delay.setting : 0;
  const hedging: PolicyTraits = {
    maxRuns,
    maxConcurrentRuns: maxRuns,
    maxWaitMs,
    retriesFailures,
    ...(minRunGapMs > 0 && maxRuns > 1 && { minRunGapMs }),
  };
  const traits: PolicyTraits = enforcement === 'enforce' ? { ...hedging, isShared: true } : { isShared: true };
  return { kind: 'hedge', name, enforcement, options, traits };
}
