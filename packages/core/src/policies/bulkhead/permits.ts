/**
 * Permits: how many calls of a bulkhead run, which of them wait, and who is next.
 *
 * Invariants
 *  (1) Under `enforce` a call is admitted only while fewer than `maxConcurrent` run, whatever held before.
 *  (2) Each permit is given back exactly once: a call's by its outcome, one held by hand by `release` or its context's end.
 *  (3) A permit that is given back while calls wait is handed on before anything that arrives can take it.
 *
 * Source of the order `adaptive-lifo`: Fail at Scale, B. Maurer, ACM Queue, 2015, https://queue.acm.org/detail.cfm?id=2839461.
 * Deviation: only the order follows the queue; how long a call may wait is `maxWaitMs`, standing or not.
 *
 * @module
 */

import type { CaptureAsyncContext } from '../../kernel/async-context.ts';
import { type Clock, UNREAD } from '../../kernel/clock.ts';
import { type Context, isKnownToHaveEnded, scopeOf } from '../../kernel/context.ts';
import type { Events } from '../../kernel/events.ts';
import type { Arrival, Sink } from '../../kernel/handler.ts';
import { ignoreRejection, reportHookError } from '../../kernel/hooks.ts';
import { type WaitingCall, WaitingCalls, type WhichEnd } from '../../kernel/waiting-calls.ts';
import { type BulkheadPermit, HeldPermit } from './held-permit.ts';
import { type BulkheadLimits, MAX_PRIORITY } from './limits.ts';
import { BulkheadFullError, type BulkheadRefusal, type BulkheadRejectedEvent } from './refusal.ts';
import { type BulkheadSnapshot, Counts } from './snapshot.ts';

/** What a bulkhead is made of: options, checked and completed. */
export interface PermitSettings {
  readonly name: string;
  readonly clock: Clock;
  readonly events: Events;
  readonly captureAsyncContext: CaptureAsyncContext | undefined;
  readonly limits: BulkheadLimits;
}

/** The permits of one bulkhead and the calls that wait for one. Its fields are plain for speed. */
export class Permits {
  limits: BulkheadLimits;
  /** Whether a free permit is all that a call needs. */
  isPlain: boolean;
  readonly counts: Counts = new Counts();
  private readonly settings: PermitSettings;
  private readonly waiting: WaitingCalls;
  private isHandingOn = false;

  constructor(settings: PermitSettings) {
    const { name, clock, captureAsyncContext, limits } = settings;
    this.settings = settings;
    this.limits = limits;
    this.isPlain = isPlain(limits);
    this.waiting = new WaitingCalls({
      name,
      clock,
      captureAsyncContext,
      onTurn: () => this.refuseWaitedOut(),
      onTooLate: (call) => this.refuseWaiting(call, 'would-miss-deadline'),
    });
  }

  /** Takes a permit if one is free and nobody waits for it. */
  take(): boolean {
    if (this.counts.running >= this.limits.maxConcurrent || this.waiting.length > 0) return false; // (1) (3)
    this.counts.admit();
    return true;
  }

  /** Lets a call run, wait or go that cannot just take a permit. */
  arrive(arrival: Arrival, now: number): void {
    const { inner, operation, context, sink } = arrival;
    const { enforcement } = this.limits;
    if (enforcement === 'off') inner(operation, context, sink, now);
    else if (isKnownToHaveEnded(context)) sink.refuse(context.cause, now);
    else if (enforcement === 'observe') {
      this.observe(context);
      inner(operation, context, new BulkheadCall(this, sink), now);
    } else if (this.missesDeadline(context)) this.reject(sink, 'would-miss-deadline', now);
    else {
      const priority = this.priorityOf(context); // may run calls, so it comes first
      if (this.take()) inner(operation, context, new BulkheadCall(this, sink), now);
      else this.queueOrRefuse(arrival, priority, now);
    }
  }

