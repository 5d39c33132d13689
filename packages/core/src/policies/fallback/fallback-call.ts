/**
 * Fallback call: one call through a fallback, and its answer where one is needed.
 *
 * The numbers in this file are those of fallback.ts.
 *
 * @module
 */

import { type CaptureAsyncContext, type RunInAsyncContext, captureWith } from '../../kernel/async-context.ts';
import { isCancelled } from '../../kernel/cancellation.ts';
import { UNREAD } from '../../kernel/clock.ts';
import type { Context } from '../../kernel/context.ts';
import type { Enforcement } from '../../kernel/description.ts';
import { ResilienceError, isRejection, nameErrorClass } from '../../kernel/errors.ts';
import type { Events } from '../../kernel/events.ts';
import { type Sink, invoke } from '../../kernel/handler.ts';
import { askHook } from '../../kernel/hooks.ts';
import { type Classify, judgeError, judgeValue } from '../../kernel/outcome.ts';
import { type SubstituteReason, noteIn, reasonOf } from '../../kernel/provenance.ts';
import type { AnswerStep } from './fallback-step.ts';

/** A step of a fallback is asked for an answer. */
export interface FallbackUsedEvent {
  readonly type: 'fallback.used';
  readonly policy: 'fallback';
  readonly name: string;
  /** `observe` where it would have been asked. */
  readonly enforcement: 'enforce' | 'observe';
  /** The error that is answered; a `BadResultError` where the operation gave a value that counts as a failure. */
  readonly error: unknown;
  readonly reason: SubstituteReason;
  /** Name of the step: `value`, `substitute`, or that of the step in the list. */
  readonly step: string;
}

/** The operation failed, and then every step that was asked failed as well. */
export class FallbackError extends ResilienceError {
  readonly code = 'FALLBACK_FAILED';
  /** What the last step that was asked failed with; `cause` is the operation's error. */
  readonly fallbackError: unknown;
  /** What each step that was asked failed with, in their order. */
  readonly fallbackErrors: readonly unknown[];

  constructor(
    policy: string,
    error: unknown,
    fallbackError: unknown,
    fallbackErrors: readonly unknown[] = [fallbackError],
  ) {
    super(`${policy} failed after the operation had failed`, { policy, cause: error });
    this.fallbackError = fallbackError;
    this.fallbackErrors = fallbackErrors;
  }
}

/** The operation gave a value that `classify` called a failure. Steps are told by this error. */
export class BadResultError extends ResilienceError {
  readonly code = 'BAD_RESULT';
  /** The value, by identity. */
  readonly value: unknown;

  constructor(policy: string, value: unknown) {
    super(`${policy} got a value that counts as a failure`, { policy });
    this.value = value;
  }
}

/** Default of `handles`. */
export const handlesAllButCancelled = (error: unknown): boolean => !isCancelled(error);

/** What all calls through one fallback share, whatever its options become. */
export interface FallbackTally {
  readonly name: string;
  readonly events: Events;
  readonly captureAsyncContext: CaptureAsyncContext | undefined;
  used: number;
  answered: number;
  failed: number;
  observed: number;
}

/** The options in force. A call keeps those with which it began. */
export interface FallbackRule {
  readonly tally: FallbackTally;
  readonly steps: readonly AnswerStep[];
  readonly handles: (error: unknown, context: Context) => unknown;
  /** Undefined where `handles` decides. */
  readonly classify: Classify | undefined;
  readonly answersRejections: boolean;
  readonly enforcement: Enforcement;
}

/** One call: the sink of the operation's outcome. */
export class FallbackCall implements Sink {
  readonly rule: FallbackRule;
  readonly context: Context;
  readonly sink: Sink;
  /** Runs a function in the async context of the call; undefined where none was captured. */
  readonly runInContext: RunInAsyncContext | undefined;

  constructor(rule: FallbackRule, context: Context, sink: Sink) {
    this.rule = rule;
    this.context = context;
    this.sink = sink;
    const { captureAsyncContext } = rule.tally;
    this.runInContext =
      captureAsyncContext === undefined ? undefined : captureWith(captureAsyncContext, rule.tally.name);
  }

  resolve(value: unknown, now: number): void {
    if (this.rule.classify === undefined) this.sink.resolve(value, now);
    else this.judgeInContext(value, now);
  }

  reject(error: unknown, now: number): void {
    this.settle({ kind: 'reject', error, value: undefined, now });
  }

  refuse(error: unknown, now: number): void {
    this.settle({ kind: 'refuse', error, value: undefined, now });
  }

  /** Gives the caller the operation's own outcome. */
  handOn({ kind, error, value, now }: Failing): void {
    if (kind === 'resolve') this.sink.resolve(value, now);
    else if (kind === 'reject') this.sink.reject(error, now);
    else this.sink.refuse(error, now);
  }

  private judgeInContext(value: unknown, now: number): void {
    if (this.runInContext === undefined) this.judge(value, now);
    else this.runInContext(() => this.judge(value, now));
  }

