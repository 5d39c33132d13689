/**
 * Retry call: one call through a retry, try after try. The numbers in brackets are the invariants of `retry.ts`.
 *
 * @module
 */

import { bindAsyncContext } from '../../kernel/async-context.ts';
import { isCancelled } from '../../kernel/cancellation.ts';
import type { Watcher } from '../../kernel/cancel-scope.ts';
import { type Timer, UNREAD, readOnce } from '../../kernel/clock.ts';
import { type Context, background, scopeOf } from '../../kernel/context.ts';
import { isRejection } from '../../kernel/errors.ts';
import type { Handler, Operation, Sink } from '../../kernel/handler.ts';
import { askHook } from '../../kernel/hooks.ts';
import type { Link } from '../../kernel/linked-list.ts';
import { type Outcome, classifyByError, judgeError, judgeValue } from '../../kernel/outcome.ts';
import { type RetryAttempt, retryAttemptOf, withRetryAttempt } from '../../kernel/retry-attempt.ts';
import type { CountedBudget } from './retry-budget.ts';
import { askedDelayMs, joinedDelayMs, nextBackoffMs } from './retry-delay.ts';
import { type RetryCounts, type RetryGaveUpReason, tellGaveUp, tellScheduled } from './retry-report.ts';
import type { RetrySettings } from './retry-settings.ts';

/** What the calls of one policy share. */
export interface RetryDesk {
  /** Replaced as a whole when options change. */
  settings: RetrySettings;
  readonly budget: CountedBudget;
  readonly counts: RetryCounts;
}

/** The rule where no `isRetryable` is given: a rejection of ours or a cancellation will not pass. */
export function mayPass(error: unknown): boolean {
  return !isRejection(error) && !isCancelled(error);
}

/** What the calls through one layer share, until options change. */
export class RetryRule {
  readonly settings: RetrySettings;
  readonly budget: CountedBudget;
  readonly counts: RetryCounts;
  readonly inner: Handler;
  /** Whether there can be a second try. */
  readonly mayRetry: boolean;
  readonly isTimed: boolean;
  readonly judgesValues: boolean;
  readonly firstAttempt: RetryAttempt;
  /** What the first try of a call gets that has no context of its own: the same for all of them. */
  readonly firstContext: Context;
  private readonly marks: boolean;

  constructor({ settings, budget, counts }: RetryDesk, inner: Handler) {
    this.settings = settings;
    this.budget = budget;
    this.counts = counts;
    this.inner = inner;
    this.mayRetry = settings.maxAttempts > 1;
    this.isTimed = settings.maxElapsedMs !== Infinity;
    this.judgesValues = settings.classify !== classifyByError;
    this.marks = this.mayRetry && settings.enforcement === 'enforce';
    this.firstAttempt = Object.freeze({ policy: settings.name, attempt: 1 });
    this.firstContext = this.contextOfFirst(background);
  }

  /** The context of a first try. One that is not followed by others does not count as a try to those inside. */
  contextOfFirst(context: Context): Context {
    return this.marks ? withRetryAttempt(context, this.firstAttempt) : context;
  }
}

/** One call: the sink of each of its tries. */
export class RetryCall implements Sink {
  readonly rule: RetryRule;
  readonly operation: Operation;
  readonly context: Context;
  readonly sink: Sink;
  attempt = 1;
  /** Whether the operation was run in one of the tries. */
  private hasRun = false;
  /** Whether a retry outside will try again. */
  private isNested = false;
  private startedAt = UNREAD;
  private backoffMs = 0;
  private delayMs = 0;

  constructor(rule: RetryRule, operation: Operation, context: Context, sink: Sink) {
    this.rule = rule;
    this.operation = bindAsyncContext(operation, rule.settings.captureAsyncContext);
    this.context = context;
    this.sink = sink;
  }

  start(calledAt: number): void {
    const { rule, context, operation } = this;
    const { settings } = rule;
    rule.counts.calls++;
    if (rule.isTimed) this.startedAt = readOnce(settings.clock, calledAt);
    const now = rule.isTimed ? this.startedAt : calledAt;
    if (context !== background && settings.whenNested === 'try-once')
      this.isNested = retryAttemptOf(context) !== undefined;
    if (rule.mayRetry && !this.isNested) rule.budget.earn(); // what a retry outside repeats is no call of its own
    if (context === background) rule.inner(operation, rule.firstContext, this, now);
    else rule.inner(operation, this.isNested ? context : rule.contextOfFirst(context), this, now);
  }

  resolve(value: unknown, now: number): void {
    const { rule, context, sink } = this;
    if (rule.judgesValues && judgeValue(rule.settings.classify, value, context, rule.settings.name) === 'failure') {
      this.hasRun = true;
      this.tryAgainOrEnd({ status: 'fulfilled', value }, now);
      return;
    }
    if (this.attempt > 1) rule.counts.recovered++;
    sink.resolve(value, now);
  }

  reject(error: unknown, now: number): void {
    this.hasRun = true;
    this.tryAgainOrEnd({ status: 'rejected', error }, now);
  }

