/**
 * Limiter: what all calls through one rate limiter share: the pace, those that wait, and the counts.
 *
 * What waits is never passed: not by calls that arrive, not by what is taken by hand.
 *
 * @module
 */

import type { CaptureAsyncContext } from '../../kernel/async-context.ts';
import type { Clock } from '../../kernel/clock.ts';
import { type Context, background, isKnownToHaveEnded } from '../../kernel/context.ts';
import type { Enforcement } from '../../kernel/description.ts';
import type { Events } from '../../kernel/events.ts';
import type { Arrival } from '../../kernel/handler.ts';
import { ignoreRejection, reportHookError } from '../../kernel/hooks.ts';
import { WaitingCalls } from '../../kernel/waiting-calls.ts';
import { type Limits, MAX_COST } from './limits.ts';
import { Pace } from './pace.ts';
import { RateLimitedError, type RateLimiterRejectedEvent } from './refusal.ts';

/** A rate limiter at one instant. */
export interface RateLimiterSnapshot {
  /** Calls that cost 1 and would start at once if they came now. */
  readonly available: number;
  /** Calls that wait. */
  readonly queued: number;
  /** Calls started since it was created, and what was taken by hand; not under `off`. */
  readonly admitted: number;
  /** Calls refused since it was created. */
  readonly rejected: number;
  /** Calls that ran under `observe` and would have been refused, since it was created. */
  readonly observed: number;
  /** Time until the whole burst is there again. Milliseconds; 0 when it is. The whole state: see `initialBacklogMs`. */
  readonly backlogMs: number;
  readonly maxPerInterval: number;
  readonly intervalMs: number;
  readonly maxBurst: number;
  readonly maxQueued: number;
  readonly enforcement: Enforcement;
}

/** The answer to {@link RateLimiter.tryAcquire}. */
export interface RateLimiterGrant {
  /** Whether what was asked for may start now; then it has been counted. */
  readonly isGranted: boolean;
  /** Time until it would be granted, if nobody comes meanwhile. Milliseconds; 0 where it is granted. */
  readonly retryAfterMs: number;
}

/** What a rate limiter is made of: options, checked and completed. */
export interface LimiterSettings {
  readonly name: string;
  readonly clock: Clock;
  readonly events: Events;
  readonly captureAsyncContext: CaptureAsyncContext | undefined;
  readonly limits: Limits;
  readonly initialBacklogMs: number;
}

/** What all calls through one rate limiter share. Its fields are plain for speed. */
export class Limiter {
  readonly pace: Pace;
  private readonly settings: LimiterSettings;
  private readonly line: WaitingCalls;
  private admitted = 0;
  private rejected = 0;
  private observed = 0;
  private draining = false;

  constructor(settings: LimiterSettings) {
    const { name, clock, captureAsyncContext, limits, initialBacklogMs } = settings;
    this.settings = settings;
    this.pace = new Pace(limits, initialBacklogMs, initialBacklogMs > 0 ? clock.now() : 0);
    this.line = new WaitingCalls({
      name,
      clock,
      captureAsyncContext,
      onTurn: () => this.drain(),
      onLeft: () => this.wakeForNext(),
    });
  }

  /** What a call under `context` costs. */
  costOf(context: Context): number {
    const { costOf } = this.pace.limits;
    if (costOf === undefined) return 1;
    try {
      const cost = costOf(context);
      if (Number.isInteger(cost) && cost >= 1 && cost <= MAX_COST) return cost;
      ignoreRejection(cost);
      throw new TypeError(`costOf must return an integer from 1 to ${MAX_COST}, got ${String(cost)}`);
    } catch (error) {
      reportHookError('costOf', error, this.settings.name);
      return 1;
    }
  }

  /** Whether a call may start now. */
  lets(context: Context, cost: number, now: number): boolean {
    const { enforcement } = this.pace.limits;
    if (enforcement === 'off' || isKnownToHaveEnded(context)) return true; // ended: it is refused further in
    if (enforcement === 'observe') this.observe(context, cost, now);
    else if (this.line.length > 0 || !this.pace.take(cost, now)) return false;
    this.admitted++;
    return true;
  }

