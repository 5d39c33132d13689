/**
 * Observed call: a call under `observe`. It runs as if there were no hedge; the copies that it would have had are counted,
 * as if none of them had succeeded before the call did.
 *
 * @module
 */

import { type Timer, UNREAD, readOnce } from '../../kernel/clock.ts';
import { type Context, scopeOf } from '../../kernel/context.ts';
import type { Handler, Operation, Sink } from '../../kernel/handler.ts';
import { judgeError, judgeValue } from '../../kernel/outcome.ts';
import type { HedgeReason } from './hedge-tally.ts';
import type { HedgeRule } from './hedged-call.ts';

/** One call, and how many copies it would have by now. */
export class ObservedCall implements Sink {
  private readonly rule: HedgeRule;
  private readonly context: Context;
  private readonly sink: Sink;
  private delayMs = 0;
  private startedAt = UNREAD;
  private attempt = 1;
  private settled = false;
  private timer: Timer | undefined = undefined;

  constructor(rule: HedgeRule, context: Context, sink: Sink) {
    this.rule = rule;
    this.context = context;
    this.sink = sink;
  }

  start(inner: Handler, operation: Operation, calledAt: number): void {
    const { delay, clock } = this.rule;
    const now = delay.isMeasured ? readOnce(clock, calledAt) : calledAt;
    if (delay.isMeasured) this.startedAt = now;
    this.delayMs = delay.currentMs(now);
    inner(operation, this.context, this, now);
    if (!this.settled) this.wait();
  }

  resolve(value: unknown, toldAt: number): void {
    const { classify, name } = this.rule;
    const { context, sink } = this;
    const failed = judgeValue(classify, value, context, name) === 'failure';
    const now = this.settle(toldAt, failed ? 'failure' : 'success');
    sink.resolve(value, now);
  }

  reject(error: unknown, toldAt: number): void {
    const { classify, name } = this.rule;
    const { context, sink } = this;
    const now = this.settle(toldAt, judgeError(classify, error, context, name));
    sink.reject(error, now);
  }

  refuse(error: unknown, now: number): void {
    this.stop();
    this.sink.refuse(error, now);
  }

  /** Waits for the next copy to be due. Nobody waits for that, so it keeps no process alive. */
  private wait(): void {
    this.timer = this.rule.clock.setTimer(() => this.goOn(), this.delayMs);
    this.timer.unref();
  }

  private goOn(): void {
    this.timer = undefined;
    if (this.wouldHedge('slow') && !this.settled && this.attempt < this.rule.maxAttempts) this.wait();
  }

  private wouldHedge(reason: HedgeReason): boolean {
    const { tally, maxAttempts } = this.rule;
    if (this.attempt >= maxAttempts || scopeOf(this.context).ended) return false;
    const isAllowed = tally.allows({ enforcement: 'observe', attempt: this.attempt + 1, reason });
    this.attempt = isAllowed ? this.attempt + 1 : maxAttempts; // the budget is not asked again
    return isAllowed;
  }

  /** Returns the instant of the outcome, if it is known. */
  private settle(toldAt: number, verdict: 'success' | 'failure' | 'ignored'): number {
    const { startedAt, delayMs } = this;
    this.stop();
    if (verdict === 'failure' && this.rule.hedgeOnFailure) this.wouldHedge('failure');
    if (startedAt === UNREAD) return toldAt;
    const now = readOnce(this.rule.clock, toldAt);
    this.rule.delay.sample(now - startedAt, { succeeded: verdict === 'success', delayMs, now });
    return now;
  }

  private stop(): void {
    this.settled = true;
    this.timer?.cancel();
    this.timer = undefined;
  }
}
