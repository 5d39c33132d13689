/**
 * Chaos call: the way of one call through the injections, one after the other.
 *
 *   next injection ── not hit, no claim ─► next injection ── none left ─► the operation
 *        ├── fault, outcome ─► settled
 *        ├── latency ─► delayed ── over, let go ─► next injection
 *        │                └─────── context ends ─► settled with its cause
 *        └── behaviour ─► runs ─── settles ──────► next injection
 *
 * Invariants
 *  (1) A call is settled once: by an injection, by the operation, or by the end of its context.
 *  (2) A delay ends within the tick in which the context does, and nothing starts afterwards.
 *  (3) What is injected looks like the dependency: it is never reported as a refusal, although the operation did not run.
 *  (4) What a user's function throws or returns wrongly is reported, and injects nothing; a fault keeps its `ChaosError`.
 *
 * @module
 */

import { type RunInAsyncContext, captureWith } from '../../kernel/async-context.ts';
import type { Watcher } from '../../kernel/watcher.ts';
import { type Timer, UNREAD } from '../../kernel/clock.ts';
import { type Context, scopeOf } from '../../kernel/context.ts';
import { ResilienceError, nameErrorClass } from '../../kernel/errors.ts';
import { type Arrival, type Handler, type Operation, type Sink, invoke } from '../../kernel/handler.ts';
import { ignoreRejection, reportHookError } from '../../kernel/hooks.ts';
import type { Link } from '../../kernel/linked-list.ts';
import type { Delayed, Experiment } from './experiment.ts';
import { type Injection, isLatency } from './injection.ts';

/** A failure that was injected. It is none of the rejections, so that retries, breakers and fallbacks take it as real. */
export class ChaosError extends ResilienceError {
  readonly code = 'CHAOS_INJECTED';

  constructor(policy: string) {
    super(`${policy} injected this failure`, { policy });
  }
}

/** Counts what a call with `context` would have suffered; it suffers nothing. */
export function observeCall(experiment: Experiment, context: Context, now: number): void {
  experiment.calls++;
  for (const injection of experiment.limits.injections) {
    if (!experiment.hits(injection, context)) continue;
    if (experiment.claim(injection, 'observe', now) === undefined) continue;
    if (injection.kind === 'latency' && typeof injection.latencyMs === 'object') experiment.draw(); // as it would have
    experiment.tellInjected(injection.kind, 'observe');
    if (injection.kind === 'fault' || injection.kind === 'outcome') return; // the others would not have come up
  }
}

/** One call under enforcement. */
export class ChaosCall implements Watcher, Delayed {
  previous: Link | undefined = undefined;
  next: Link | undefined = undefined;
  readonly experiment: Experiment;
  readonly inner: Handler;
  readonly operation: Operation;
  readonly context: Context;
  readonly sink: Sink;
  private readonly injections: readonly Injection[];
  private index = 0;
  private timer: Timer | undefined = undefined;
  private runInContext: RunInAsyncContext | undefined = undefined;

  constructor(experiment: Experiment, { inner, operation, context, sink }: Arrival) {
    this.experiment = experiment;
    this.inner = inner;
    this.operation = operation;
    this.context = context;
    this.sink = sink;
    this.injections = experiment.limits.injections;
    experiment.calls++;
  }

  get leavesAt(): number {
    return Infinity;
  }

  get isWaitedFor(): boolean {
    return true;
  }

  /** Goes on with the next injection; with the operation, when none is left or chaos was switched off meanwhile. */
  proceed(now: number): void {
    const { experiment, injections, context } = this;
    while (this.index < injections.length && experiment.limits.enforcement === 'enforce') {
      const injection = injections[this.index++] as Injection;
      if (!experiment.hits(injection, context)) continue;
      const run = experiment.claim(injection, 'enforce', now);
      if (run !== undefined && this.inject(injection, run, now)) return; // it settles the call, or goes on later
    }
    this.inner(this.operation, context, this.sink, now);
  }

  onEnd(cause: unknown): void {
    this.leave();
    this.sink.reject(cause, UNREAD); // (2), (3)
  }

  /** Ends the delay before its time. The turn may be another call's, so the call goes on in its own async context. */
  letGo(): void {
    const scope = scopeOf(this.context);
    if (scope.ended) return; // we are told, or were
    scope.unwatch(this);
    this.leave();
    const { runInContext } = this;
    if (runInContext === undefined) this.proceed(UNREAD);
    else runInContext(() => this.proceed(UNREAD));
  }

