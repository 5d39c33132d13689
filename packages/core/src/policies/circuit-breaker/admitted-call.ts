/**
 * Admitted call: a call that a circuit breaker let run, until its verdict.
 *
 * Invariants
 *  (1) A call is settled once, whoever settles it; later verdicts change nothing.
 *
 * @module
 */

import { isTimeout } from '../../kernel/cancellation.ts';
import { type Clock, UNREAD, readOnce } from '../../kernel/clock.ts';
import type { Context } from '../../kernel/context.ts';
import type { Sink } from '../../kernel/handler.ts';
import type { Link } from '../../kernel/linked-list.ts';
import { type Classify, type Verdict, judgeError, judgeValue } from '../../kernel/outcome.ts';
import type { Lease } from './probe-round.ts';
import type { TimedMember } from './slow-calls.ts';

/** What takes the verdicts on calls. */
export interface Judge {
  readonly name: string;
  readonly clock: Clock;
  readonly rules: { readonly classify: Classify; readonly minTimeoutToJudgeMs: number };
  settleCall(generation: number, verdict: Verdict, settledAt: number, error?: unknown): number;
  settle(admission: Admission, verdict: Verdict, settledAt: number, error?: unknown): number;
}

/** A call through a circuit that is closed and steady: the sink of its run. Nobody needs to know when it started. */
export class ClosedCall implements Sink {
  readonly breaker: Judge;
  readonly context: Context;
  readonly sink: Sink;
  readonly generation: number;

  constructor(breaker: Judge, context: Context, sink: Sink, generation: number) {
    this.breaker = breaker;
    this.context = context;
    this.sink = sink;
    this.generation = generation;
  }

  resolve(value: unknown, now: number): void {
    const { breaker } = this;
    const verdict = judgeValue(breaker.rules.classify, value, this.context, breaker.name);
    this.sink.resolve(value, breaker.settleCall(this.generation, verdict, now));
  }

  reject(error: unknown, now: number): void {
    const { breaker } = this;
    const verdict = judgeError(breaker.rules.classify, error, this.context, breaker.name);
    this.sink.reject(error, breaker.settleCall(this.generation, verdict, now, error));
  }

  refuse(error: unknown, now: number): void {
    this.sink.refuse(error, this.breaker.settleCall(this.generation, 'ignored', now));
  }
}

/** The right to run one call, with all that its verdict may depend on. */
export class Admission implements TimedMember {
  previous: Link | undefined = undefined;
  next: Link | undefined = undefined;
  /** The generation in which its outcome counts; -1 where it counts in none. */
  readonly generation: number;
  readonly startedAt: number;
  /** Present where the call is a probe. */
  readonly lease: Lease | undefined;

  constructor(generation: number, startedAt: number, lease: Lease | undefined) {
    this.generation = generation;
    this.startedAt = startedAt;
    this.lease = lease;
  }
}

/** A call whose start matters, as that of a probe does: the sink of its run. */
export class WatchedCall implements Sink {
  readonly breaker: Judge;
  readonly context: Context;
  readonly sink: Sink;
  readonly admission: Admission;

  constructor(breaker: Judge, context: Context, sink: Sink, admission: Admission) {
    this.breaker = breaker;
    this.context = context;
    this.sink = sink;
    this.admission = admission;
  }

  resolve(value: unknown, now: number): void {
    const { breaker } = this;
    const verdict = judgeValue(breaker.rules.classify, value, this.context, breaker.name);
    this.sink.resolve(value, breaker.settle(this.admission, verdict, now));
  }

  reject(error: unknown, settledAt: number): void {
    const { breaker, admission } = this;
    const now = readOnce(breaker.clock, settledAt);
    const verdict = judgeError(breaker.rules.classify, error, this.context, breaker.name);
    const isHasty = now - admission.startedAt < breaker.rules.minTimeoutToJudgeMs && isTimeout(this.context.cause);
    this.sink.reject(error, breaker.settle(admission, isHasty ? 'ignored' : verdict, now, error));
  }

  refuse(error: unknown, now: number): void {
    this.sink.refuse(error, this.breaker.settle(this.admission, 'ignored', now));
  }
}

/** The right to make one call, for code that is not one function. Settle it exactly once; later verdicts change nothing. */
export interface CircuitPermit extends Disposable {
  /** The dependency did its work. */
  success(): void;
  /** The dependency failed. An `error` with `retryAfterMs` may lengthen the time that the circuit stays open. */
  failure(error?: unknown): void;
  /** The call says nothing about the dependency, or was not made. Leaving the scope of a `using` does the same. */
  ignore(): void;
}

/** The permit of one {@link Admission}, or of a call that counts in no window. */
export class Permit implements CircuitPermit {
  private breaker: Judge | undefined;
  private readonly admission: Admission;

  constructor(breaker: Judge | undefined, admission: Admission) {
    this.breaker = breaker;
    this.admission = admission;
  }

  success(): void {
    this.settle('success');
  }

  failure(error?: unknown): void {
    this.settle('failure', error);
  }

  ignore(): void {
    this.settle('ignored');
  }

  [Symbol.dispose](): void {
    this.settle('ignored');
  }

  private settle(verdict: Verdict, error?: unknown): void {
    const { breaker } = this;
    this.breaker = undefined; // (1)
    breaker?.settle(this.admission, verdict, UNREAD, error);
  }
}
