/**
 * Hedged call: the copies of one call, and which of them wins.
 *
 * The numbers in comments are those of the invariants in hedge.ts.
 *
 * @module
 */

import { CancelScope } from '../../kernel/cancel-scope.ts';
import { CancelledError } from '../../kernel/cancellation.ts';
import { type Clock, type Timer, UNREAD, readOnce } from '../../kernel/clock.ts';
import { type Context, type ScopeSource, deriveContext, deriveLazily, scopeOf } from '../../kernel/context.ts';
import type { Events } from '../../kernel/events.ts';
import type { Handler, Operation, Sink } from '../../kernel/handler.ts';
import { type Classify, classifyByError, judgeError, judgeValue } from '../../kernel/outcome.ts';
import type { ShareBudget } from '../../mechanisms/share-budget.ts';

/** One more copy starts, because the call has no success yet. */
export interface HedgeStartedEvent {
  readonly type: 'hedge.started';
  readonly policy: 'hedge';
  readonly name: string;
  /** Number of the copy; the first hedge is 2. */
  readonly attempt: number;
}

/** A copy beyond the first won. */
export interface HedgeWonEvent {
  readonly type: 'hedge.won';
  readonly policy: 'hedge';
  readonly name: string;
  /** Number of the copy; the first hedge is 2. */
  readonly attempt: number;
}

/** What a call needs to know of the options. */
export interface HedgeSettings {
  readonly name: string;
  readonly delayMs: number;
  readonly maxAttempts: number;
  readonly classify: Classify;
  readonly clock: Clock;
  readonly events: Events;
}

/** What a policy counts. */
export interface HedgeCounts {
  calls: number;
  hedged: number;
  wonByHedge: number;
  budgetDenied: number;
}

/** What the calls through one layer share. */
export interface HedgeRule {
  readonly settings: HedgeSettings;
  readonly counts: HedgeCounts;
  readonly budget: ShareBudget;
  readonly inner: Handler;
}

/** One call, and the copies that run for it. */
export class HedgedCall {
  readonly rule: HedgeRule;
  readonly operation: Operation;
  readonly context: Context;
  readonly sink: Sink;
  private attempt = 0;
  private running = 0;
  private settled = false;
  private timer: Timer | undefined = undefined;
  /** The copy that started last; it knows the one before. */
  private latest: Copy | undefined = undefined;
  /** Whether the operation was run in one of the copies. */
  private hasRun = false;
  /** What the call comes to if no copy succeeds, and whether that is a value. */
  private outcome: unknown = undefined;
  private isValue = false;

  constructor(rule: HedgeRule, operation: Operation, context: Context, sink: Sink) {
    this.rule = rule;
    this.operation = operation;
    this.context = context;
    this.sink = sink;
  }

  /** Starts a copy, and the delay before the next one. */
  start(startedAt: number): void {
    const { settings, inner } = this.rule;
    const scope = scopeOf(this.context);
    const now = scope.deadline === Infinity ? startedAt : readOnce(settings.clock, startedAt);
    const hasNext = this.attempt + 1 < settings.maxAttempts && this.isInTime(scope, now); // (1) (3)
    const copy = new Copy(this, ++this.attempt, this.latest);
    this.latest = copy;
    this.running++;
    inner(this.operation, copy.context, copy, now);
    if (hasNext && !this.settled) this.timer = settings.clock.setTimer(() => this.hedge(), settings.delayMs);
  }

  /** A copy came to a value. */
  takeValue(copy: Copy, value: unknown, now: number): void {
    const { classify, name } = this.rule.settings;
    this.hasRun = true;
    if (judgeValue(classify, value, copy.context, name) === 'failure') {
      this.lose(value, true, now);
    } else {
      this.win(copy);
      this.sink.resolve(value, now);
    }
  }

  /** A copy came to an error. */
  takeError(copy: Copy, error: unknown, now: number): void {
    const { classify, name } = this.rule.settings;
    this.hasRun = true;
    if (classify !== classifyByError && judgeError(classify, error, copy.context, name) === 'success') {
      this.win(copy);
      this.sink.reject(error, now);
    } else {
      this.lose(error, false, now);
    }
  }

