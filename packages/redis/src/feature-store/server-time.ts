/**
 * Server time: what the server's clock says now, as far as its answers let us know.
 *
 *   sent ───────────── got      the server said T in between, so its clock is ahead of ours
 *        └── T ──┘              by T - got at least, and by T - sent at most
 *
 * Invariants
 *  (1) An answer that narrows what is known is taken, and one that contradicts it replaces it: the server's clock was set.
 *  (2) What is known for longer than {@link MAX_AGE_MS} is replaced: clocks drift.
 *
 * Source: probabilistic clock synchronization, F. Cristian, Distributed Computing 3, 1989, https://doi.org/10.1007/BF01784024.
 * Deviation: bounds are kept over several answers.
 *
 * @module
 */

/** The server's clock, seen from here. */
export class ServerTime {
  private least = 0;
  private most = 0;
  private notedAt: number = Number.NEGATIVE_INFINITY;

  /** Takes note of an answer. All in milliseconds; `sentAt` and `gotAt` by this process's monotonic clock. */
  note(sentAt: number, gotAt: number, serverMs: number): void {
    const [least, most] = [serverMs - gotAt, serverMs + 1 - sentAt]; // what it says is cut to whole milliseconds
    const isOld = gotAt - this.notedAt > MAX_AGE_MS;
    const isContradicted = least > this.most || most < this.least;
    if (isOld || isContradicted) {
      [this.least, this.most, this.notedAt] = [least, most, gotAt]; // (1), (2)
      return;
    }
    this.least = Math.max(this.least, least); // (1)
    this.most = Math.min(this.most, most);
  }

  /** What the server's clock says at `now`; undefined before the first answer. */
  at(now: number): number | undefined {
    return this.notedAt === Number.NEGATIVE_INFINITY ? undefined : now + (this.least + this.most) / 2;
  }
}

// --- internal ---

const MAX_AGE_MS = 60_000;
