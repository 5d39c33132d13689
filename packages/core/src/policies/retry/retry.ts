/**
 * Retry: runs an operation again when it fails in a way that may pass.
 *
 * Use it for short, transient faults of idempotent work. Do not use it alone against overload: a budget keeps retries a share
 * of the calls, but only a circuit breaker takes load away.
 *
 *   try ── success ──────────────────────────────────────────────────► value
 *    ▲ └── failure ── last try, not retryable, nested, no time, budget ► that error or value
 *    │       └─────── otherwise ─► wait ── context ends ─────────────► its cause
 *    └──────────────────────────────┘ delay over
 *
 * Invariants
 *  (1) The operation runs at most `maxAttempts` times.
 *  (2) No try starts once the context has ended.
 *  (3) A wait is not begun that would reach the deadline, leave less than `minAttemptMs` before it, or reach `maxElapsedMs`:
 *      the outcome comes back at once.
 *  (4) A wait ends as soon as the context does.
 *  (5) The last error comes back by identity, and so does a value that `classify` calls a failure.
 *  (6) Tries beyond the first are at most a share of the calls; where the budget is spent, the outcome comes back at once.
 *  (7) Inside a try of another retry there is one try only, unless `whenNested` says otherwise.
 *  (8) Under `observe` and `off` every call is one try, and its outcome comes back.
 *
 * @module
 */

import { systemClock } from '../../kernel/clock.ts';
import {
  type Describable,
  type Enforcement,
  type PolicyKind,
  type Updatable,
  enforcements,
} from '../../kernel/description.ts';
import {
  type OptionRule,
  type OptionRules,
  anyFunction,
  checkOptions,
  either,
  integerFrom,
  nonEmptyString,
  numberFrom,
  oneOfStrings,
} from '../../kernel/option-rules.ts';
import { ConfigError, withDefaults, withKnown } from '../../kernel/options.ts';
import { type Classify, classifyByError } from '../../kernel/outcome.ts';
import { type LayeredPolicy, createStagedPolicy } from '../../kernel/policy.ts';
import type { DefaultsOf, PolicyPorts } from '../../kernel/ports.ts';
import { type Random, systemRandom } from '../../kernel/random.ts';
import { updatable } from '../../kernel/update-plan.ts';
import { type BackoffKind, backoffKinds } from '../../mechanisms/backoff.ts';
import { CountedBudget, type RetryBudget } from './retry-budget.ts';
import { type BackoffFunction, type RetryAfter, retryAfterOfError } from './retry-delay.ts';
import { RetryCounts, type RetrySnapshot } from './retry-report.ts';
import { type RetryDesk, mayPass } from './retry-rule.ts';
import { type RetrySettings, describeRetry, settingsOf } from './retry-settings.ts';
import { RetryStage } from './retry-stage.ts';

export { parseRetryAfterMs } from '../../mechanisms/retry-after.ts';
export { type BackoffKind } from '../../mechanisms/backoff.ts';
export { type RetryAttempt, retryAttemptOf } from '../../kernel/retry-attempt.ts';
export {
  type RetryBudget,
  type RetryBudgetOptions,
  type RetryBudgetSnapshot,
  createRetryBudget,
  retryBudgetDefaults,
  retryBudgetRules,
} from './retry-budget.ts';
export { type BackoffFunction, type FailedTry, type RetryAfter } from './retry-delay.ts';
export {
  type RetryGaveUpEvent,
  type RetryGaveUpReason,
  type RetryScheduledEvent,
  type RetrySnapshot,
} from './retry-report.ts';

