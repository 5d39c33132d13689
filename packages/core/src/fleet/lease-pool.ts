/**
 * Lease pool: the leases of one circuit at one node, from the grant until the ledger has heard what became of them.
 *
 *   granted ─► held ─── taken by a call ──► running ── settled ─► to be told ── heard ─► gone
 *               ├────── half its time over ─► to be told (given back)
 *               └────── its round is over ──► gone
 *
 * Invariants
 *  (1) A lease is taken by one call at most, and settled once.
 *  (2) A lease counts from when it was asked for, less a margin for clocks that differ in rate: the holder gives up before
 *      the ledger does.
 *  (3) A lease that nobody took is given back before it expires.
 *  (4) What a probe came to is told until it is heard or the lease has expired; nothing is told of another round.
 *
 * @module
 */

/** A lease at its holder. */
export interface NodeLease {
  readonly id: string;
  /** The epoch of the round that it belongs to. */
  readonly epoch: number;
  /** When it was asked for. Milliseconds. */
  readonly askedAt: number;
  /** When the holder stops to believe in it. Milliseconds. */
  readonly expiresAt: number;
}

/** What is to be told of a lease. */
export interface LeaseReport {
  readonly lease: NodeLease;
  /** `ignored` gives it back without a verdict. */
  readonly verdict: 'success' | 'failure' | 'ignored';
  readonly retryAfterMs: number;
}

/** Share of a lease that is given up, so that a node whose clock runs slow by as much does not hold it for too long. */
const RATE_MARGIN = 0.05;

/** The leases of one circuit. */
export class LeasePool {
  private readonly held: NodeLease[] = [];
  private readonly running = new Set<NodeLease>();
  private reports: LeaseReport[] = [];

  /** Leases in hand or in use. */
  get size(): number {
    return this.held.length + this.running.size;
  }

  get heldCount(): number {
    return this.held.length;
  }

  /** How many are still to be told. */
  get reportCount(): number {
    return this.reports.length;
  }

  /** Adds a lease that was asked for at `askedAt` and lasts `ttlMs` for the ledger. Returns whether it was new. */
  grant(id: string, { epoch, askedAt, ttlMs }: { epoch: number; askedAt: number; ttlMs: number }): boolean {
    if (this.knows(id)) return false; // (1)
    this.held.push({ id, epoch, askedAt, expiresAt: askedAt + ttlMs * (1 - RATE_MARGIN) }); // (2)
    return true;
  }

  /** Takes a lease of `epoch` for a call. */
  take(epoch: number, now: number): NodeLease | undefined {
    const index = this.held.findIndex((lease) => lease.epoch === epoch && !isHalfOver(lease, now));
    if (index === -1) return undefined;
    const [lease] = this.held.splice(index, 1) as [NodeLease];
    this.running.add(lease); // (1)
    return lease;
  }

  /** Takes the verdict of a probe. Returns whether it is to be told. */
  settle(lease: NodeLease, report: Omit<LeaseReport, 'lease'>, now: number): boolean {
    if (!this.running.delete(lease) || lease.expiresAt <= now) return false; // (1)
    this.reports.push({ lease, ...report });
    return true;
  }

  /** Lets go of all that is not of `epoch`. */
  keepOnly(epoch: number): void {
    this.drop(this.held, (lease) => lease.epoch !== epoch);
    for (const lease of this.running) {
      if (lease.epoch !== epoch) this.running.delete(lease); // (4)
    }
    this.reports = this.reports.filter(({ lease }) => lease.epoch === epoch);
  }

  /** Gives back what nobody will take: (3). With `all`, whatever is in hand. Forgets the calls whose lease has run out. */
  giveBack(now: number, all = false): void {
    for (const lease of this.running) {
      if (lease.expiresAt <= now) this.running.delete(lease);
    }
    for (const lease of this.drop(this.held, (each) => all || isHalfOver(each, now))) {
      this.reports.push({ lease, verdict: 'ignored', retryAfterMs: 0 });
    }
  }

  /** What is to be told now: (4). */
  toTell(now: number): readonly LeaseReport[] {
    this.reports = this.reports.filter(({ lease }) => lease.expiresAt > now);
    return this.reports;
  }

  /** The ledger has heard of a lease. */
  heard(id: string): void {
    this.reports = this.reports.filter(({ lease }) => lease.id !== id);
  }

  /** When something is to be done: a lease to be given back, or a report to be told. Milliseconds; Infinity for never. */
  dueAt(): number {
    if (this.reports.length > 0) return Number.NEGATIVE_INFINITY;
    return Math.min(Infinity, ...this.held.map(halfTime));
  }

  private knows(id: string): boolean {
    return (
      this.held.some((lease) => lease.id === id) ||
      [...this.running].some((lease) => lease.id === id) ||
      this.reports.some(({ lease }) => lease.id === id)
    );
  }

  private drop(leases: NodeLease[], isOver: (lease: NodeLease) => boolean): readonly NodeLease[] {
    const dropped = leases.filter(isOver);
    for (const lease of dropped) leases.splice(leases.indexOf(lease), 1);
    return dropped;
  }
}

// --- internal ---

/** A lease with less than half its time left would not see a call to its end. */
function isHalfOver(lease: NodeLease, now: number): boolean {
  return now >= halfTime(lease);
}

function halfTime({ askedAt, expiresAt }: NodeLease): number {
  return (askedAt + expiresAt) / 2;
}
