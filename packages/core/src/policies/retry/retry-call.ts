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
import { OpenTryMark, type RetryAttempt, type TryMark, tryMarkOf, withTryMark } from '../../kernel/retry-attempt.ts';
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
  /** Whether tries tell those inside. One that is not followed by others does not count as a try to them. */
  readonly marks: boolean;

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
  /** The mark of the try outside that this call is in; undefined where that does not matter, or no longer. */
  private around: TryMark | undefined = undefined;
  /** The mark of the try under way. */
  private mark: OpenTryMark | undefined = undefined;
  private startedAt = UNREAD;
  private backoffMs = 0;
  private delayMs = 0;

  constructor(rule: RetryRule, operation: Operation, context: Context, sink: Sink) {
    this.rule = rule;
    const { captureAsyncContext, name } = rule.settings;
    this.operation = bindAsyncContext(operation, captureAsyncContext, name);
    this.context = context;
    this.sink = sink;
  }

  start(calledAt: number): void {
    const { rule, context } = this;
    const { settings } = rule;
    rule.counts.calls++;
    if (rule.isTimed) this.startedAt = readOnce(settings.clock, calledAt);
    const now = rule.isTimed ? this.startedAt : calledAt;
    const around = context === background ? undefined : tryMarkOf(context);
    if (around !== undefined && around.isInForce) this.startInside(around, now);
    else {
      this.earn(false);
      this.run(rule.firstAttempt, false, now);
    }
  }

  resolve(value: unknown, now: number): void {
    const { rule, context, sink } = this;
    if (rule.judgesValues && judgeValue(rule.settings.classify, value, context, rule.settings.name) === 'failure') {
      this.hasRun = true;
      this.tryAgainOrEnd({ status: 'fulfilled', value }, now);
      return;
    }
    if (this.attempt > 1) rule.counts.recovered++;
    if (this.mark !== undefined) this.mark.isInForce = false; // no other try follows
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
    const { settings, counts } = this.rule;
    const attempt = ++this.attempt;
    counts.retried++;
    this.run({ policy: settings.name, attempt }, true, UNREAD);
  }

  /** A call inside a try of another retry: those further in see the same try, whichever of the two tries again. */
  private startInside(around: TryMark, now: number): void {
    const { rule } = this;
    if (rule.settings.whenNested === 'try-once') {
      this.around = around;
      this.run(around.attempt, around.isRepeat, now);
    } else {
      this.earn(false);
      this.run(rule.firstAttempt, around.isRepeat, now);
    }
  }

  private run(attempt: RetryAttempt, isRepeat: boolean, now: number): void {
    const { rule, context } = this;
    if (rule.marks) {
      const mark = new OpenTryMark(attempt, isRepeat);
      this.mark = mark;
      rule.inner(this.operation, withTryMark(context, mark), this, now);
    } else rule.inner(this.operation, context, this, now);
  }

  /** Counts the call for the budget. What a retry outside repeats for one that leaves it to that is no call of its own. */
  private earn(isRepeat: boolean): void {
    if (this.rule.mayRetry && !isRepeat) this.rule.budget.earn();
  }

  /** Whether a retry outside will try again. Where it no longer does, this is a call like any other from here on. */
  private isLeftToOuter(): boolean {
    const { around } = this;
    if (around === undefined || around.isInForce) return around !== undefined;
    this.around = undefined;
    this.earn(around.isRepeat);
    return false;
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
    if (this.isLeftToOuter()) return 'nested'; // (7)
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
    if (this.mark !== undefined) this.mark.isInForce = false;
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
      this.abandon(context.cause);
    }
  }

  onEnd(cause: unknown): void {
    this.timer?.cancel();
    this.call.rule.counts.waiting--;
    this.abandon(cause); // (4)
  }

  /** The try that was paid for does not start. */
  private abandon(error: unknown): void {
    this.call.rule.budget.giveBack();
    this.call.giveUp('ended', { status: 'rejected', error }, UNREAD);
  }

  private end(): void {
    const scope = scopeOf(this.call.context);
    if (scope.ended) return; // we are told, or were
    scope.unwatch(this);
    this.call.rule.counts.waiting--;
    this.call.tryAgain();
  }
}
