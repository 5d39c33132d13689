/**
 * Shared limiter: what all calls through one rate limiter of a fleet share in this process: the supply of tokens, those that
 * wait, and the counts.
 *
 * Invariants
 *  (1) What waits is never passed: not by calls that arrive, not by what is taken by hand.
 *  (2) A call waits for `maxWaitMs` at most, and not at all where it would have to wait for longer, or beyond its deadline.
 *  (3) There is a timer only while calls wait or tokens are in hand, and then one; it keeps the process alive only for calls.
 *  (4) Whatever becomes of the store, every call that waits is started or refused.
 *  (5) A change of mode is told until `close` is called, and not from then on: who closes it knows.
 *
 * @module
 */

import {
  type CaptureAsyncContext,
  type Clock,
  type Context,
  type Events,
  RateLimitedError,
  type RateLimiterGrant,
  type RateLimiterSnapshot,
  type Timer,
  reportHookError,
} from '@holdfast/core';

import { StoreUnavailableError } from '../lua-script.ts';
import type { LinkHealth } from '../script-link.ts';
import { tellDisagreement, tellMode, tellRejected } from './limiter-events.ts';
import type { Limits } from './limits.ts';
import { type SupplyMode, type SupplyParts, TokenSupply } from './token-supply.ts';
import { type Arrival, type WaitingCall, WaitingLine } from './waiting-line.ts';

/** A rate limiter of a fleet at one instant, as this process sees it. `available` is what is in hand here. */
export interface SharedRateLimiterSnapshot extends Omit<RateLimiterSnapshot, 'backlogMs'> {
  /** Where tokens come from: see `docs/packages/redis-rate-limiter.md`. */
  readonly mode: SupplyMode;
  /** Nodes that take from the rate, as last known. */
  readonly nodes: number;
  /** Times that the store was found to go by another rate than this node, since it was created. */
  readonly disagreements: number;
  readonly maxWaitMs: number;
  readonly store: LinkHealth;
}

/** What a limiter is made of. */
export interface LimiterParts {
  readonly name: string;
  readonly clock: Clock;
  readonly events: Events | undefined;
  readonly captureAsyncContext: CaptureAsyncContext | undefined;
  readonly limits: Limits;
  readonly supply: Omit<SupplyParts, 'clock' | 'lineCosts' | 'onNews' | 'onDisagreement'>;
}

/** What all calls through one rate limiter share in this process. */
export class SharedLimiter {
  limits: Limits;
  private readonly parts: LimiterParts;
  private readonly supply: TokenSupply;
  private readonly line: WaitingLine;
  private readonly unhookReady: () => void;
  private readonly counts = { admitted: 0, rejected: 0, observed: 0, disagreements: 0 };
  private timer: Timer | undefined;
  private timerAt = Infinity;
  private isDraining = false;
  private isClosed = false;

  constructor(parts: LimiterParts) {
    const { name, clock, captureAsyncContext, limits, supply } = parts;
    this.parts = parts;
    this.limits = limits;
    this.line = new WaitingLine(name, captureAsyncContext);
    const own = {
      clock,
      lineCosts: () => ({ queued: this.line.totalCost, first: this.line.first?.cost ?? 0 }),
      onNews: (before: SupplyMode, error: unknown) => this.hearNews(before, error),
      onDisagreement: () => this.hearDisagreement(),
    };
    this.supply = new TokenSupply({ ...supply, ...own }, limits);
    this.unhookReady = supply.link.onReady(() => this.hearConnection());
  }

  /** What a call under `context` costs. */
  costOf(context: Context): number {
    const { costOf, maxBurst } = this.limits;
    if (costOf === undefined) return 1;
    try {
      const cost: unknown = costOf(context);
      if (Number.isInteger(cost) && (cost as number) >= 1 && (cost as number) <= maxBurst) return cost as number;
      if (cost instanceof Promise) cost.catch(() => {});
      throw new TypeError(
        `costOf must return an integer from 1 to maxBurst, which is ${maxBurst}, got ${String(cost)}`,
      );
    } catch (error) {
      reportHookError('costOf', error, this.parts.name);
      return 1;
    }
  }

  /** Whether a call may start now. */
  lets(cost: number, now: number): boolean {
    this.supply.noteDemand(cost);
    if (this.line.length > 0 || !this.supply.draw(cost, now)) return false; // (1)
    this.counts.admitted++;
    this.supply.topUp(now);
    this.schedule(now);
    return true;
  }

  queueOrRefuse(arrival: Arrival, cost: number, now: number): void {
    const { context, sink } = arrival;
    const { maxQueued, maxWaitMs } = this.limits;
    const delayMs = this.delayMs(cost, now);
    const mayWaitMs = Math.min(maxWaitMs, context.remainingMs());
    if (context.cancelled) {
      sink.refuse(context.cause, now);
    } else if (this.line.length >= maxQueued || delayMs >= mayWaitMs || this.supply.isDry) {
      this.supply.refill(now, cost);
      sink.refuse(this.reject(delayMs), now); // (2)
    } else {
      this.line.join(arrival, cost, now + maxWaitMs);
      this.supply.refill(now);
    }
    this.schedule(now);
  }

