/**
 * Proposal: what a node asks of the ledger about one circuit, and what the ledger answers.
 *
 * @module
 */

import type { Ruling } from './ruling.ts';

/** Numbers that a half-open round goes by, fixed by whoever begins it. */
export interface RoundRules {
  /** Probes under way at once: K. */
  readonly maxProbes: number;
  /** Successes that close: S. */
  readonly neededSuccesses: number;
  /** Failures that open: F. Together with S a round has at most S + F - 1 probes that count. */
  readonly neededFailures: number;
  /** Lost probes after which the round ends: more than so many, V. */
  readonly maxLost: number;
  /**
   * Leases that one node may have in a round, those that were released or lost not counted: distinct nodes probe, where there
   * are enough. Where nobody has taken one for the time of a lease, a node may have more: a round never waits for nodes that
   * are gone.
   */
  readonly maxPerNode: number;
}

/** How the ledger lengthens the open time when a round fails: min(maxOpenMs, max(openMs * backoffRatio^reopenings, retryAfterMs)). */
export interface ReopenRules {
  readonly openMs: number;
  readonly backoffRatio: number;
  readonly maxOpenMs: number;
}

/** What a node proposes. `basis` is the epoch of the ruling that it knows. */
export type Proposal =
  | TripProposal
  | ClaimProposal
  | ReportProposal
  | ReleaseProposal
  | LocalCloseProposal
  | SeedProposal
  | BellProposal;

interface Based {
  readonly id: string;
  readonly basis: number;
}

/** T: this node has opened by its own rules. */
export interface TripProposal extends Based, ReopenRules {
  readonly kind: 'trip';
  /** Time that the circuit is to stay open. Milliseconds. */
  readonly openForMs: number;
  /** Age of the oldest outcome that counted. Milliseconds. */
  readonly evidenceAgeMs: number;
  /** Evidence older than this is refused. Milliseconds, may be Infinity. */
  readonly maxEvidenceMs: number;
  /** Distinct nodes that must agree. Integer, at least 1. */
  readonly quorum: number;
  /** Time that this node's ballot is good for. Milliseconds. */
  readonly ballotTtlMs: number;
  readonly why: string;
  readonly fingerprint: string;
}

/** C: asks for the right to run `want` probes. Lease ids are the node's own: `<leaseBase>.<1..want>`; asking again is harmless. */
export interface ClaimProposal extends Based, ReopenRules {
  readonly kind: 'claim';
  readonly want: number;
  readonly leaseTtlMs: number;
  readonly leaseBase: string;
  readonly round: RoundRules;
}

/** R: what the probe of a lease came to. `basis` is the epoch of the round. */
export interface ReportProposal extends Based, ReopenRules {
  readonly kind: 'report';
  readonly lease: string;
  readonly succeeded: boolean;
  readonly retryAfterMs: number;
  /** Ramp after closing, for all nodes. Milliseconds; 0 for none. */
  readonly rampMs: number;
}

/** X: gives a lease back without a verdict. */
export interface ReleaseProposal extends Based {
  readonly kind: 'release';
  readonly lease: string;
}

/** L: this node's own probe succeeded while the ledger was away. */
export interface LocalCloseProposal extends Based {
  readonly kind: 'local-close';
  /** Age of the last success. Milliseconds. */
  readonly evidenceAgeMs: number;
  readonly successes: number;
  readonly neededSuccesses: number;
  readonly rampMs: number;
}

/** S: tells the ledger a ruling that it has lost. `basis` is the epoch of that ruling. */
export interface SeedProposal extends Based {
  readonly kind: 'seed';
  readonly ruling: Ruling;
  /** For which a half-open circuit comes back as open: the longest that a lost lease may live. Milliseconds. */
  readonly leaseTtlMs: number;
}

/** B: asks all nodes to report their windows for a while (window mode). */
export interface BellProposal extends Based {
  readonly kind: 'bell';
  readonly hotMs: number;
}

/** What became of a proposal. */
export type Answer =
  /** The ticket is not good: sync, then decide again. Nothing was looked at. */
  | { readonly code: 'stale' }
  /** The ruling is another by now: it is told. Nothing was changed. */
  | { readonly code: 'fenced' }
  /** The ledger has lost the ruling that this is based on: seed it first. */
  | { readonly code: 'seed-first' }
  /** T: it is not closed any more. C, L: it is not open. S: the ledger knows as much. B: nothing to ring, or it is ringing. */
  | { readonly code: 'already' }
  /** T: the evidence is from before the ruling, or too old. L: it proves nothing. */
  | { readonly code: 'old-evidence' }
  /** T: the ballot counts; `ballots` of the quorum are there. */
  | { readonly code: 'voted'; readonly ballots: number }
  /** The ruling was changed: it is told. */
  | { readonly code: 'done' }
  /** C: leases that are granted, with the time that the first of them has, counted from when the claim was sent. */
  | { readonly code: 'granted'; readonly leases: readonly string[]; readonly remainingMs: number }
  /** C: not before so long. Why: the open time, a new incarnation, or all probes are under way. Milliseconds. */
  | { readonly code: 'wait'; readonly forMs: number; readonly why: 'early' | 'hold' | 'full' }
  /** R, X: the lease is not known, or has run out: the result changes nothing. */
  | { readonly code: 'lease-gone' }
  /** R, X: noted; the round goes on. */
  | { readonly code: 'noted' }
  /** The ledger could not do it: a broken key, or a word it does not know. */
  | { readonly code: 'failed'; readonly message: string };

/** An answer, and the ruling as it is now; undefined where the answer is `stale` or `failed`. */
export type Result = Answer & { readonly ruling?: Ruling };