  /** Goes on after a behaviour, unless the context ended meanwhile. `failure` is what it threw. */
  resume(now: number, failure?: { readonly error: unknown }): void {
    const scope = scopeOf(this.context);
    if (scope.ended) {
      this.sink.reject(scope.cause, now); // (2), (3)
      return;
    }
    if (failure !== undefined) reportHookError('run', failure.error, this.experiment.basis.name); // (4)
    this.proceed(now);
  }

  /** Returns whether the injection has taken the call over. */
  private inject(injection: Injection, run: number, now: number): boolean {
    switch (injection.kind) {
      case 'fault':
        return this.fail(injection, now);
      case 'outcome':
        return this.answer(injection, run, now);
      case 'latency':
        return this.delay(injection, run);
      case 'behaviour':
        this.tell(injection);
        invoke(injection.run, this.context, new BehaviourRun(this), now);
        return true;
    }
  }

  private fail(injection: Injection, now: number): boolean {
    const { makeError } = injection;
    const { name } = this.experiment.basis;
    let error: unknown;
    try {
      error = makeError === undefined ? new ChaosError(name) : makeError(this.context);
    } catch (thrown) {
      reportHookError('makeError', thrown, name); // (4)
      error = new ChaosError(name);
    }
    this.tell(injection);
    this.sink.reject(error, now); // (1), (3)
    return true;
  }

  private answer(injection: Injection, run: number, now: number): boolean {
    let value: unknown;
    try {
      value = injection.makeValue(this.context);
      if (value instanceof Promise) {
        ignoreRejection(value);
        throw new TypeError('an outcome must be given or made synchronously, got a promise');
      }
    } catch (thrown) {
      reportHookError('makeValue', thrown, this.experiment.basis.name); // (4)
      this.experiment.giveBack(injection, run);
      return false;
    }
    this.tell(injection);
    this.sink.resolve(value, now); // (1)
    return true;
  }

  private delay(injection: Injection, run: number): boolean {
    const delayMs = this.delayMs(injection);
    if (delayMs === undefined) {
      this.experiment.giveBack(injection, run);
      return false;
    }
    const { basis } = this.experiment;
    this.runInContext = captureWith(basis.captureAsyncContext, basis.name);
    this.tell(injection);
    const scope = scopeOf(this.context);
    if (!scope.watch(this)) {
      this.sink.reject(scope.cause, UNREAD); // (2), (3)
      return true;
    }
    if (!this.experiment.isUnderWay(run)) {
      scope.unwatch(this); // a hook has ended the run, which lets go of delayed calls; we go on as they do
      return false;
    }
    this.hold(delayMs);
    return true;
  }

  /** From here on no function of a user is called, so that nobody lets the call go before it is held. */
  private hold(delayMs: number): void {
    const { delayed, basis } = this.experiment;
    delayed.add(this);
    this.timer = basis.clock.setTimer(() => this.endDelay(), delayMs);
  }

  /** The turn is one of the call's own: its timer was set during the call. */
  private endDelay(): void {
    const scope = scopeOf(this.context);
    if (scope.ended) return; // we are told, or were
    scope.unwatch(this);
    this.leave();
    this.proceed(UNREAD);
  }

  private leave(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.experiment.delayed.delete(this);
  }

  private delayMs({ latencyMs }: Injection): number | undefined {
    const { experiment, context } = this;
    if (typeof latencyMs === 'number') return latencyMs;
    if (typeof latencyMs !== 'function') {
      const drawn = experiment.draw();
      return drawn === undefined ? undefined : latencyMs[0] + drawn * (latencyMs[1] - latencyMs[0]);
    }
    try {
      const delayMs: unknown = latencyMs(context);
      if (isLatency(delayMs)) return delayMs;
      ignoreRejection(delayMs);
      throw new RangeError(`latencyMs must return a number from 0 to 3600000, got ${String(delayMs)}`);
    } catch (thrown) {
      reportHookError('latencyMs', thrown, experiment.basis.name); // (4)
      return undefined;
    }
  }

  private tell({ kind }: Injection): void {
    this.experiment.tellInjected(kind, 'enforce');
  }
}

// --- internal ---

nameErrorClass(ChaosError, 'ChaosError');

/** Receives the outcome of a behaviour. */
class BehaviourRun implements Sink {
  readonly call: ChaosCall;

  constructor(call: ChaosCall) {
    this.call = call;
  }

  resolve(_value: unknown, now: number): void {
    this.call.resume(now);
  }

  reject(error: unknown, now: number): void {
    this.call.resume(now, { error });
  }

  refuse(_cause: unknown, now: number): void {
    this.call.resume(now); // the context has ended
  }
}
