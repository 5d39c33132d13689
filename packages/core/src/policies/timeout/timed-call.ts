/**
 * Timed call: one call under a timeout, and what the calls under one timeout share.
 *
 * @module
 */

import { CancelScope } from '../../kernel/cancel-scope.ts';
import type { Timekeeper } from '../../kernel/watcher.ts';
import { DeadlineExceededError } from '../../kernel/cancellation.ts';
import type { Clock } from '../../kernel/clock.ts';
import { type Context, type ScopeSource, deriveContext, deriveLazily } from '../../kernel/context.ts';
import type { Enforcement } from '../../kernel/description.ts';
import type { Events } from '../../kernel/events.ts';
import type { Sink } from '../../kernel/handler.ts';
import { type LateRuns, countLateRuns } from '../../kernel/late-runs.ts';
import type { Link } from '../../kernel/linked-list.ts';
import { DeadlineQueue, type Expiring } from './deadline-queue.ts';

/** The time that a `timeout` policy gives passed. The operation may still be running. Its `name` is `TimeoutError`. */
export class TimeoutError extends DeadlineExceededError {
  override readonly code = 'TIMEOUT';
  /** The time that was given. Milliseconds. */
  readonly timeoutMs: number;

  constructor(policy: string, timeoutMs: number) {
    super(`${policy} gave up after ${timeoutMs} ms`, { policy });
    this.timeoutMs = timeoutMs;
  }
}

/** A call took longer than its time. */
export interface TimeoutExpiredEvent {
  readonly type: 'timeout.expired';
  readonly policy: 'timeout';
  readonly name: string;
  /** `observe` where the call went on nevertheless. */
  readonly enforcement: 'enforce' | 'observe';
  readonly timeoutMs: number;
}

/** An operation settled after its call had been ended. What it came to was dropped. */
export interface TimeoutSettledLateEvent {
  readonly type: 'timeout.settled-late';
  readonly policy: 'timeout';
  readonly name: string;
  readonly status: 'fulfilled' | 'rejected';
  /** Time since the deadline. Milliseconds. */
  readonly lateMs: number;
}

/** A timeout at one instant. All counts but `late` are since it was created. */
export interface TimeoutSnapshot {
  readonly timeoutMs: number;
  readonly enforcement: Enforcement;
  /** Calls that it ended or, with `timeoutMs` 0, refused. */
  readonly timedOut: number;
  /** Calls that took longer than `timeoutMs` under `observe`. */
  readonly observed: number;
  /** Runs of operations that go on although it ended their calls. */
  readonly late: number;
  /** Runs that settled after it had ended their calls, otherwise than with its error. */
  readonly settledLate: number;
}

/** What a {@link Tally} takes from outside. */
export interface TimeoutPorts {
  readonly name: string;
  readonly clock: Clock;
  readonly events: Events;
}

/** What all calls through one timeout share, whatever its options become. */
export class Tally {
  readonly name: string;
  readonly clock: Clock;
  private readonly events: Events;
  private timedOut = 0;
  private observed = 0;
  private late = 0;
  private settledLate = 0;

  constructor({ name, clock, events }: TimeoutPorts) {
    this.name = name;
    this.clock = clock;
    this.events = events;
  }

  expire(enforcement: 'enforce' | 'observe', timeoutMs: number): void {
    if (enforcement === 'enforce') this.timedOut++;
    else this.observed++;
    const { events, name } = this;
    if (!events.active) return;
    const event: TimeoutExpiredEvent = { type: 'timeout.expired', policy: 'timeout', name, enforcement, timeoutMs };
    events.emit(event);
  }

  beginLate(): void {
    this.late++;
  }

  /** `status` is undefined where the run ended with the cause of its context: it heeded it, and was not late. */
  endLate(status: 'fulfilled' | 'rejected' | undefined, expiredAt: number): void {
    this.late--;
    if (status === undefined) return;
    this.settledLate++;
    const { events, name, clock } = this;
    if (!events.active) return;
    const lateMs = clock.now() - expiredAt;
    const event: TimeoutSettledLateEvent = { type: 'timeout.settled-late', policy: 'timeout', name, status, lateMs };
    events.emit(event);
  }

  snapshot({ timeoutMs, enforcement }: Rule): TimeoutSnapshot {
    const { timedOut, observed, late, settledLate } = this;
    return { timeoutMs, enforcement, timedOut, observed, late, settledLate };
  }
}

/** What may change. */
export interface TimeoutLimits {
  readonly timeoutMs: number;
  readonly enforcement: Enforcement;
}

/** Options in force, and the deadlines of the calls that started under them. */
export class Rule {
  readonly tally: Tally;
  readonly name: string;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly enforcement: Enforcement;
  readonly isIdle: boolean;
  /** Whether a call whose context never ends gets its deadline without further questions. */
  readonly isPlain: boolean;
  readonly queue: DeadlineQueue;