  /** Takes a permit for code that is not one function; undefined where a call would not run at once. */
  hold(context: Context): BulkheadPermit | undefined {
    const scope = scopeOf(context);
    const { enforcement } = this.limits;
    if (scope.ended) return undefined;
    if (enforcement === 'off') return new HeldPermit(undefined, scope);
    if (enforcement === 'observe') this.observe(context);
    else if (this.missesDeadline(context)) return this.count('would-miss-deadline', 'enforce');
    else if (!this.take()) return this.count('queue-full', 'enforce');
    return new HeldPermit(this, scope); // (2)
  }

  /** Takes a permit back and hands it on. */
  release(): void {
    this.counts.running--;
    if (this.waiting.length > 0) this.handOn();
  }

  apply(limits: BulkheadLimits): void {
    this.limits = limits;
    this.isPlain = isPlain(limits);
    this.waiting.sleep();
    this.handOn();
    this.refuseWaitedOut();
  }

  snapshot(): BulkheadSnapshot {
    return this.counts.snapshot(this.waiting.length, this.limits);
  }

  /** Starts those whose turn it is. A loop, since a call may settle, or change the limits, while it starts. */
  private handOn(): void {
    if (this.isHandingOn) return;
    this.isHandingOn = true;
    try {
      while (this.waiting.length > 0 && this.hasRoom()) {
        const next = this.nextInLine();
        if (next === undefined) continue;
        this.counts.admit();
        next.start(new BulkheadCall(this, next.arrival.sink), UNREAD);
      }
    } finally {
      this.isHandingOn = false; // whatever a layer further in does
    }
  }

  private hasRoom(): boolean {
    return this.counts.running < this.limits.maxConcurrent || this.limits.enforcement !== 'enforce'; // (1)
  }

  /** Hands out the next call to start; undefined where it is too late for that one, or nobody is left. */
  private nextInLine(): WaitingCall | undefined {
    const { maxWaitMs, minRunMs, order, enforcement } = this.limits;
    if (maxWaitMs === Infinity && minRunMs === 0 && order === 'fifo') return this.waiting.take('oldest');
    const next = this.waiting.take(this.nextEnd());
    if (next === undefined || enforcement !== 'enforce') return next;
    const hasWaitedOut = next.joinedAt + maxWaitMs <= this.settings.clock.now();
    if (!hasWaitedOut && !this.missesDeadline(next.arrival.context)) return next;
    this.refuseWaiting(next, hasWaitedOut ? 'max-wait' : 'would-miss-deadline');
    return undefined;
  }

  /** Which end of the queue starts first. */
  private nextEnd(): WhichEnd {
    const { order, standingAfterMs } = this.limits;
    if (order === 'fifo') return 'oldest';
    return this.settings.clock.now() - this.waiting.emptyUntil > standingAfterMs ? 'newest' : 'oldest';
  }

  private queueOrRefuse(arrival: Arrival, priority: number, now: number): void {
    const { waiting, limits } = this;
    const isFull = waiting.length >= limits.maxQueued;
    if (isFull && !waiting.hasBelow(priority)) return this.reject(arrival.sink, 'queue-full', now);
    const joinedAt = this.settings.clock.now();
    const call = waiting.join(arrival, { joinedAt, level: priority, cost: 1, minRunMs: limits.minRunMs });
    if (call === undefined) return arrival.sink.refuse(arrival.context.cause, now); // and nobody had to make room for it
    const evicted = waiting.length > limits.maxQueued ? this.takeExcess(call, priority) : undefined;
    this.counts.queue(waiting.length);
    if (limits.maxWaitMs !== Infinity) waiting.wakeAfter(limits.maxWaitMs);
    if (evicted !== undefined) this.refuseWaiting(evicted, evicted === call ? 'queue-full' : 'evicted');
    if (this.hasRoom()) this.handOn(); // what was called while it joined gave a permit back
  }

