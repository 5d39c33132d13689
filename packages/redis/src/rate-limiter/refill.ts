/**
 * Refill: how many tokens to ask for, and when to ask again. Pure: time and randomness are given.
 *
 * Invariants
 *  (1) What is asked for and what is in hand together are no more than the node may hold and, beyond that, what those in line
 *      cost, that up to a fair share of a burst, or what the first of them needs, where that is more.
 *  (2) A call in line is asked for: `least` is what it still lacks.
 *
 * @module
 */

/**
 * How much comes per millisecond, on average over the recent past.
 *
 * Source: exponentially weighted moving average: S. W. Roberts, Control Chart Tests Based on Geometric Moving Averages, 1959,
 * https://doi.org/10.1080/00401706.1959.10489860.
 * Deviation: the weight of a look follows from the time since the one before, so that looks need not be regular.
 */
export class Flow {
  /** As of the last look. */
  perMs = 0;
  private count = 0;
  private since: number;
  private readonly memoryMs: number;

  constructor(now: number, memoryMs: number) {
    this.since = now;
    this.memoryMs = memoryMs;
  }

  note(count: number): void {
    this.count += count;
  }

  /** Takes what has come since the last look into account. Within a millisecond there is nothing to see. */
  look(now: number): number {
    const spanMs = now - this.since;
    if (spanMs < 1) return this.perMs;
    const weight = 1 - Math.exp(-spanMs / this.memoryMs);
    this.perMs += (this.count / spanMs - this.perMs) * weight;
    [this.count, this.since] = [0, now];
    return this.perMs;
  }
}

/** What a refill is reckoned from. */
export interface RefillNeed {
  /** Tokens that calls take per millisecond. */
  readonly demandPerMs: number;
  /** Time for which a batch is to last. Milliseconds. */
  readonly batchMs: number;
  readonly inHand: number;
  /** What the calls in line cost, and what the first of them does; 0 where there is none. */
  readonly queuedCost: number;
  readonly firstCost: number;
  /** What this node may hold, and what it may ask for at once for those in line: see {@link shareOf}. */
  readonly mayHold: number;
  readonly fairShare: number;
}

/** Tokens to ask for. */
export interface Ask {
  readonly want: number;
  /** So many or none. */
  readonly least: number;
}

/** Returns what to ask for; `want` is 0 where nothing is needed. */
export function askFor(need: RefillNeed): Ask {
  const { demandPerMs, batchMs, inHand, queuedCost, firstCost } = need;
  const forLine = Math.min(queuedCost, need.fairShare);
  const forLater = Math.min(Math.round(demandPerMs * batchMs), need.mayHold);
  const lacking = Math.max(0, firstCost - inHand);
  const want = Math.max(lacking, forLine + forLater - inHand); // (1)
  return want <= 0 ? { want: 0, least: 0 } : { want, least: Math.max(1, lacking) }; // (2)
}

/** Returns `ratio` of `maxBurst`, divided by `nodes`. Integer, at least 1. */
export function shareOf(maxBurst: number, ratio: number, nodes: number): number {
  return Math.max(1, Math.floor((maxBurst * ratio) / Math.max(1, nodes)));
}

/**
 * Returns the pause before the next try where the fleet has used up what there was: at least until there is something again,
 * and long enough for a handful of tokens to gather, but never so long that a whole burst would and some be lost. `draw` is
 * from 0 to 1 and keeps nodes out of step. Milliseconds.
 */
export function pauseMs(waitMs: number, burstMs: number, leaseMs: number, draw: number): number {
  const gatherMs = Math.min(leaseMs / 8, burstMs / 4);
  return Math.max(waitMs, gatherMs * (0.5 + draw / 2));
}
