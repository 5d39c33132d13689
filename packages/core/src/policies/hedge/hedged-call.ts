/**
 * Hedged call: the copies of one call, and which of them wins.
 *
 * The numbers in comments are those of the invariants in hedge.ts.
 *
 * @module
 */

import { type CaptureAsyncContext, bindAsyncContext } from '../../kernel/async-context.ts';
import { type CancelledError, supersededBy } from '../../kernel/cancellation.ts';
import { type Clock, type Timer, UNREAD, readOnce } from '../../kernel/clock.ts';
import { type Context, scopeOf } from '../../kernel/context.ts';
import type { Enforcement } from '../../kernel/description.ts';
import { type Handler, type Operation, type Sink, invoke } from '../../kernel/handler.ts';
import { countLateRuns } from '../../kernel/late-runs.ts';
import { type Classify, classifyByError, judgeError, judgeValue } from '../../kernel/outcome.ts';
import { noteIn } from '../../kernel/provenance.ts';
import { Copy, type CopyOwner } from './copy.ts';
import type { HedgeDelay } from './hedge-delay.ts';
import type { HedgeReason, HedgeTally } from './hedge-tally.ts';

/** Options in force, and what is shared by the calls that start under them. */
export interface HedgeRule {
  readonly tally: HedgeTally;
  readonly name: string;
  readonly clock: Clock;
  readonly captureAsyncContext: CaptureAsyncContext | undefined;
  readonly delay: HedgeDelay;
  readonly maxAttempts: number;
  readonly maxHedgeRatio: number;
  readonly hedgeOnFailure: boolean;
  readonly classify: Classify;
  readonly enforcement: Enforcement;
}

/** One call, and the copies that run for it. */
export class HedgedCall implements CopyOwner {
  readonly rule: HedgeRule;
  private inner: Handler;
  readonly context: Context;
  readonly sink: Sink;
  private readonly operation: Operation;
  /** The operation for copies that start in another turn: bound to the async context of the call. */
  private readonly laterOperation: Operation;
  private delayMs = 0;
  /** When the first copy started, where the delay depends on how long calls take. */
  private startedAt = UNREAD;
  private attempt = 0;
  private running = 0;
  private settled = false;
  /** Whether the budget had no hedge left for this call; it is not asked again. */
  private isDenied = false;
  private timer: Timer | undefined = undefined;
  /** The copy that started last; it knows the one before. */
  private latest: Copy | undefined = undefined;
  /** Whether the operation was run in one of the copies. */
  private hasRun = false;
  /** What the call comes to if no copy succeeds, and whether that is a value. */
  private outcome: unknown = undefined;
  private isValue = false;
  /** By what the losers were cancelled. */
  private loserCause: CancelledError | undefined = undefined;

  constructor(rule: HedgeRule, operation: Operation, context: Context, sink: Sink) {
    this.rule = rule;
    this.inner = invoke;
    this.context = context;
    this.sink = sink;
    this.operation = operation;
    this.laterOperation = bindAsyncContext(operation, rule.captureAsyncContext, rule.name);
  }

  /** Starts the first copy. */
  start(inner: Handler, calledAt: number): void {
    this.inner = inner;
    const { delay, clock } = this.rule;
    const now = delay.isMeasured ? readOnce(clock, calledAt) : calledAt;
    if (delay.isMeasured) this.startedAt = now;
    this.delayMs = delay.currentMs(now);
    this.run(this.operation, now);
  }

  takeValue(copy: Copy, value: unknown, toldAt: number): void {
    const { classify, name } = this.rule;
    const now = this.instantOf(toldAt);
    this.hasRun = true;
    if (judgeValue(classify, value, copy.context, name) === 'failure') {
      this.sample(copy, false, now);
      this.keep(value, true);
      this.tellSource(copy);
      this.lose(true, now);
    } else {
      this.sample(copy, true, now);
      this.win(copy, now);
      this.tellSource(copy);
      this.sink.resolve(value, now);
    }
  }

  takeError(copy: Copy, error: unknown, toldAt: number): void {
    const { classify, name, hedgeOnFailure } = this.rule;
    const now = this.instantOf(toldAt);
    this.hasRun = true;
    const isPlain = classify === classifyByError && !hedgeOnFailure;
    const verdict = isPlain ? 'failure' : judgeError(classify, error, copy.context, name);
    this.sample(copy, verdict === 'success', now);
    if (verdict === 'success') {
      this.win(copy, now);
      this.sink.reject(error, now);
    } else {
      this.keep(error, false);
      this.lose(verdict === 'failure', now);
    }
  }