/** Options of {@link retry}. Omitted ones take {@link retryDefaults}. */
export interface RetryOptions extends PolicyPorts {
  /** Names this instance in errors, events and metrics. @defaultValue 'retry' */
  readonly name?: string;
  /** Tries in all, the first included. Integer, 1 to 100; 1 never retries. @defaultValue 3 */
  readonly maxAttempts?: number;
  /** Upper bound of the first delay; for `fixed`, each delay. Milliseconds, 0 to 60 000. @defaultValue 100 */
  readonly baseDelayMs?: number;
  /**
   * Upper bound of every delay. A dependency that asks for a longer one is not asked again. Milliseconds, `baseDelayMs` to
   * 600 000. @defaultValue 10_000
   */
  readonly maxDelayMs?: number;
  /**
   * How delays grow and spread: `full-jitter`, from 0 to a bound that doubles; `decorrelated-jitter`, from `baseDelayMs` to
   * three times the delay before; `exponential`, the bound itself; `fixed`; or a function that returns the delay after a
   * failed try. If that throws, it is reported and the delay is the bound. @defaultValue 'full-jitter'
   */
  readonly backoff?: BackoffKind | BackoffFunction;
  /**
   * Time from the start of the call within which another try may start. It stops retrying and cuts no try off: that is what
   * a timeout does. Milliseconds, 0 to Infinity; 0 never retries, Infinity leaves it to the deadline.
   * @defaultValue Infinity
   */
  readonly maxElapsedMs?: number;
  /**
   * Time that a try needs to be of use. Another one is not started with less left before the deadline of the context.
   * Milliseconds, 0 to 600 000. @defaultValue 0
   */
  readonly minAttemptMs?: number;
  /**
   * Retries per call, over all calls, in the long run. Ten may be saved up, and ten there are at the start. Ratio, 0 to
   * Infinity; 0 never retries, Infinity sets no bound. Not beside `budget`. @defaultValue 0.2
   */
  readonly maxRetryRatio?: number;
  /** A budget that this policy shares with others, made by `createRetryBudget`. By default it has one of its own. */
  readonly budget?: RetryBudget;
  /**
   * Whether an error may pass. By default every error but rejections of ours and cancellations. Called once per failed
   * try that was not the last; if it throws, that is reported and the default rule decides.
   */
  readonly isRetryable?: (error: unknown) => boolean;
  /**
   * Which outcomes are failures: of values those that this calls `failure` are retried, of errors only those. By default no
   * value is, and every error is put to `isRetryable`.
   */
  readonly classify?: Classify;
  /**
   * How long an outcome asks us to wait, as `Retry-After` of HTTP does; the delay is put on top. Synchronous. By default
   * what the error has in `retryAfterMs`. If it throws, that is reported and the outcome asks for nothing.
   */
  readonly retryAfterMs?: RetryAfter;
  /**
   * What to do inside a try of another retry: `try-once`, since that one will try again, or `retry`, which multiplies tries.
   * @defaultValue 'try-once'
   */
  readonly whenNested?: 'try-once' | 'retry';
  /**
   * `enforce` retries; `observe` does not, and counts the tries that it would have started; `off` does nothing.
   * @defaultValue 'enforce'
   */
  readonly enforcement?: Enforcement;
}

/** What {@link Retry.update} may change. */
export type RetryChanges = Partial<Omit<RetryOptions, 'name' | 'budget' | keyof PolicyPorts>>;

/** Every default of {@link retry}, in one place. */
export const retryDefaults: DefaultsOf<RetryOptions, 'budget'> & { readonly random: Random } = Object.freeze({
  name: 'retry',
  maxAttempts: 3,
  baseDelayMs: 100,
  maxDelayMs: 10_000,
  backoff: 'full-jitter',
  maxElapsedMs: Infinity,
  minAttemptMs: 0,
  maxRetryRatio: 0.2,
  isRetryable: mayPass,
  classify: classifyByError,
  retryAfterMs: retryAfterOfError,
  whenNested: 'try-once',
  enforcement: 'enforce',
  clock: systemClock,
  random: systemRandom,
});

const budgetOrNone: OptionRule = Object.freeze({
  expectation: 'a budget made by createRetryBudget',
  accepts: (value: unknown) => value === undefined || value instanceof CountedBudget,
  schema: undefined,
});