  private judge(value: unknown, now: number): void {
    const { rule, context, sink } = this;
    const { name } = rule.tally;
    const isFailure = judgeValue(rule.classify as Classify, value, context, name) === 'failure';
    if (!isFailure || context.cancelled) sink.resolve(value, now);
    else new Answer(this, { kind: 'resolve', error: new BadResultError(name, value), value, now }).next();
  }

  private settle(failing: Failing): void {
    if (this.runInContext === undefined) this.answer(failing);
    else this.runInContext(() => this.answer(failing)); // (6)
  }

  private answer(failing: Failing): void {
    if (this.accepts(failing)) new Answer(this, failing).next();
    else this.handOn(failing);
  }

  private accepts({ kind, error }: Failing): boolean {
    const { rule, context } = this;
    if (context.cancelled) return false; // (2)
    const isRefused = kind === 'refuse' || isRejection(error);
    if (isRefused && !rule.answersRejections) return false;
    if (rule.classify === undefined) {
      const ask = (): unknown => rule.handles(error, context);
      return askHook('handles', rule.tally.name, ask, () => handlesAllButCancelled(error));
    }
    if (isRefused || isCancelled(error)) return !isCancelled(error);
    return judgeError(rule.classify, error, context, rule.tally.name) === 'failure';
  }
}

// --- internal ---

nameErrorClass(FallbackError, 'FallbackError');
nameErrorClass(BadResultError, 'BadResultError');

/** What the operation came to. */
interface Failing {
  readonly kind: 'resolve' | 'reject' | 'refuse';
  readonly error: unknown;
  /** The value that counts as a failure. */
  readonly value: unknown;
  readonly now: number;
}

/** Looks for an answer, step by step: the sink of the step that is asked. */
class Answer implements Sink {
  readonly call: FallbackCall;
  readonly failing: Failing;
  private nextIndex = 0;
  private step: AnswerStep | undefined = undefined;
  private errors: unknown[] | undefined = undefined;

  constructor(call: FallbackCall, failing: Failing) {
    this.call = call;
    this.failing = failing;
  }

  /** Asks the next step that is for this error. */
  next(): void {
    const { rule } = this.call;
    while (this.nextIndex < rule.steps.length) {
      const step = rule.steps[this.nextIndex++] as AnswerStep;
      if (!this.isFor(step)) continue;
      this.tell(step);
      if (rule.enforcement === 'observe') break;
      this.ask(step); // (1)
      return;
    }
    if (this.errors === undefined) this.call.handOn(this.failing);
    else this.fail(this.bothFailed(this.errors), UNREAD); // (3)
  }

  resolve(value: unknown, now: number): void {
    const { rule, context, sink } = this.call;
    const note = noteIn(context);
    if (note !== undefined) {
      const { error, kind } = this.failing;
      const { name: policy } = rule.tally;
      const answered = kind === 'resolve' ? undefined : error;
      note.provenance = {
        source: 'fallback',
        policy,
        step: this.step?.name,
        reason: this.reason,
        error: answered,
        ageMs: undefined,
      };
    }
    rule.tally.answered++;
    sink.resolve(value, now);
  }

  reject(stepError: unknown, now: number): void {
    const { context } = this.call;
    if (context.cancelled) {
      this.fail(context.cause, now); // (2)
      return;
    }
    (this.errors ??= []).push(stepError);
    this.next();
  }

  refuse(cause: unknown, now: number): void {
    this.fail(cause, now); // the context ended before the step was asked
  }

  private get reason(): SubstituteReason {
    return this.failing.kind === 'resolve' ? 'result' : reasonOf(this.failing.error);
  }

  private bothFailed(errors: unknown[]): FallbackError {
    return new FallbackError(this.call.rule.tally.name, this.failing.error, errors.at(-1), errors);
  }

  private isFor({ when }: AnswerStep): boolean {
    const { rule, context } = this.call;
    if (when === undefined) return true;
    return askHook(
      'when',
      rule.tally.name,
      () => when(this.failing.error, context),
      () => true,
    );
  }

  private tell(step: AnswerStep): void {
    const { tally, enforcement } = this.call.rule;
    const { name, events } = tally;
    const isObserved = enforcement === 'observe';
    if (isObserved) tally.observed++;
    else if (this.step === undefined) tally.used++;
    this.step = step;
    if (!events.active) return;
    const event: FallbackUsedEvent = {
      type: 'fallback.used',
      policy: 'fallback',
      name,
      enforcement: isObserved ? 'observe' : 'enforce',
      error: this.failing.error,
      reason: this.reason,
      step: step.name,
    };
    events.emit(event);
  }

  private ask({ substitute, value }: AnswerStep): void {
    const { context } = this.call;
    const answer = (own: Context): unknown => (substitute === undefined ? value : substitute(this.failing.error, own));
    invoke(answer, context, this, UNREAD);
  }

  private fail(error: unknown, now: number): void {
    const { sink, rule } = this.call;
    rule.tally.failed++;
    if (this.failing.kind === 'refuse') sink.refuse(error, now);
    else sink.reject(error, now);
  }
}