  refuse(error: unknown, now: number): void {
    this.tryAgainOrEnd({ status: 'rejected', error }, now);
  }

  /** Ends the call with its last outcome. */
  giveUp(reason: RetryGaveUpReason, outcome: Outcome, now: number): void {
    this.rule.counts.gaveUp[reason]++;
    tellGaveUp(this.rule.settings, this.attempt, { reason, outcome });
    this.end(outcome, now); // (5)
  }

  tryAgain(): void {
    const { rule, context } = this;
    const attempt = ++this.attempt;
    rule.counts.retried++;
    const own = withRetryAttempt(context, { policy: rule.settings.name, attempt });
    rule.inner(this.operation, own, this, UNREAD);
  }

  private tryAgainOrEnd(outcome: Outcome, now: number): void {
    const { settings, isTimed, counts } = this.rule;
    const failedAt = isTimed ? readOnce(settings.clock, now) : now;
    const reason = this.reasonToGiveUp(outcome, failedAt);
    if (reason !== undefined) {
      this.giveUp(reason, outcome, failedAt);
      return;
    }
    tellScheduled(settings, this.attempt, { outcome, delayMs: this.delayMs });
    if (settings.enforcement === 'enforce') {
      new RetryWait(this).start(this.delayMs);
      return;
    }
    counts.wouldRetry++; // (8)
    this.end(outcome, failedAt);
  }

  private reasonToGiveUp(outcome: Outcome, failedAt: number): RetryGaveUpReason | undefined {
    if (this.attempt >= this.rule.settings.maxAttempts) return 'attempts'; // (1)
    if (this.context.cancelled) return 'ended'; // (2)
    if (outcome.status === 'rejected' && !this.isRetryable(outcome.error)) return 'not-retryable';
    if (this.isNested) return 'nested'; // (7)
    return this.planDelay(outcome, failedAt);
  }

  /** Whether an error is a failure that may pass. */
  private isRetryable(error: unknown): boolean {
    const { isRetryable, classify, name } = this.rule.settings;
    if (classify !== classifyByError && judgeError(classify, error, this.context, name) !== 'failure') return false;
    const ask = (): unknown => isRetryable(error);
    return askHook('isRetryable', name, ask, () => mayPass(error));
  }

  /** Sets the delay before the next try, or says why there cannot be one. The budget comes last: it is asked for tries that fit. */
  private planDelay(outcome: Outcome, failedAt: number): RetryGaveUpReason | undefined {
    const { settings, budget, isTimed } = this.rule;
    const { maxDelayMs, minAttemptMs, maxElapsedMs } = settings;
    const askedMs = askedDelayMs(settings, outcome);
    if (askedMs > maxDelayMs) return 'retry-after';
    const { attempt, backoffMs: previousDelayMs } = this;
    const backoffMs = nextBackoffMs(settings, { attempt, outcome, previousDelayMs });
    const delayMs = joinedDelayMs(askedMs, backoffMs, maxDelayMs);
    if (delayMs + minAttemptMs >= this.context.remainingMs()) return 'deadline'; // (3)
    if (isTimed && failedAt - this.startedAt + delayMs >= maxElapsedMs) return 'elapsed'; // (3)
    if (!budget.spend()) return 'budget'; // (6)
    this.backoffMs = backoffMs;
    this.delayMs = delayMs;
    return undefined;
  }

  /** Whether any try was run decides what an error says about the dependency. */
  private end(outcome: Outcome, now: number): void {
    if (outcome.status === 'fulfilled') this.sink.resolve(outcome.value, now);
    else if (this.hasRun) this.sink.reject(outcome.error, now);
    else this.sink.refuse(outcome.error, now);
  }
}

// --- internal ---

/** The wait between two tries: over when its delay is, or when the context ends. */
class RetryWait implements Watcher {
  previous: Link | undefined = undefined;
  next: Link | undefined = undefined;
  private readonly call: RetryCall;
  private timer: Timer | undefined = undefined;

  constructor(call: RetryCall) {
    this.call = call;
  }

  get leavesAt(): number {
    return Infinity;
  }

  get isWaitedFor(): boolean {
    return true;
  }

  start(delayMs: number): void {
    const { rule, context } = this.call;
    if (scopeOf(context).watch(this)) {
      rule.counts.waiting++;
      this.timer = rule.settings.clock.setTimer(() => this.end(), delayMs);
    } else {
      this.call.giveUp('ended', { status: 'rejected', error: context.cause }, UNREAD);
    }
  }

  onEnd(cause: unknown): void {
    this.timer?.cancel();
    this.call.rule.counts.waiting--;
    this.call.giveUp('ended', { status: 'rejected', error: cause }, UNREAD); // (4)
  }

  private end(): void {
    const scope = scopeOf(this.call.context);
    if (scope.ended) return; // we are told, or were
    scope.unwatch(this);
    this.call.rule.counts.waiting--;
    this.call.tryAgain();
  }
}
