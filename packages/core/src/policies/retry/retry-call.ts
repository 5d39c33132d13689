/**
 * Retry call: one call through a retry, try after try. The numbers in brackets are the invariants of `retry.ts`.
 *
 * @module
 */

import type { Watcher } from '../../kernel/watcher.ts';
import { type Timer, UNREAD, readOnce } from '../../kernel/clock.ts';
import { type Context, background, scopeOf } from '../../kernel/context.ts';
import type { Operation, Sink } from '../../kernel/handler.ts';
import { askHook } from '../../kernel/hooks.ts';
import type { Link } from '../../kernel/linked-list.ts';
import { type Outcome, classifyByError, judgeError, judgeValue } from '../../kernel/outcome.ts';
import {
  OpenTryMark,
  type RetryAttempt,
  type TryMark,
  tryMarkKey,
  tryMarkOf,
  withTryMark,
} from '../../kernel/retry-attempt.ts';
import type { ContextKey, ContextValues } from '../../kernel/context-values.ts';
import { askedDelayMs, joinedDelayMs, nextBackoffMs } from './retry-delay.ts';
import { type RetryGaveUpReason, tellGaveUp, tellScheduled } from './retry-report.ts';
import { type RetryRule, mayPass } from './retry-rule.ts';

/**
 * One call: the sink of each of its tries. Where the caller has no context, it is the mark of its first try as well, and the
 * node of values that carries it: the usual call makes two objects, itself and a context.
 */
export class RetryCall implements Sink, TryMark, ContextValues {
  readonly rule: RetryRule;
  readonly operation: Operation;
  readonly context: Context;
  readonly sink: Sink;
  /** Whether a try follows the first, or may; for what stands under the first try of {@link RetryStage}. */
  isInForce = true;
  private made: Progress | undefined = undefined;

  constructor(rule: RetryRule, operation: Operation, context: Context, sink: Sink) {
    this.rule = rule;
    this.operation = operation;
    this.context = context;
    this.sink = sink;
  }

  /** What is known of a call that is more than one try that succeeds; most are not, and never need it. */
  private get progress(): Progress {
    this.made ??= new Progress();
    return this.made;
  }

  get key(): ContextKey<TryMark> {
    return tryMarkKey;
  }

  get value(): TryMark {
    return this;
  }

  get parent(): undefined {
    return undefined;
  }

  get attempt(): RetryAttempt {
    return this.rule.firstAttempt;
  }

  get isRepeat(): boolean {
    return false;
  }

  start(calledAt: number): void {
    const { rule, context } = this;
    const { settings } = rule;
    rule.counts.calls++;
    const now = rule.isTimed ? readOnce(settings.clock, calledAt) : calledAt;
    if (rule.isTimed) this.progress.startedAt = now;
    const around = context === background ? undefined : tryMarkOf(context);
    if (around !== undefined && around.isInForce) this.startInside(around, now);
    else {
      this.earn(false);
      this.run(rule.firstAttempt, false, now);
    }
  }

  resolve(value: unknown, now: number): void {
    if (this.made !== undefined || this.rule.judgesValues) {
      this.resolveCarefully(value, now);
      return;
    }
    this.isInForce = false;
    this.sink.resolve(value, now);
  }

  /** Takes a value that may be a failure, or that is not that of the first try. */
  private resolveCarefully(value: unknown, now: number): void {
    const { rule, context, sink } = this;
    if (rule.judgesValues && judgeValue(rule.settings.classify, value, context, rule.settings.name) === 'failure') {
      this.progress.hasRun = true;
      this.tryAgainOrEnd({ status: 'fulfilled', value }, now);
      return;
    }
    const { made } = this;
    if (made !== undefined && made.attemptCount > 1) rule.counts.recovered++;
    if (made === undefined) this.isInForce = false;
    else this.closeMark(made);
    sink.resolve(value, now);
  }

  reject(error: unknown, now: number): void {
    this.progress.hasRun = true;
    this.tryAgainOrEnd({ status: 'rejected', error }, now);
  }

