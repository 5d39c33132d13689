/**
 * Ledger shard: what a ledger keeps of the circuits of one shard. Plain data: it can be copied as a whole.
 *
 * @module
 */

import type { RuledState } from '../kernel/circuit-store.ts';
import type { RoundRules } from './proposal.ts';

/** The ruling on one circuit as it is kept: instants, not durations. */
export interface Entry {
  readonly epoch: number;
  readonly state: RuledState;
  /** End of the open time, the hold or the ramp. Microseconds of the ledger's time. */
  readonly untilUs: number;
  readonly spanMs: number;
  readonly reopenings: number;
  readonly free: number;
  /** All notes but `hot`. */
  readonly notes: Readonly<Record<string, string>>;
  /** End of the time for which all nodes are asked to report their windows; 0 for none. Microseconds. */
  readonly hotUntilUs: number;
}

/** A half-open round. */
export interface Round {
  readonly epoch: number;
  /** Epoch that it grew from: claims that are based on it are welcome. */
  readonly parent: number;
  readonly rules: RoundRules;
  readonly leaseMs: number;
  successes: number;
  failures: number;
  lost: number;
  /** When a lease was granted last. Microseconds. */
  grantedUs: number;
  /** Leases that are out. */
  readonly leases: Map<string, Lease>;
  /** Leases that never come back: reported, released or lost. */
  readonly done: Set<string>;
  /** Leases of each node that are out or reported. */
  readonly perNode: Map<string, number>;
}

/** A lease that is out. */
interface Lease {
  readonly node: string;
  expiresUs: number;
}

/** The fleet's window of one circuit. */
export interface FleetWindow {
  readonly epoch: number;
  readonly bucketMs: number;
  readonly bucketCount: number;
  readonly buckets: Map<number, { successes: number; failures: number }>;
  readonly reporters: Map<string, Reporter>;
}

/** What is known of a node that reports its window. */
export interface Reporter {
  /** The latest bucket to which it has added failures; -1 for none. */
  failedIn: number;
  /** Number of its last flush. */
  sequence: number;
  reportedUs: number;
}

/** All that a ledger keeps of one shard. */
export interface LedgerShard {
  /** '' before the first sync. */
  incarnation: string;
  /** The server process that the incarnation is of; '' where that is not known. */
  serverId: string;
  /** The highest version that was given out. */
  clock: number;
  /** No lease is granted before this. Microseconds. */
  holdUs: number;
  longestLeaseMs: number;
  /** 0 before the first sync. */
  shards: number;
  writerMinor: number;
  readerMinor: number;
  publishedUs: number;
  /** Version from which on changes have not been published; undefined where all have. */
  pendingFrom: number | undefined;
  readonly entries: Map<string, Entry>;
  /** The version of the last change of each circuit. */
  readonly versions: Map<string, number>;
  readonly rounds: Map<string, Round>;
  /** Of each circuit: until when leases live that were out when their round ended. Microseconds. */
  readonly outUntilUs: Map<string, number>;
  /** Of each circuit: `<epoch> <node>` and when the ballot ends, in microseconds. */
  readonly ballots: Map<string, Map<string, number>>;
  readonly windows: Map<string, FleetWindow>;
  /** When each node was last seen. Milliseconds of the ledger's time. */
  readonly nodes: Map<string, number>;
}

/** A shard that nobody has used yet. */
export function emptyShard(): LedgerShard {
  return {
    incarnation: '',
    serverId: '',
    clock: 0,
    holdUs: 0,
    longestLeaseMs: 0,
    shards: 0,
    writerMinor: 0,
    readerMinor: 0,
    publishedUs: 0,
    pendingFrom: undefined,
    entries: new Map(),
    versions: new Map(),
    rounds: new Map(),
    outUntilUs: new Map(),
    ballots: new Map(),
    windows: new Map(),
    nodes: new Map(),
  };
}