/** What the options of {@link retry} may be. */
export const retryRules: OptionRules = Object.freeze({
  name: nonEmptyString,
  maxAttempts: integerFrom(1, 100),
  baseDelayMs: numberFrom(0, 60_000),
  maxDelayMs: numberFrom(0, 600_000),
  backoff: either(oneOfStrings(...backoffKinds), anyFunction),
  maxElapsedMs: numberFrom(0, Infinity),
  minAttemptMs: numberFrom(0, 600_000),
  maxRetryRatio: numberFrom(0, Infinity),
  budget: budgetOrNone,
  isRetryable: anyFunction,
  classify: anyFunction,
  retryAfterMs: anyFunction,
  whenNested: oneOfStrings('try-once', 'retry'),
  enforcement: oneOfStrings(...enforcements),
});

/** A retry policy. */
export interface Retry extends LayeredPolicy, Updatable<RetryChanges>, Describable {
  /** How many tries beyond the first it has started since it was created. */
  readonly retriedCount: number;
  /** What it has counted. */
  snapshot(): RetrySnapshot;
}

/**
 * Creates a retry policy. Its budget is shared by all calls through this instance.
 *
 * @throws ConfigError at creation and from update, when an option is out of range, or two exclude each other.
 * @throws the operation's last error from execute, unchanged, when no other try followed: `retry.gave-up` tells why.
 * @throws `context.cause` from execute, when the context ended between tries.
 *
 * @example
 * ```ts
 * const user = await retry({ maxAttempts: 4 }).execute(({ signal }) => fetchUser(id, { signal }));
 * ```
 */
export function retry(options: RetryOptions = {}): Retry {
  const settings = resolve(options);
  const own = options.budget === undefined ? new CountedBudget(settings.maxRetryRatio) : undefined;
  const budget = own ?? (options.budget as CountedBudget);
  const desk: RetryDesk = { settings, budget, counts: new RetryCounts() };
  const { name, clock } = settings;
  const policy = createStagedPolicy({
    kind: 'retry',
    name,
    clock,
    stages: (inner) => new RetryStage(desk, inner),
  });
  const changing = updatable({
    name,
    resolve: (changes: RetryChanges) => changeSettings(desk.settings, changes, own === undefined),
    apply: (next) => {
      desk.settings = next;
      own?.changeRatio(next.maxRetryRatio);
    },
  });
  const { counts } = desk;
  const members = {
    ...changing,
    describe: () => describeRetry(desk.settings, own !== undefined),
    snapshot: () => counts.snapshot(budget.snapshot()),
  };
  return Object.defineProperty(Object.assign(policy, members), 'retriedCount', { get: () => counts.retried }) as Retry;
}

/** The kind of policy that {@link retry} makes, for configuration. */
export const retryKind: PolicyKind = Object.freeze({
  kind: 'retry',
  rules: retryRules,
  required: Object.freeze([]),
  defaults: retryDefaults,
  create: retry,
});

// --- internal ---

function resolve(options: RetryOptions): RetrySettings {
  const resolved = withDefaults('retry', retryDefaults, options, ['budget']);
  checkOptions('retry', retryRules, resolved);
  if (resolved.budget !== undefined) refuseBesideBudget(options.maxRetryRatio);
  checkDelays(resolved);
  return settingsOf(resolved, resolved);
}

const changeable = Object.keys(retryDefaults).filter((option) => !['name', 'clock', 'random'].includes(option));

function changeSettings(current: RetrySettings, changes: RetryChanges, isShared: boolean): RetrySettings {
  const given = withKnown('retry.update', {}, changes, changeable);
  const next = { ...current, ...given };
  checkOptions('retry', retryRules, next);
  if (isShared) refuseBesideBudget(given.maxRetryRatio);
  checkDelays(next);
  return settingsOf(next, current);
}

function checkDelays({ baseDelayMs, maxDelayMs }: Required<RetryChanges>): void {
  if (maxDelayMs < baseDelayMs)
    throw new ConfigError('retry.maxDelayMs', `a number from ${baseDelayMs} to 600000`, maxDelayMs);
}

function refuseBesideBudget(maxRetryRatio: unknown): void {
  if (maxRetryRatio !== undefined)
    throw new ConfigError('retry.maxRetryRatio', 'left out where budget is given', maxRetryRatio);
}