  constructor(tally: Tally, { timeoutMs, enforcement }: TimeoutLimits, queue?: DeadlineQueue) {
    this.tally = tally;
    this.name = tally.name;
    this.clock = tally.clock;
    this.timeoutMs = timeoutMs;
    this.enforcement = enforcement;
    this.isIdle = enforcement === 'off' || timeoutMs === Infinity;
    this.isPlain = enforcement === 'enforce' && timeoutMs > 0 && timeoutMs < Infinity;
    this.queue = queue ?? new DeadlineQueue(tally.clock, timeoutMs);
  }

  /** The rule of the calls that start from now on. Those of the same time stay in one queue; else this one is left behind. */
  followedBy(limits: TimeoutLimits): Rule {
    if (limits.timeoutMs === this.timeoutMs) return new Rule(this.tally, limits, this.queue);
    this.queue.retire();
    return new Rule(this.tally, limits);
  }
}

/** Whether `scope` ends by itself no later than `timeoutMs` after `now`, an instant of the rule's clock. */
export function endsBy(scope: CancelScope, now: number, { timeoutMs, clock }: Rule): boolean {
  if (scope.deadline === Infinity) return false;
  return scope.clock === clock ? scope.deadline <= now + timeoutMs : scope.deadline <= scope.clock.now() + timeoutMs;
}

/** One call: a member of the queue, the sink of what is inside, and the source of its context's scope. */
export class TimeoutCall implements Sink, Expiring, ScopeSource, Timekeeper, LateRuns {
  previous: Link | undefined = undefined;
  next: Link | undefined = undefined;
  readonly rule: Rule;
  readonly parent: CancelScope;
  readonly sink: Sink;
  expiresAt: number | undefined = undefined;
  settled = false;
  scope: CancelScope | undefined = undefined;
  /** Whether the call was settled although what is inside had not reported. */
  runsLate = false;

  constructor(rule: Rule, parent: CancelScope, sink: Sink) {
    this.rule = rule;
    this.parent = parent;
    this.sink = sink;
  }

  /** Under a parent that never ends, only we can end the context, so its scope is made only if somebody asks for it. */
  derive(context: Context): Context {
    return this.parent.isEndless ? deriveLazily(context, this) : deriveContext(context, this.makeScope());
  }

  makeScope(): CancelScope {
    if (this.scope === undefined) {
      const { clock, queue } = this.rule;
      this.scope = new CancelScope(this.parent, clock, queue.deadlineOf(this), this);
      if (this.settled) this.scope.release();
    }
    return this.scope;
  }

  expiryCause(): unknown {
    const cause = new TimeoutError(this.rule.name, this.rule.timeoutMs);
    countLateRuns(cause, this); // (5)
    return cause;
  }

  resolve(value: unknown, now: number): void {
    if (this.settled) {
      this.report('fulfilled', value);
      return;
    }
    this.settle();
    this.sink.resolve(value, now);
  }

  reject(error: unknown, now: number): void {
    if (this.settled) {
      this.report('rejected', error);
      return;
    }
    this.settle();
    this.sink.reject(error, now);
  }

  refuse(error: unknown, now: number): void {
    if (this.settled) {
      this.report('rejected', error);
      return;
    }
    this.settle();
    this.sink.refuse(error, now);
  }

  expire(now: number): void {
    const { rule } = this;
    rule.tally.expire('enforce', rule.timeoutMs);
    const scope = this.makeScope();
    scope.expire(); // the layers inside report to us
    if (this.settled) return;
    this.runsLate = true;
    this.begin();
    this.reject(scope.cause, now); // (4)
  }

  begin(): void {
    this.rule.tally.beginLate();
  }

  end(status: 'fulfilled' | 'rejected', outcome: unknown): void {
    const hasHeeded = outcome === this.scope?.cause;
    this.rule.tally.endLate(hasHeeded ? undefined : status, this.expiresAt as number);
  }

  /** Takes the report of what is inside when the call has settled already. */
  private report(status: 'fulfilled' | 'rejected', outcome: unknown): void {
    if (!this.runsLate) return;
    this.runsLate = false;
    this.end(status, outcome);
  }

  private settle(): void {
    this.settled = true;
    this.rule.queue.leave(this);
    this.scope?.release();
  }
}

/** One call under `observe`: a member of the queue that goes on when its time is up. */
export class ObservedCall implements Sink, Expiring {
  previous: Link | undefined = undefined;
  next: Link | undefined = undefined;
  readonly rule: Rule;
  readonly sink: Sink;
  expiresAt: number | undefined = undefined;
  settled = false;

  constructor(rule: Rule, sink: Sink) {
    this.rule = rule;
    this.sink = sink;
  }

  resolve(value: unknown, now: number): void {
    this.settle();
    this.sink.resolve(value, now);
  }

  reject(error: unknown, now: number): void {
    this.settle();
    this.sink.reject(error, now);
  }

  refuse(error: unknown, now: number): void {
    this.settle();
    this.sink.refuse(error, now);
  }

  expire(): void {
    this.rule.tally.expire('observe', this.rule.timeoutMs);
  }

  private settle(): void {
    this.settled = true;
    this.rule.queue.leave(this);
  }
}