  /** Takes note of a call that runs and would have been refused. */
  observe(context: Context, cost: number, now: number): void {
    const delayMs = this.delayMs(cost, now);
    this.supply.refill(now, cost);
    this.schedule(now);
    if (delayMs < Math.min(this.limits.maxWaitMs, context.remainingMs())) {
      this.counts.admitted++;
      return;
    }
    this.counts.observed++;
    tellRejected(this.parts, 'observe', delayMs);
  }

  /** Takes `cost` by hand, or says when that will do. */
  acquire(cost: number): RateLimiterGrant {
    const now = this.parts.clock.now();
    if (this.limits.enforcement === 'off' || this.lets(cost, now)) return granted;
    const retryAfterMs = this.delayMs(cost, now);
    this.supply.refill(now, cost);
    this.schedule(now);
    if (this.limits.enforcement === 'observe') return granted;
    this.reject(retryAfterMs);
    return { isGranted: false, retryAfterMs: Math.max(1, retryAfterMs) };
  }

  apply(limits: Limits): void {
    this.limits = limits;
    this.supply.changeLimits(limits);
    this.look();
  }

  snapshot(): SharedRateLimiterSnapshot {
    const { maxPerInterval, intervalMs, maxBurst, maxQueued, maxWaitMs, enforcement } = this.limits;
    const { mode, nodes } = this.supply;
    const limits = { maxPerInterval, intervalMs, maxBurst, maxQueued, maxWaitMs, enforcement };
    const available = this.line.length > 0 ? 0 : this.supply.countAt(this.parts.clock.now());
    const store = this.parts.supply.link.health();
    return { available, queued: this.line.length, ...this.counts, ...limits, mode, nodes, store };
  }

  /** Gives back what is in hand, and the connection. From then on the node goes by what it has alone. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.unhookReady();
    await this.supply.giveBack();
    this.parts.supply.link.close();
    this.look();
  }

  // --- internal ---

  private delayMs(cost: number, now: number): number {
    return this.supply.delayMs(this.line.totalCost + cost, now);
  }

  private reject(delayMs: number): RateLimitedError | StoreUnavailableError {
    this.counts.rejected++;
    const { name } = this.parts;
    const retryAfterMs = Math.max(1, delayMs);
    tellRejected(this.parts, 'enforce', retryAfterMs);
    if (this.supply.isDry)
      return new StoreUnavailableError(`${name} cannot ask the store`, { policy: name, retryAfterMs });
    return new RateLimitedError(name, retryAfterMs, this.limits);
  }

  /** Starts those who wait as far as there are tokens, and refuses those who have waited for too long. */
  private drain(now: number): void {
    if (this.isDraining) return;
    this.isDraining = true;
    try {
      for (let next = this.line.first; next !== undefined && this.serve(next, now);) next = this.line.first;
    } finally {
      this.isDraining = false; // whatever a layer further in does
    }
  }

  /** Starts or refuses the first in line. Returns whether it has left. */
  private serve(call: WaitingCall, now: number): boolean {
    const { enforcement } = this.limits;
    const { inner, operation, context, sink } = call.arrival;
    if (this.line.dropEnded(call)) return true;
    const isLet = enforcement !== 'enforce' || this.supply.draw(call.cost, now);
    if (!isLet && now < call.leavesAt && !this.supply.isDry) return false;
    this.line.takeOut(call);
    if (isLet) {
      this.counts.admitted++;
      inner(operation, context, sink, now);
    } else {
      sink.refuse(this.reject(this.delayMs(call.cost, now)), now); // (2)
    }
    return true;
  }

  private hearNews(before: SupplyMode, error: unknown): void {
    const { mode } = this.supply;
    if (mode !== before && !this.isClosed) tellMode(this.parts, { before, mode, error }); // (5)
    this.look();
  }

  private hearDisagreement(): void {
    this.counts.disagreements++;
    tellDisagreement(this.parts, this.limits);
  }

  private hearConnection(): void {
    const now = this.parts.clock.now();
    this.supply.hasConnection(now);
    if (this.line.length > 0) this.look();
  }

  private look(): void {
    if (this.isDraining) return;
    const now = this.parts.clock.now();
    this.drain(now);
    this.supply.topUp(now);
    this.supply.look(this.line.length > 0, now);
    this.schedule(now);
  }

  /** Sets the timer for what is due next, unless one is set that fires no later: it looks again then. */
  private schedule(now: number): void {
    const { first } = this.line;
    const dueAt = this.dueAt(first, now);
    if (this.timer !== undefined && this.timerAt <= dueAt) {
      if (first !== undefined) this.timer.ref();
      return;
    }
    this.timer?.cancel();
    this.timer = undefined;
    if (dueAt === Infinity) return; // (3)
    this.timerAt = dueAt;
    this.timer = this.parts.clock.setTimer(() => this.wake(), dueAt - now);
    if (first === undefined) this.timer.unref(); // (3)
  }

  private dueAt(first: WaitingCall | undefined, now: number): number {
    const dueAt = this.supply.dueAt(first !== undefined, now);
    if (first === undefined) return dueAt;
    const localAt = this.supply.mode === 'alone' ? now + this.supply.delayMs(first.cost, now) : Infinity;
    return Math.min(dueAt, first.leavesAt, localAt);
  }

  private wake(): void {
    this.timer = undefined;
    this.timerAt = Infinity;
    this.look();
  }
}

// --- internal ---

const granted: RateLimiterGrant = Object.freeze({ isGranted: true, retryAfterMs: 0 });
