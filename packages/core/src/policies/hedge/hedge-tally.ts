/**
 * Hedge tally: what all calls through one hedge share, whatever its options become: the budget and the counters.
 *
 * @module
 */

import type { Enforcement } from '../../kernel/description.ts';
import type { Events } from '../../kernel/events.ts';
import { ShareBudget } from '../../mechanisms/share-budget.ts';

/** Why one more copy starts: the call has no success after the delay, or a copy of it failed. */
export type HedgeReason = 'slow' | 'failure';

/**
 * One more copy starts, because the call has no success yet. Told just before: if a listener ends the call right then, it
 * does not start, and is neither counted in `hedged` nor charged to the budget.
 */
export interface HedgeStartedEvent {
  readonly type: 'hedge.started';
  readonly policy: 'hedge';
  readonly name: string;
  /** `observe` where it would have started. */
  readonly enforcement: 'enforce' | 'observe';
  /** Number of the copy; the first hedge is 2. */
  readonly attempt: number;
  readonly reason: HedgeReason;
}

/** A copy beyond the first won. */
export interface HedgeWonEvent {
  readonly type: 'hedge.won';
  readonly policy: 'hedge';
  readonly name: string;
  /** Number of the copy; the first hedge is 2. */
  readonly attempt: number;
}

/** A hedge policy at one instant. All counts but `runningLosers` are since it was created. */
export interface HedgeSnapshot {
  readonly enforcement: Enforcement;
  /** The delay of a call that starts now. Milliseconds. */
  readonly delayMs: number;
  /** Calls. */
  readonly calls: number;
  /** Copies started beyond the first of each call. */
  readonly hedged: number;
  /** Calls that such a copy won. */
  readonly wonByHedge: number;
  /** Hedges that were due and did not start because the budget was spent. */
  readonly suppressedByBudget: number;
  /** Hedges that would have started, under `observe`. */
  readonly observed: number;
  /** Runs of losers that go on although they were cancelled. */
  readonly runningLosers: number;
  /** Losers that settled after the winner, otherwise than with the error by which they were cancelled. */
  readonly lateLosers: number;
}

/** What is asked of the budget. */
export interface HedgeRequest {
  readonly enforcement: 'enforce' | 'observe';
  /** Number of the copy that is to start. */
  readonly attempt: number;
  readonly reason: HedgeReason;
}

/** Counts, spends the budget, and tells. */
export class HedgeTally {
  readonly name: string;
  readonly budget: ShareBudget;
  private readonly events: Events;
  private calls = 0;
  private hedged = 0;
  private wonByHedge = 0;
  private suppressedByBudget = 0;
  private observed = 0;
  private runningLosers = 0;
  private lateLosers = 0;

  constructor(name: string, events: Events, maxHedgeRatio: number) {
    this.name = name;
    this.events = events;
    this.budget = new ShareBudget(maxHedgeRatio, BURST_COUNT);
  }

  beginCall(): void {
    this.calls++;
    this.budget.earn();
  }

  /** Whether the budget has a hedge left. Takes it, and tells. */
  allows({ enforcement, attempt, reason }: HedgeRequest): boolean {
    if (!this.budget.spend()) {
      this.suppressedByBudget++;
      return false;
    }
    if (enforcement === 'observe') this.observed++;
    const { events, name } = this;
    if (!events.active) return true;
    const event: HedgeStartedEvent = { type: 'hedge.started', policy: 'hedge', name, enforcement, attempt, reason };
    events.emit(event);
    return true;
  }

  /** The hedge that was allowed does not start after all. */
  withdraw(): void {
    this.budget.giveBack();
  }

  beginHedge(): void {
    this.hedged++;
  }

  winByHedge(attempt: number): void {
    this.wonByHedge++;
    const { events, name } = this;
    if (!events.active) return;
    const event: HedgeWonEvent = { type: 'hedge.won', policy: 'hedge', name, attempt };
    events.emit(event);
  }

  beginLoser(): void {
    this.runningLosers++;
  }

  endLoser(hasHeeded: boolean): void {
    this.runningLosers--;
    if (!hasHeeded) this.lateLosers++;
  }

  snapshot(enforcement: Enforcement, delayMs: number): HedgeSnapshot {
    const { calls, hedged, wonByHedge, suppressedByBudget, observed, runningLosers, lateLosers } = this;
    const counts = { calls, hedged, wonByHedge, suppressedByBudget, observed, runningLosers, lateLosers };
    return { enforcement, delayMs, ...counts };
  }
}

// --- internal ---

/** Hedges that may be saved up: enough for a burst of slow calls, and for a service with few calls. */
const BURST_COUNT = 10;
