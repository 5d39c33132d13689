/**
 * Token hand: the tokens that this node may give out without asking, in batches that are good for a time.
 *
 *   granted ─► in hand ── taken by a call ─► used
 *                 └────── its time is over ─► unused ─► given back
 *
 * Invariants
 *  (1) Every token that was put in is used, in hand, or unused, and was given back at most once.
 *  (2) A token is not used at or after the instant at which its batch's time is over.
 *  (3) The batch whose time is over first is used first.
 *
 * @module
 */

/** Tokens that were granted together. */
export interface Batch {
  readonly count: number;
  /** Instant from which they may not be used any more, on this node's clock. */
  readonly expiresAt: number;
  /** When the server granted them, on its own clock. Microseconds. */
  readonly grantedAtUs: number;
}

/** Tokens to give back. */
export interface UnusedTokens {
  readonly count: number;
  /** When the oldest of them were granted. Microseconds on the server's clock; 0 where there are none. */
  readonly grantedAtUs: number;
}

/** Tokens in hand. Batches are put in by the order of their `expiresAt`. */
export class TokenHand {
  private batches: Batch[] = [];
  private unused: UnusedTokens = none;
  private held = 0;

  /** Tokens in hand at `now`. */
  countAt(now: number): number {
    this.expire(now);
    return this.held;
  }

  /** When the first batch's time is over; Infinity where there is none. */
  get expiresAt(): number {
    return this.batches[0]?.expiresAt ?? Infinity;
  }

  /** Whether there is something to give back. */
  get hasUnused(): boolean {
    return this.unused.count > 0;
  }

  put(batch: Batch): void {
    if (batch.count === 0) return;
    this.batches.push(batch);
    this.held += batch.count;
  }

  /** Uses `cost` tokens at `now`, all or none. Returns whether there were so many. */
  take(cost: number, now: number): boolean {
    if (now >= this.expiresAt) this.expire(now); // (2)
    if (this.held < cost) return false;
    this.held -= cost;
    for (let left = cost; left > 0;) left -= this.takeFromFirst(left); // (3)
    return true;
  }

  /** Moves what is over at `now` to the unused. */
  expire(now: number): void {
    while (now >= this.expiresAt) this.discard(this.batches.shift() as Batch);
  }

  /** Moves everything to the unused. */
  discardAll(): void {
    for (const batch of this.batches.splice(0)) this.discard(batch);
  }

  /** Hands out what to give back; from then on it is nobody's. */
  takeUnused(): UnusedTokens {
    const { unused } = this;
    this.unused = none; // (1)
    return unused;
  }

  // --- internal ---

  private takeFromFirst(most: number): number {
    const first = this.batches[0] as Batch;
    if (first.count > most) {
      this.batches[0] = { ...first, count: first.count - most };
      return most;
    }
    this.batches.shift();
    return first.count;
  }

  private discard({ count, grantedAtUs }: Batch): void {
    this.held -= count;
    const { unused } = this;
    const oldestUs = unused.count === 0 ? grantedAtUs : Math.min(unused.grantedAtUs, grantedAtUs);
    this.unused = { count: unused.count + count, grantedAtUs: oldestUs };
  }
}

// --- internal ---

const none: UnusedTokens = Object.freeze({ count: 0, grantedAtUs: 0 });