  /** A copy was not run. That counts less than what another one came to, unless the context ended. */
  takeRefusal(error: unknown, now: number): void {
    if (this.hasRun && !this.context.cancelled) this.lose(this.outcome, this.isValue, now);
    else this.lose(error, false, now);
  }

  private isInTime(scope: CancelScope, now: number): boolean {
    const { clock, delayMs } = this.rule.settings;
    if (scope.deadline === Infinity) return true;
    return delayMs < (scope.clock === clock ? scope.deadline - now : this.context.remainingMs());
  }

  /** The delay is over. */
  private hedge(): void {
    const { counts, budget, settings } = this.rule;
    this.timer = undefined;
    if (scopeOf(this.context).ended) return; // (3): the copies that run are told, or were
    if (!budget.spend()) {
      counts.budgetDenied++; // (5)
      return;
    }
    if (settings.events.active) {
      const { name } = settings;
      const event: HedgeStartedEvent = { type: 'hedge.started', policy: 'hedge', name, attempt: this.attempt + 1 };
      settings.events.emit(event);
      if (this.settled) return; // a listener ended the context
    }
    counts.hedged++;
    this.start(UNREAD);
  }

  private win(copy: Copy): void {
    const { counts, settings } = this.rule;
    this.running--;
    this.finish();
    if (copy.attempt === 1) return;
    counts.wonByHedge++;
    if (!settings.events.active) return;
    const event: HedgeWonEvent = { type: 'hedge.won', policy: 'hedge', name: settings.name, attempt: copy.attempt };
    settings.events.emit(event);
  }

  private lose(outcome: unknown, isValue: boolean, now: number): void {
    this.outcome = outcome;
    this.isValue = isValue;
    if (--this.running > 0) return; // (2)
    this.finish();
    if (!this.hasRun) this.sink.refuse(outcome, now);
    else if (isValue) this.sink.resolve(outcome, now);
    else this.sink.reject(outcome, now);
  }

  private finish(): void {
    this.settled = true;
    this.timer?.cancel(); // (6)
    this.timer = undefined;
    if (this.running === 0) return;
    const { name } = this.rule.settings;
    const cause = new CancelledError(`another attempt of ${name} won`, { policy: name });
    for (let copy = this.latest; copy !== undefined; copy = copy.earlier) copy.cancel(cause); // (4)
  }
}

// --- internal ---

/** One run of the operation: the sink of it, and the source of its context's scope. */
class Copy implements Sink, ScopeSource {
  readonly call: HedgedCall;
  /** Number of this copy; the first is 1. */
  readonly attempt: number;
  readonly earlier: Copy | undefined;
  readonly context: Context;
  private settled = false;
  private scope: CancelScope | undefined = undefined;

  constructor(call: HedgedCall, attempt: number, earlier: Copy | undefined) {
    this.call = call;
    this.attempt = attempt;
    this.earlier = earlier;
    const { context } = call;
    // Under a parent that never ends, only we can end the context, so its scope is made only if somebody asks for it.
    this.context = scopeOf(context).isEndless ? deriveLazily(context, this) : deriveContext(context, this.makeScope());
  }

  makeScope(): CancelScope {
    if (this.scope === undefined) {
      const parent = scopeOf(this.call.context);
      this.scope = new CancelScope(parent, parent.clock, Infinity);
      if (this.settled) this.scope.release();
    }
    return this.scope;
  }

  resolve(value: unknown, now: number): void {
    if (this.settle()) this.call.takeValue(this, value, now);
  }

  reject(error: unknown, now: number): void {
    if (this.settle()) this.call.takeError(this, error, now);
  }

  refuse(error: unknown, now: number): void {
    if (this.settle()) this.call.takeRefusal(error, now);
  }

  /** Another copy won: ends the context; what this copy comes to is dropped. */
  cancel(cause: CancelledError): void {
    if (this.settled) return;
    this.settled = true;
    scopeOf(this.context).end(cause);
  }

  /** Returns whether this is the first report. The context lives on, and lets go of those who only listen. */
  private settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    this.scope?.release();
    return true;
  }
}