  /** A copy was not run. That counts less than what another one came to, unless the context ended. */
  takeRefusal(error: unknown, now: number): void {
    if (!this.hasRun || this.context.cancelled) this.keep(error, false);
    this.lose(false, now);
  }

  begin(): void {
    this.rule.tally.beginLoser();
  }

  end(_status: 'fulfilled' | 'rejected', outcome: unknown): void {
    this.rule.tally.endLoser(outcome === this.loserCause);
  }

  /** Starts a copy, and the delay before the next one. */
  private run(operation: Operation, calledAt: number): void {
    const { rule, context, delayMs } = this;
    const isTimeless = scopeOf(context).deadline === Infinity;
    const now = isTimeless ? calledAt : readOnce(rule.clock, calledAt);
    const hasTime = isTimeless || isInTime(context, rule.clock, { now, delayMs });
    const hasNext = hasTime && this.attempt + 1 < rule.maxAttempts; // (1) (3)
    const copy = new Copy(this, ++this.attempt, this.latest);
    this.latest = copy;
    this.running++;
    this.inner(operation, copy.context, copy, now);
    if (!hasNext || this.settled || this.latest !== copy) return; // the copy that failed in its turn has another after it
    this.timer = rule.clock.setTimer(() => this.hedge('slow'), delayMs);
  }

  /** Starts one more copy, if there may be one. Returns whether it did. */
  private hedge(reason: HedgeReason): boolean {
    const { tally, maxAttempts } = this.rule;
    this.timer?.cancel();
    this.timer = undefined;
    if (this.isDenied || this.attempt >= maxAttempts || scopeOf(this.context).ended) return false; // (1) (3)
    this.isDenied = !tally.allows({ enforcement: 'enforce', attempt: this.attempt + 1, reason });
    if (this.isDenied) return false; // (5)
    if (this.settled || scopeOf(this.context).ended) {
      tally.withdraw(); // a listener ended the context
      return false;
    }
    tally.beginHedge();
    this.run(this.laterOperation, UNREAD);
    return true;
  }

  /** The instant of an outcome: known where the delay depends on it. */
  private instantOf(toldAt: number): number {
    return this.startedAt === UNREAD ? toldAt : readOnce(this.rule.clock, toldAt);
  }

  private sample({ attempt }: Copy, succeeded: boolean, now: number): void {
    const { startedAt, delayMs } = this;
    if (attempt === 1 && startedAt !== UNREAD) this.rule.delay.sample(now - startedAt, { succeeded, delayMs, now });
  }

  private win(copy: Copy, now: number): void {
    this.running--;
    this.finish(now);
    if (copy.attempt > 1) this.rule.tally.winByHedge(copy.attempt);
  }

  /** What stood in for the value of other copies says nothing about this one's. */
  private tellSource({ note }: Copy): void {
    const own = note === undefined ? undefined : noteIn(this.context);
    if (own !== undefined) own.provenance = note?.provenance;
  }

  private keep(outcome: unknown, isValue: boolean): void {
    this.outcome = outcome;
    this.isValue = isValue;
  }

  private lose(isFailure: boolean, now: number): void {
    this.running--;
    if (isFailure && this.rule.hedgeOnFailure && this.hedge('failure')) return;
    if (this.running > 0 || this.settled) return; // (2)
    this.finish(now);
    if (!this.hasRun) this.sink.refuse(this.outcome, now);
    else if (this.isValue) this.sink.resolve(this.outcome, now);
    else this.sink.reject(this.outcome, now);
  }

  private finish(now: number): void {
    this.settled = true;
    this.timer?.cancel(); // (6)
    this.timer = undefined;
    if (this.running === 0) return;
    const { name } = this.rule;
    const cause = supersededBy(name, `another attempt of ${name} won`);
    this.loserCause = cause;
    countLateRuns(cause, this); // (7)
    for (let copy = this.latest; copy !== undefined; copy = copy.earlier) {
      if (!copy.settled) this.sample(copy, false, now);
      copy.cancel(cause); // (4)
    }
  }
}

// --- internal ---

/** Whether a delay that begins at `now`, an instant of `clock`, ends before the deadline of `context`. */
function isInTime(
  context: Context,
  clock: Clock,
  { now, delayMs }: { readonly now: number; readonly delayMs: number },
): boolean {
  const { deadline, clock: ownClock } = scopeOf(context);
  return delayMs < (ownClock === clock ? deadline - now : context.remainingMs());
}
