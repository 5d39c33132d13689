/**
 * Retry stage: the layer of a retry around what is inside it.
 *
 * @module
 */

import { bindAsyncContext } from '../../kernel/async-context.ts';
import { type Context, background } from '../../kernel/context.ts';
import type { Operation, Sink } from '../../kernel/handler.ts';
import { underTryMark } from '../../kernel/retry-attempt.ts';
import type { Stage } from '../../kernel/stage.ts';
import { RetryCall } from './retry-call.ts';
import { type RetryDesk, RetryRule } from './retry-rule.ts';

/** Starts calls by the rule that is in force. */
export class RetryStage implements Stage {
  private readonly desk: RetryDesk;
  private readonly inner: Stage;
  private rule: RetryRule;

  constructor(desk: RetryDesk, inner: Stage) {
    this.desk = desk;
    this.inner = inner;
    this.rule = new RetryRule(desk, inner);
  }

  handle(operation: Operation, context: Context, sink: Sink, calledAt: number): void {
    if (this.rule.settings !== this.desk.settings) this.rule = new RetryRule(this.desk, this.inner);
    const { rule } = this;
    if (rule.isPlain && context === background) this.startPlainly(operation, sink, calledAt);
    else this.startCarefully(operation, context, sink, calledAt);
  }

  /** Starts a call without a context of its own, by a rule that is plain. */
  private startPlainly(operation: Operation, sink: Sink, now: number): void {
    const { rule, inner } = this;
    rule.counts.calls++;
    rule.budget.earn();
    const call = new RetryCall(rule, operation, background, sink);
    inner.handle(operation, underTryMark(background, call), call, now);
  }

  private startCarefully(operation: Operation, context: Context, sink: Sink, calledAt: number): void {
    const { rule } = this;
    const { enforcement, captureAsyncContext, name } = rule.settings;
    if (enforcement === 'off') this.inner.handle(operation, context, sink, calledAt);
    else new RetryCall(rule, bindAsyncContext(operation, captureAsyncContext, name), context, sink).start(calledAt);
  }
}
