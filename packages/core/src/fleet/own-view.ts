/**
 * Own view: what a node does in spite of the fleet's ruling, by what it has seen itself.
 *
 *   none ── its own window trips ─► open ── its own probes succeed, or a new ruling ─► none
 *   none ── the store is silent, and its own probe succeeds ─► closed ── a new ruling ─► none
 *   closed ── its own window trips ─► open
 *   any ── reset by hand while the fleet is not closed ─► closed
 *
 * Invariants
 *  (1) A view counts only while the ruling that it was formed under stands: another epoch ends it.
 *
 * @module
 */

/** A node's own opening. */
interface OwnOpening {
  readonly state: 'open';
  /** The epoch of the ruling under which it was formed. */
  readonly basis: number;
  readonly reason: string;
  /** When it was formed, until when it stands, and when the oldest outcome was that led to it. Milliseconds. */
  readonly at: number;
  readonly until: number;
  readonly evidenceFrom: number;
  readonly openForMs: number;
  readonly reopenings: number;
}

/** A node's own closing. */
export interface OwnClosing {
  readonly state: 'closed';
  readonly basis: number;
  /** When it was formed. Milliseconds. */
  readonly at: number;
  /** Successes that led to it: 1 of a probe, 0 where it was closed by hand. */
  readonly successes: number;
}

/** What a node does in spite of the ruling. */
export type OwnView = OwnOpening | OwnClosing;

/** The view, if it still counts under the ruling of `epoch`: (1). */
export function inForce(view: OwnView | undefined, epoch: number): OwnView | undefined {
  return view !== undefined && view.basis === epoch ? view : undefined;
}