  /** Takes out the call that has to leave so that `call` can stay: one of a lower priority, or else itself. */
  private takeExcess(call: WaitingCall, priority: number): WaitingCall | undefined {
    const { waiting, limits } = this;
    const victim = waiting.takeBelow(priority, this.nextEnd() === 'oldest' ? 'newest' : 'oldest');
    if (victim !== undefined || waiting.length <= limits.maxQueued) return victim;
    return waiting.takeOut(call) ? call : undefined; // its signal called us while it joined, and others took the places
  }

  /** Refuses those that have waited for `maxWaitMs`, and comes back for the next. */
  private refuseWaitedOut(): void {
    const { waiting } = this;
    if (this.limits.enforcement !== 'enforce') return;
    for (let oldest = waiting.oldest(); oldest !== undefined; oldest = waiting.oldest()) {
      const waitsUntil = oldest.joinedAt + this.limits.maxWaitMs;
      const now = this.settings.clock.now();
      if (waitsUntil > now) return waitsUntil === Infinity ? undefined : waiting.wakeAfter(waitsUntil - now);
      if (waiting.takeOut(oldest)) this.refuseWaiting(oldest, 'max-wait');
    }
  }

  private refuseWaiting(call: WaitingCall, reason: BulkheadRefusal): void {
    call.runInContext(() => this.reject(call.arrival.sink, reason, UNREAD));
  }

  private reject(sink: Sink, reason: BulkheadRefusal, now: number): void {
    this.count(reason, 'enforce');
    sink.refuse(new BulkheadFullError(this.settings.name, reason, this.limits), now);
  }

  /** Takes a permit whether or not there is one, and notes whether the call would have been refused. */
  private observe(context: Context): void {
    const { maxConcurrent, maxQueued } = this.limits;
    if (this.missesDeadline(context)) this.count('would-miss-deadline', 'observe');
    else if (this.counts.running >= maxConcurrent + maxQueued) this.count('queue-full', 'observe');
    this.counts.admit();
  }

  private missesDeadline(context: Context): boolean {
    const { minRunMs } = this.limits;
    return minRunMs > 0 && context.remainingMs() < minRunMs;
  }

  private priorityOf(context: Context): number {
    const { priorityOf } = this.limits;
    if (priorityOf === undefined) return 0;
    try {
      const priority = priorityOf(context);
      if (Number.isInteger(priority) && priority >= 0 && priority <= MAX_PRIORITY) return priority;
      ignoreRejection(priority);
      throw new TypeError(`priorityOf must return an integer from 0 to ${MAX_PRIORITY}, got ${String(priority)}`);
    } catch (error) {
      reportHookError('priorityOf', error, this.settings.name);
      return 0;
    }
  }

  private count(reason: BulkheadRefusal, enforcement: 'enforce' | 'observe'): undefined {
    if (enforcement === 'observe') this.counts.observed++;
    else this.counts.reject(reason);
    const { name, events } = this.settings;
    if (!events.active) return;
    const event: BulkheadRejectedEvent = { type: 'bulkhead.rejected', policy: 'bulkhead', name, reason, enforcement };
    events.emit(event);
  }
}

/** A call that holds a permit: the sink of its run. */
export class BulkheadCall implements Sink {
  readonly permits: Permits;
  readonly sink: Sink;

  constructor(permits: Permits, sink: Sink) {
    this.permits = permits;
    this.sink = sink;
  }

  resolve(value: unknown, now: number): void {
    this.permits.release(); // (2)
    this.sink.resolve(value, now);
  }

  reject(error: unknown, now: number): void {
    this.permits.release(); // (2)
    this.sink.reject(error, now);
  }

  refuse(error: unknown, now: number): void {
    this.permits.release(); // (2)
    this.sink.refuse(error, now);
  }
}

// --- internal ---

function isPlain({ enforcement, minRunMs }: BulkheadLimits): boolean {
  return enforcement === 'enforce' && minRunMs === 0;
}