  queueOrRefuse(arrival: Arrival, cost: number, now: number): void {
    const { context, sink } = arrival;
    if (context.cancelled) {
      sink.refuse(context.cause, now);
      return;
    }
    const { line } = this;
    const delayMs = this.pace.delayMs(cost, line.totalCost, now);
    if (line.length >= this.pace.limits.maxQueued || delayMs >= context.remainingMs()) {
      this.reject(delayMs);
      sink.refuse(new RateLimitedError(this.settings.name, delayMs, this.pace.limits), now);
    } else if (line.join(arrival, { joinedAt: now, level: 0, cost, minRunMs: 0 }) !== undefined) {
      this.wake(now);
    } else {
      sink.refuse(context.cause, now);
    }
  }

  /** Takes `cost` by hand, or says when that will do. */
  acquire(cost: number): RateLimiterGrant {
    if (this.pace.limits.enforcement === 'off') return granted;
    const now = this.settings.clock.now();
    if (this.lets(background, cost, now)) return granted;
    const retryAfterMs = this.pace.delayMs(cost, this.line.totalCost, now);
    this.reject(retryAfterMs);
    return { isGranted: false, retryAfterMs };
  }

  apply(limits: Limits): void {
    this.pace.change(limits, this.settings.clock.now());
    this.line.sleep();
    this.drain();
  }

  snapshot(): RateLimiterSnapshot {
    const { maxPerInterval, intervalMs, maxBurst, maxQueued, enforcement } = this.pace.limits;
    const now = this.settings.clock.now();
    const queued = this.line.length;
    return {
      available: queued > 0 ? 0 : this.pace.available(now),
      queued,
      admitted: this.admitted,
      rejected: this.rejected,
      observed: this.observed,
      backlogMs: this.pace.backlogMs(now),
      maxPerInterval,
      intervalMs,
      maxBurst,
      maxQueued,
      enforcement,
    };
  }

  /** Starts the calls whose turn it is. A loop, since a call may settle, or change the limits, while it starts. */
  private drain(): void {
    if (this.draining) return;
    this.draining = true;
    const { line, pace } = this;
    const now = this.settings.clock.now();
    try {
      for (let next = line.oldest(); next !== undefined && pace.allows(next.cost, now); next = line.oldest()) {
        if (!line.takeOut(next)) continue;
        pace.take(next.cost, now);
        if (pace.limits.enforcement !== 'off') this.admitted++;
        next.start(next.arrival.sink, now);
      }
    } finally {
      this.draining = false; // whatever a layer further in does
    }
    if (line.length > 0) this.wake(this.settings.clock.now());
  }

  /** Sets the timer for the first in line. */
  private wake(now: number): void {
    const next = this.line.oldest();
    if (!this.draining && next !== undefined) this.line.wakeAfter(this.pace.delayMs(next.cost, 0, now));
  }

  /** The next in line may cost less than one that left, so that its turn comes earlier. */
  private wakeForNext(): void {
    if (this.draining || this.pace.limits.costOf === undefined) return;
    this.line.sleep();
    this.wake(this.settings.clock.now());
  }

  /** Notes whether a call that runs would have been refused. */
  private observe(context: Context, cost: number, now: number): void {
    const delayMs = this.pace.delayMs(cost, 0, now);
    const hasTime = delayMs === 0 || delayMs < context.remainingMs();
    if (hasTime && this.pace.book(cost, now)) return;
    this.observed++;
    this.tellRejected('observe', delayMs);
  }

  private reject(retryAfterMs: number): void {
    this.rejected++;
    this.tellRejected('enforce', retryAfterMs);
  }

  private tellRejected(enforcement: 'enforce' | 'observe', retryAfterMs: number): void {
    const { name, events } = this.settings;
    if (!events.active) return;
    const event: RateLimiterRejectedEvent = {
      type: 'rate-limiter.rejected',
      policy: 'rate-limiter',
      name,
      enforcement,
      retryAfterMs,
    };
    events.emit(event);
  }
}

// --- internal ---

const granted: RateLimiterGrant = Object.freeze({ isGranted: true, retryAfterMs: 0 });
