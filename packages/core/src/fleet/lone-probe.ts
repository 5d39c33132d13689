/**
 * Lone probe: when a node may probe by itself because the store has been silent for too long.
 *
 * Invariants
 *  (1) None starts before the hold-off has passed, since the end of the open time and since the store was last heard.
 *  (2) At most one is under way, and at most one starts per open time.
 *  (3) Nodes that lost the store at the same time spread over the open time, uniformly.
 *
 * @module
 */

/** What decides when a lone probe may start. Milliseconds. */
export interface LoneProbeTimes {
  /** End of the open time: of the ruling, or of the node's own. */
  readonly openUntil: number;
  readonly heardAt: number;
  readonly holdOffMs: number;
  /** Length of an open time. */
  readonly spreadMs: number;
}

/** What a lone probe came to that began under the ruling of `epoch`. */
export interface LoneVerdict {
  readonly epoch: number;
  readonly verdict: 'success' | 'failure' | 'ignored';
  readonly retryAfterMs: number;
}

/** The lone probes of one circuit. */
export class LoneProbe {
  private runsUntil = Number.NEGATIVE_INFINITY;
  private notBefore = Number.NEGATIVE_INFINITY;
  private readonly share: number;

  /** @param share - From 0 to 1, at random: where in the open time this node probes. */
  constructor(share: number) {
    this.share = share;
  }

  /** When the next one may start. Milliseconds. */
  startsAt({ openUntil, heardAt, holdOffMs, spreadMs }: LoneProbeTimes): number {
    const silentFrom = Math.max(openUntil, heardAt); // (1)
    return Math.max(silentFrom + holdOffMs + this.share * spreadMs, this.notBefore, this.runsUntil); // (2) (3)
  }

  /** Starts one at `now`, if it may, for `leaseMs` at the most. */
  start(times: LoneProbeTimes, leaseMs: number, now: number): boolean {
    if (now < this.startsAt(times)) return false;
    this.runsUntil = now + leaseMs;
    this.notBefore = now + times.spreadMs; // (2)
    return true;
  }

  /** The one that ran has ended. */
  end(): void {
    this.runsUntil = Number.NEGATIVE_INFINITY;
  }
}