  refuse(error: unknown, now: number): void {
    this.tryAgainOrEnd({ status: 'rejected', error }, now);
  }

  /** Ends the call with its last outcome. */
  giveUp(reason: RetryGaveUpReason, outcome: Outcome, now: number): void {
    this.rule.counts.gaveUp[reason]++;
    tellGaveUp(this.rule.settings, this.progress.attemptCount, { reason, outcome });
    this.end(outcome, now); // (5)
  }

  tryAgain(): void {
    const { settings, counts } = this.rule;
    const attempt = ++this.progress.attemptCount;
    counts.retried++;
    this.run({ policy: settings.name, attempt }, true, UNREAD);
  }

  /** A call inside a try of another retry: those further in see the same try, whichever of the two tries again. */
  private startInside(around: TryMark, now: number): void {
    const { rule } = this;
    if (rule.settings.whenNested === 'try-once') {
      this.progress.around = around;
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
      this.progress.mark = mark;
      rule.inner.handle(this.operation, withTryMark(context, mark), this, now);
    } else rule.inner.handle(this.operation, context, this, now);
  }

  /** Counts the call for the budget. What a retry outside repeats for one that leaves it to that is no call of its own. */
  private earn(isRepeat: boolean): void {
    if (this.rule.mayRetry && !isRepeat) this.rule.budget.earn();
  }

  /** Whether a retry outside will try again. Where it no longer does, this is a call like any other from here on. */
  private isLeftToOuter(): boolean {
    const { around } = this.progress;
    if (around === undefined || around.isInForce) return around !== undefined;
    this.progress.around = undefined;
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
    const { delayMs, attemptCount } = this.progress;
    tellScheduled(settings, attemptCount, { outcome, delayMs });
    if (settings.enforcement === 'enforce') {
      new RetryWait(this).start(delayMs);
      return;
    }
    counts.wouldRetry++; // (8)
    this.end(outcome, failedAt);
  }

  private reasonToGiveUp(outcome: Outcome, failedAt: number): RetryGaveUpReason | undefined {
    if (this.progress.attemptCount >= this.rule.settings.maxAttempts) return 'attempts'; // (1)
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
    const { progress } = this;
    const { attemptCount: attempt, backoffMs: previousDelayMs } = progress;
    const backoffMs = nextBackoffMs(settings, { attempt, outcome, previousDelayMs });
    const delayMs = joinedDelayMs(askedMs, backoffMs, maxDelayMs);
    if (delayMs + minAttemptMs >= this.context.remainingMs()) return 'deadline'; // (3)
    if (isTimed && failedAt - progress.startedAt + delayMs >= maxElapsedMs) return 'elapsed'; // (3)
    if (!budget.spend()) return 'budget'; // (6)
    progress.backoffMs = backoffMs;
    progress.delayMs = delayMs;
    return undefined;
  }

  /** No other try follows. */
  private closeMark({ mark, attemptCount }: Progress): void {
    if (mark !== undefined) mark.isInForce = false;
    else if (attemptCount === 1) this.isInForce = false;
  }

  /** Whether any try was run decides what an error says about the dependency. */
  private end(outcome: Outcome, now: number): void {
    this.closeMark(this.progress);
    if (outcome.status === 'fulfilled') this.sink.resolve(outcome.value, now);
    else if (this.progress.hasRun) this.sink.reject(outcome.error, now);
    else this.sink.refuse(outcome.error, now);
  }
}

// --- internal ---

/** How far a call has come. */
class Progress {
  attemptCount = 1;
  /** Whether the operation was run in one of the tries. */
  hasRun = false;
  /** The mark of the try outside that this call is in; undefined where that does not matter, or no longer. */
  around: TryMark | undefined = undefined;
  /** The mark of the try under way, where that is not the call itself. */
  mark: OpenTryMark | undefined = undefined;
  startedAt = UNREAD;
  backoffMs = 0;
  delayMs = 0;
}

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
