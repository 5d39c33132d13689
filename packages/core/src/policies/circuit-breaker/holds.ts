/**
 * Holds: states in which people or controllers keep a circuit, whatever its calls come to.
 *
 * Each owner has at most one hold. While anybody holds the circuit open it is forced open; else, while anybody holds it
 * closed, forced closed. A hold ends when it is released or when its time is over.
 *
 * Invariants
 *  (1) An open hold is stronger than any number of closed ones.
 *  (2) A hold is over at its expiry, whether or not anybody looks; there is no timer.
 *  (3) Releasing a hold ends that hold only: not a later one of the same owner.
 *
 * @module
 */

/** A state that a circuit is kept in. */
export type HeldState = 'forced-open' | 'forced-closed';

/** Who keeps a circuit where, and until when. */
export interface HoldOptions {
  /** Who asks for it; a later hold of the same owner takes the place of the earlier one. */
  readonly owner: string;
  /** Time after which the hold is over. Milliseconds, 1 or more; Infinity holds until it is released. */
  readonly forMs: number;
  /** Why, for people. */
  readonly reason?: string;
}

/** A hold as it is now. */
export interface HoldRecord {
  readonly state: HeldState;
  readonly owner: string;
  readonly reason: string | undefined;
  /** Time until it is over. Milliseconds; Infinity where it has no end. */
  readonly remainingMs: number;
}

/** The holds on one circuit. */
export class Holds {
  private readonly byOwner = new Map<string, Hold>();

  /** Adds a hold at `now`, or replaces its owner's. Returns what releases it: whether it was still in force. */
  add(state: HeldState, { owner, forMs, reason }: HoldOptions, now: number): () => boolean {
    const hold = { state, owner, reason, expiresAt: now + forMs };
    this.byOwner.delete(owner);
    this.byOwner.set(owner, hold);
    return () => this.byOwner.get(owner) === hold && this.byOwner.delete(owner); // (3)
  }

  /** The state in which the circuit is held at `now`, or undefined. */
  stateAt(now: number): HeldState | undefined {
    let held: HeldState | undefined;
    for (const { state, owner, expiresAt } of this.byOwner.values()) {
      if (expiresAt <= now) this.byOwner.delete(owner); // (2)
      else if (held !== 'forced-open') held = state; // (1)
    }
    return held;
  }

  /** Milliseconds until the last open hold is over; 0 when there is none, Infinity when one has no end. */
  remainingOpenMs(now: number): number {
    const open = [...this.byOwner.values()].filter(({ state }) => state === 'forced-open');
    return Math.max(0, ...open.map(({ expiresAt }) => expiresAt - now));
  }

  /** The holds at `now`, in the order in which they came. */
  list(now: number): readonly HoldRecord[] {
    this.stateAt(now);
    return [...this.byOwner.values()].map(({ state, owner, reason, expiresAt }) => ({
      state,
      owner,
      reason,
      remainingMs: expiresAt - now,
    }));
  }
}

// --- internal ---

interface Hold {
  readonly state: HeldState;
  readonly owner: string;
  readonly reason: string | undefined;
  readonly expiresAt: number;
}
