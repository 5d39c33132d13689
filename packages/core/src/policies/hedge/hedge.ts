/**
 * Hedge: starts the operation again when it is slow to answer, and takes the first success.
 *
 * Use it against the slow tail of idempotent work on a dependency with several replicas. It answers slowness, not failure:
 * that is what a retry is for. Do not use it for work that must not happen twice.
 *
 *   running ── a copy succeeds ───────────────────► its value; the others are cancelled
 *    ▲ │ └──── the last copy that runs fails ─────► that error
 *    │ └────── delayMs without a success ─┬─ a copy left, budget, time ─► one more copy
 *    └────────────────────────────────────┴─ otherwise ─► what runs goes on
 *
 * Invariants
 *  (1) At most `maxAttempts` copies start per call, each `delayMs` after the one before, and none after the call settled.
 *  (2) The first success wins; a copy that fails ends no other. The call fails when no copy runs any more.
 *  (3) Nothing starts once the context has ended, and no delay is begun that would reach the deadline.
 *  (4) Losers are cancelled, each through a context of its own, before the caller hears of the success; what they come to is
 *      dropped.
 *  (5) Hedges are at most a share of the calls; where the budget is spent, the call goes on without one.
 *  (6) No timer outlives its call.
 *
 * Source: "hedged requests" in The Tail at Scale, J. Dean, L. A. Barroso, 2013, https://doi.org/10.1145/2408776.2408794.
 *
 * @module
 */

import { systemClock } from '../../kernel/clock.ts';
import { silence } from '../../kernel/events.ts';
import type { Handler } from '../../kernel/handler.ts';
import { inRange, integerInRange, isFunction, isName, withDefaults } from '../../kernel/options.ts';
import { type Classify, classifyByError } from '../../kernel/outcome.ts';
import { type LayeredPolicy, createPolicy } from '../../kernel/policy.ts';
import type { DefaultsOf, PolicyPorts } from '../../kernel/ports.ts';
import { ShareBudget } from '../../mechanisms/share-budget.ts';
import { type HedgeCounts, type HedgeRule, HedgedCall } from './hedged-call.ts';

export type { HedgeStartedEvent, HedgeWonEvent } from './hedged-call.ts';

/** Options of {@link hedge}. Omitted ones take {@link hedgeDefaults}. */
export interface HedgeOptions extends PolicyPorts {
  /** Names this instance in errors, events and metrics. @defaultValue 'hedge' */
  readonly name?: string;
  /**
   * Time without a success after which one more copy starts; take what 95 of 100 calls need. Milliseconds, 0 to 600 000; 0
   * starts it as soon as the first has not settled in its turn.
   */
  readonly delayMs: number;
  /** Copies of a call in all, the first included. Integer, 2 to 10. @defaultValue 2 */
  readonly maxAttempts?: number;
  /**
   * Hedges per call, over all calls. Ratio, 0 to 1; 0 never hedges. Ten may be saved up, and ten there are at the start,
   * unless it is 0. @defaultValue 0.1
   */
  readonly maxHedgeRatio?: number;
  /**
   * Which outcomes win. A value does unless this says `failure`; an error only if this says `success`, as for a definite
   * "not found". By default values win and errors do not.
   */
  readonly classify?: Classify;
}

/** Every default of {@link hedge}, in one place. */
export const hedgeDefaults: DefaultsOf<HedgeOptions, 'delayMs'> = Object.freeze({
  name: 'hedge',
  maxAttempts: 2,
  maxHedgeRatio: 0.1,
  classify: classifyByError,
  clock: systemClock,
});

/** A hedge policy at one instant; all counted since it was created. */
export interface HedgeSnapshot {
  /** Calls. */
  readonly calls: number;
  /** Copies started beyond the first of each call. */
  readonly hedged: number;
  /** Calls that such a copy won. */
  readonly wonByHedge: number;
  /** Hedges that were due and did not start because the budget was spent. */
  readonly budgetDenied: number;
}

/** A hedge policy. */
export interface Hedge extends LayeredPolicy {
  /** What it has counted. */
  snapshot(): HedgeSnapshot;
}

/**
 * Creates a hedge policy. Its budget is shared by all calls through this instance.
 *
 * @param options - Options, or just `delayMs`.
 * @throws ConfigError at creation, when an option is out of range.
 * @throws the operation's error from execute, unchanged, when all copies failed: that of the last one that ran.
 * @throws `context.cause` from execute, when the context ended before a copy succeeded.
 *
 * @example
 * ```ts
 * const user = await hedge(50).execute(({ signal }) => fetchUser(id, { signal }));
 * ```
 */
export function hedge(options: HedgeOptions | number): Hedge {
  const settings = resolve(typeof options === 'number' ? { delayMs: options } : options);
  const counts: HedgeCounts = { calls: 0, hedged: 0, wonByHedge: 0, budgetDenied: 0 };
  const budget = new ShareBudget(settings.maxHedgeRatio, BURST_COUNT);
  const layer = (inner: Handler): Handler => {
    const rule: HedgeRule = { settings, counts, budget, inner };
    return (operation, context, sink, now) => {
      counts.calls++;
      budget.earn();
      new HedgedCall(rule, operation, context, sink).start(now);
    };
  };
  const policy = createPolicy({ kind: 'hedge', name: settings.name, layer, clock: settings.clock });
  return Object.assign(policy, { snapshot: () => ({ ...counts }) });
}

// --- internal ---

/** Hedges that may be saved up: enough for a burst of slow calls, and for a service with few calls. */
const BURST_COUNT = 10;

type Settings = Required<Omit<HedgeOptions, 'random' | 'captureAsyncContext'>>;

function resolve(options: HedgeOptions): Settings {
  const resolved = withDefaults('hedge', hedgeDefaults, options, ['delayMs']);
  isName('hedge.name', resolved.name);
  inRange('hedge.delayMs', resolved.delayMs, [0, 600_000]);
  integerInRange('hedge.maxAttempts', resolved.maxAttempts, [2, 10]);
  inRange('hedge.maxHedgeRatio', resolved.maxHedgeRatio, [0, 1]);
  isFunction('hedge.classify', resolved.classify);
  const { name, delayMs, maxAttempts, maxHedgeRatio, classify, clock, events = silence } = resolved;
  return { name, delayMs, maxAttempts, maxHedgeRatio, classify, clock, events };
}
