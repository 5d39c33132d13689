/**
 * Ledger view: what the world knows of its ledger: all that it has told in its present history. It is copied with the ledger,
 * so that a replica that takes over is known by what it has heard.
 *
 * @module
 */

import type { Ruling } from '@holdfast/core/fleet';

/** A ruling, as the ledger told it. */
export interface SeenRuling {
  readonly id: string;
  readonly epoch: number;
  readonly state: Ruling['state'];
  /** When its time is over at the latest, by the clock of the ledger. Microseconds. */
  untilUs: number;
  readonly spanMs: number;
}

/** A half-open round. */
export interface SeenRound {
  readonly epoch: number;
  /** Leases that are out, and when they expire by the ledger's clock. Microseconds. */
  readonly leases: Map<string, number>;
  /** All that were granted, and to which node. */
  readonly granted: Map<string, string>;
  /** Leases that were reported. */
  readonly reported: Set<string>;
  /** How many leases a node may have; undefined before the first grant. */
  maxPerNode: number | undefined;
  /** When a lease was last granted, by the ledger's clock. Microseconds. */
  grantedUs: number;
  released: number;
  successes: number;
  failures: number;
}

/** What a node told of its window. */
interface SeenItem {
  readonly node: string;
  readonly bucket: number;
  readonly successes: number;
  readonly failures: number;
}

/** The fleet's window of a circuit under one ruling. */
export interface SeenWindow {
  readonly epoch: number;
  readonly bucketUs: number;
  readonly bucketCount: number;
  items: SeenItem[];
  /** The last flush of each node: its number, and which execution of it was counted. */
  readonly last: Map<string, { readonly sequence: number; readonly execution: number }>;
}

/** What is known of one history of a ledger. */
export interface LedgerView {
  clock: number;
  readonly rulings: Map<string, SeenRuling>;
  readonly rounds: Map<string, SeenRound>;
  /** By circuit: `<epoch> <node>` and when the ballot ends, by the ledger's clock. Microseconds. */
  readonly ballots: Map<string, Map<string, number>>;
  readonly windows: Map<string, SeenWindow>;
  /** What requests that may be executed again have come to: by `<request> <place>`. */
  readonly effects: Map<string, string>;
}

/** The view of a ledger that knows nothing. */
export function emptyView(): LedgerView {
  return {
    clock: 0,
    rulings: new Map(),
    rounds: new Map(),
    ballots: new Map(),
    windows: new Map(),
    effects: new Map(),
  };
}

/** The round that the ruling of a circuit is about; made where it is not known yet. */
export function roundOf(view: LedgerView, id: string, epoch: number): SeenRound {
  const known = view.rounds.get(id);
  if (known?.epoch === epoch) return known;
  const begun: SeenRound = {
    epoch,
    leases: new Map(),
    granted: new Map(),
    reported: new Set(),
    maxPerNode: undefined,
    grantedUs: 0,
    released: 0,
    successes: 0,
    failures: 0,
  };
  view.rounds.set(id, begun);
  return begun;
}
