/**
 * Head count: how many nodes there are, by a ledger that may forget who is there.
 *
 * A quorum must not shrink because a ledger was emptied, failed over or had its clock stepped: a sick node would open the
 * fleet alone. So fewer nodes are believed in only once all that are there have had the time to say so again.
 *
 * Invariants
 *  (1) More nodes count at once; fewer only where that was so for {@link BELIEVED_AFTER_POLLS} polls.
 *
 * @module
 */

/** Counts nodes. */
export class HeadCount {
  size = 1;
  private fewerSince = Infinity;

  /** Takes note of what the ledger says. Returns whether it is the first time that it says fewer. */
  note(nodes: number, pollMs: number, now: number): boolean {
    const isFirst = this.fewerSince === Infinity;
    if (nodes < this.size && isFirst) this.fewerSince = now;
    if (nodes < this.size && now - this.fewerSince < BELIEVED_AFTER_POLLS * pollMs) return isFirst; // (1)
    this.size = Math.max(1, nodes);
    this.fewerSince = Infinity;
    return false;
  }
}

// --- internal ---

/** In one poll every node has seen it, in the next everybody hears who is there: with the jitter of both. */
const BELIEVED_AFTER_POLLS = 1.3;
