/**
 * Audit trail: the last changes of all features as this process saw them, oldest first.
 *
 * Invariants
 *  (1) It holds at most `maxEntries` entries and drops the oldest first.
 *
 * @module
 */

/** How a mode came to change. */
export type ChangeCause =
  /** Somebody set it. */
  | 'set'
  /** Somebody sent it back to its default. */
  | 'restored'
  /** Its time was over. */
  | 'expired';

/** One change of one feature. */
export interface AuditEntry {
  /** Calendar time of the change, ISO 8601, UTC. */
  readonly at: string;
  readonly feature: string;
  readonly from: string;
  readonly to: string;
  /** Who changed it; for an expiry, who had set what expired. */
  readonly actor: string;
  /** Why it was changed; for an expiry, why what expired had been set. */
  readonly reason: string;
  readonly revision: number;
  readonly cause: ChangeCause;
  /** Calendar time at which the new mode expires; undefined when it does not. */
  readonly expiresAt: string | undefined;
}

/** A bounded list of changes. */
export class AuditTrail {
  readonly #maxEntries: number;
  readonly #entries: AuditEntry[] = [];
  /** Where the next entry goes once the list is full: the place of the oldest. */
  #next = 0;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  add(entry: AuditEntry): void {
    if (this.#entries.length < this.#maxEntries) {
      this.#entries.push(entry);
      return;
    }
    this.#entries[this.#next] = entry; // (1)
    this.#next = (this.#next + 1) % this.#maxEntries;
  }

  /** Returns a copy, oldest first. */
  list(): readonly AuditEntry[] {
    return [...this.#entries.slice(this.#next), ...this.#entries.slice(0, this.#next)];
  }
}
