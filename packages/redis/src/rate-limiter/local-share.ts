/**
 * Local share: the part of the rate that one node of the fleet goes by while the store does not answer.
 *
 * It starts with one token and no burst, since the fleet may just have used up what there was.
 *
 * Invariants
 *  (1) It lets through at most its share of a burst, plus its share of the rate over time.
 *  (2) What it let through is told once, so that it can be charged to the fleet.
 *
 * @module
 */

import { type Clock, type RateLimiter, rateLimiter } from '@holdfast/core';

import type { Limits } from './limits.ts';

const MAX_INTERVAL_MS = 86_400_000;

/** One node's share of a rate. */
export class LocalShare {
  private readonly limiter: RateLimiter;
  private admitted = 0;

  /** A share of one in `nodes`. */
  constructor(limits: Limits, nodes: number, clock: Clock) {
    const share = shareOf(limits, nodes);
    const initialBacklogMs = (share.maxBurst - 1) * (share.intervalMs / share.maxPerInterval);
    this.limiter = rateLimiter({ name: 'local share', ...share, initialBacklogMs, clock });
  }

  change(limits: Limits, nodes: number): void {
    this.limiter.update(shareOf(limits, nodes)); // (1)
  }

  take(cost: number): boolean {
    const { isGranted } = this.limiter.tryAcquire(cost);
    if (isGranted) this.admitted += cost;
    return isGranted;
  }

  /** Time until `cost` tokens are there, if nobody takes any meanwhile. Milliseconds. */
  delayMs(cost: number): number {
    const { backlogMs, maxBurst, intervalMs, maxPerInterval } = this.limiter.snapshot();
    const emissionMs = intervalMs / maxPerInterval;
    const ahead = Math.max(0, cost - maxBurst) * emissionMs;
    return Math.max(0, backlogMs + ahead + (Math.min(cost, maxBurst) - maxBurst) * emissionMs);
  }

  /** What was let through and is not worked off yet: the fleet is still to be charged for it. */
  get debt(): number {
    const { backlogMs, intervalMs, maxPerInterval } = this.limiter.snapshot();
    return Math.min(this.admitted, Math.round(backlogMs / (intervalMs / maxPerInterval)));
  }
}

// --- internal ---

function shareOf({ maxPerInterval, intervalMs, maxBurst }: Limits, nodes: number) {
  const share = { maxBurst: Math.max(1, Math.floor(maxBurst / nodes)) };
  if (intervalMs * nodes <= MAX_INTERVAL_MS) return { ...share, maxPerInterval, intervalMs: intervalMs * nodes };
  return { ...share, maxPerInterval: Math.max(1, Math.floor(maxPerInterval / nodes)), intervalMs };
}
