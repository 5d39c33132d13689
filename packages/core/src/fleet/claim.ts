/**
 * Claim: how a node asks the fleet for the right to probe, so that many that want to do not ask at once.
 *
 *   nothing ── wanted ─► waiting ── due, and there is still demand ─► asked ─► granted, or wait and ask again
 *                            └── somebody else has all the probes, or a new ruling ─► nothing
 *
 * Invariants
 *  (1) No claim is due before the node's own deadline of the open time.
 *  (2) A claim that is repeated has the same lease names, so that the ledger grants it once.
 *  (3) Without demand in the last {@link DEMAND_MS} nothing is asked for.
 *
 * @module
 */

/** Time for which a call that was refused counts as demand. Milliseconds. */
export const DEMAND_MS = 10_000;

/** The claim of one circuit at one node. */
export class Claim {
  /** Names of the leases that are asked for; undefined while nothing is. */
  private base: string | undefined = undefined;
  private dueTime = Infinity;
  private notBefore = Number.NEGATIVE_INFINITY;
  private demandAt = Number.NEGATIVE_INFINITY;

  /** A call has come that could be a probe. */
  noteDemand(now: number): void {
    this.demandAt = now;
  }

  /** Whether there was a call of late: (3). */
  hasDemand(now: number): boolean {
    return now - this.demandAt < DEMAND_MS;
  }

  get isWanted(): boolean {
    return this.base !== undefined;
  }

  /** Wants leases from `from` on. Does nothing where some are wanted already. */
  want(newBase: () => string, from: number): void {
    if (this.base !== undefined) return;
    this.base = newBase();
    this.dueTime = Math.max(from, this.notBefore); // (1)
  }

  /** Whether it is by `base` that something is wanted. */
  isBy(base: string): boolean {
    return this.base === base;
  }

  /** When it is to be asked. Milliseconds; Infinity where nothing is wanted. */
  get dueAt(): number {
    return this.dueTime;
  }

  /** Milliseconds until something may be asked for; 0 where it may be now. */
  waitMs(now: number): number {
    return Math.max(0, this.notBefore - now);
  }

  /** The names to ask with at `now`, or undefined: (2). A claim that nobody needs any more is dropped. */
  ask(now: number): string | undefined {
    if (this.base === undefined || now < this.dueTime) return undefined;
    if (!this.hasDemand(now)) this.end(); // (3)
    return this.base;
  }

  /** Nothing is wanted any more: it was granted, or the ruling is another. */
  end(): void {
    this.base = undefined;
    this.dueTime = Infinity;
  }

  /** Nothing is granted before `at`: asks again then, under new names. */
  postpone(at: number): void {
    this.end();
    this.notBefore = at;
  }

  /** A new ruling: what was postponed under the old one may be asked for. */
  forget(): void {
    this.end();
    this.notBefore = Number.NEGATIVE_INFINITY;
  }
}
