/**
 * Ledger: what a node and the ledger of a fleet say to each other. The words are the same whether the ledger is in memory or
 * in Redis; only their encoding differs.
 *
 * A **ruling** is what the fleet has decided about one circuit. Each change of it has a higher **epoch**: a hybrid logical
 * clock, `max(clock + 1, time of the ledger in microseconds, floor + 1)`, where `floor` is the highest epoch that the asking
 * node knows. So an epoch never repeats or falls, survives the loss of the ledger and a clock that steps back.
 *
 *                T: enough ballots, or W: the fleet's own ratio
 *        ┌───────────────────────────────────────────────────────────┐
 *        │                                                           ▼
 *     closed ◄── R: enough succeeded ── half-open ◄── C: first one ── open
 *        ▲                               │      ▲  after the open time │ ▲
 *        │                               │      └──────────────────────┘ │
 *        │                               ├── R: enough cannot succeed ───┤  reopenings + 1
 *        │                               └── C: too many probes lost ────┘  reopenings + 1
 *        └── L: closed by a node while the ledger was away ──────────────── open
 *
 *     any ── hold ─► forced-open, forced-closed ── release, or their time is over ─► open with its time over, or closed
 *
 * Times cross as durations only, so that no node's clock is trusted. Three fences guard each proposal: the epoch that it is
 * based on, the **ticket** (the ledger's time as it was last told to the node, good for a while and only in the **incarnation**
 * that told it), and the age of the evidence.
 *
 * Source: design of this project; hybrid logical clocks: "Logical Physical Clocks", Kulkarni et al., OPODIS 2014.
 *
 * @module
 */

import type { Proposal, ReopenRules, Result } from './proposal.ts';
import type { Ruling } from './ruling.ts';

/** Who asks, and what it knows of the ledger. */
export interface Sender {
  readonly node: string;
  /** The incarnation that the ticket is from; '' before the first sync. */
  readonly incarnation: string;
  /** The ledger's time as it was last told, in microseconds; 0 before the first sync. */
  readonly ticketUs: number;
  /** Processes that share, as was last told: for the pace of messages. */
  readonly fleetSize: number;
}

/** Several proposals, at most {@link MAX_PROPOSALS}, at most one per circuit but for reports and releases. */
export interface StepRequest extends Sender {
  readonly proposals: readonly Proposal[];
}

/** The answer to a request: which incarnation answered, its time, and the highest version that it has given out. */
export interface Reply {
  readonly incarnation: string;
  readonly nowUs: number;
  readonly clock: number;
}

/** One result per proposal, in order. */
export interface StepReply extends Reply {
  readonly results: readonly Result[];
}

/** Poll, heartbeat and ticket in one. */
export interface SyncRequest {
  readonly node: string;
  readonly incarnation: string;
  /** The version up to which the node knows all. 0 asks for everything. */
  readonly since: number;
  /** Whether to note that the node is there, and to look whether the server is still the same one. */
  readonly presence: boolean;
  /** Time for which the node counts as present. Milliseconds; 0 takes it off, as a node does that leaves. */
  readonly nodeTtlMs: number;
  /** Rulings to tell at the most. */
  readonly limit: number;
  /** The longest lease that this node asks for: a new incarnation grants none before so long. Milliseconds. */
  readonly leaseTtlMs: number;
  /** Random letters and digits, for the name of a new incarnation. */
  readonly nonce: string;
  /** How many shards this node believes there are. */
  readonly shards: number;
  /** Minor version of the words that this node writes and reads. */
  readonly minor: number;
}

/** Rulings with a version above `since`, the oldest first. `hasMore` where the limit cut them off: `clock` is then that of the last one told. */
export interface SyncReply extends Reply {
  readonly rulings: readonly Ruling[];
  readonly hasMore: boolean;
  readonly nodes: number;
  /** Time until the next poll, such that the whole fleet's polls stay bounded. Milliseconds. */
  readonly pollMs: number;
  /** How many shards the ledger was made for. */
  readonly shards: number;
  /** The least minor version that can read what is stored. */
  readonly readerMinor: number;
}

/** Told to all nodes when rulings change. `previous` is the version before it: who knows less has missed a message. */
export interface RulingMessage {
  readonly incarnation: string;
  readonly previous: number;
  readonly clock: number;
  readonly rulings: readonly Ruling[];
}

/** Window mode: what happened at this node since its last flush. */
export interface FlushItem extends ReopenRules {
  readonly id: string;
  /** The epoch of the ruling that it counts under. */
  readonly basis: number;
  readonly successes: number;
  readonly failures: number;
  /** Age of these outcomes: the middle of the time since the last flush. Milliseconds. */
  readonly ageMs: number;
  readonly bucketMs: number;
  readonly bucketCount: number;
  readonly minimumCalls: number;
  readonly failureRatio: number;
  /** Distinct nodes that must have reported failures. */
  readonly quorum: number;
  readonly openForMs: number;
  readonly fingerprint: string;
}

/** Several items, at most {@link MAX_PROPOSALS}. */
export interface FlushRequest extends Sender {
  /** Rises with each flush of this node: one that arrives twice is counted once. */
  readonly sequence: number;
  readonly items: readonly FlushItem[];
}

/** What became of an item, and the fleet's sums. */
export interface FlushResult {
  readonly code: 'counted' | 'done' | 'fenced' | 'stale' | 'failed';
  readonly successes: number;
  readonly failures: number;
  readonly ruling?: Ruling;
}

/** One result per item, in order. */
export interface FlushReply extends Reply {
  readonly results: readonly FlushResult[];
}

/**
 * An operator's wish, which stands above all proposals. It is fenced as they are, by its ticket and its basis, so that one
 * that is executed again, or long after somebody gave up on it, does not bring back a hold that was ended since.
 */
export interface HoldRequest extends Sender {
  readonly id: string;
  /** `auto` ends a hold: a circuit held open comes back with its open time over, one held closed comes back closed. `closed` closes it. */
  readonly state: 'forced-open' | 'forced-closed' | 'auto' | 'closed';
  /** Time after which the hold is over. Milliseconds, 1 to {@link MAX_HOLD_MS}. */
  readonly forMs: number;
  readonly owner: string;
  readonly reason: string;
  /** The highest epoch that the node knows of this circuit. */
  readonly basis: number;
}

/** What became of a wish, and the ruling as it is now. `stale`, `fenced`: nothing was changed; who still wants it asks again. */
export interface HoldReply extends Reply {
  readonly code: 'done' | 'fenced' | 'stale';
  readonly ruling: Ruling;
}

/** What a node asks, whoever carries it. */
export interface Ledger {
  sync(request: SyncRequest, nowUs: number): SyncReply;
  step(request: StepRequest, nowUs: number): StepReply;
  flush(request: FlushRequest, nowUs: number): FlushReply;
  hold(request: HoldRequest, nowUs: number): HoldReply;
}

/** Proposals, or items, of one request. */
export const MAX_PROPOSALS: number = 32;

/** Rulings of one message. */
export const MAX_TOLD: number = 32;

/** Time that a ticket is good for. Milliseconds. */
export const TICKET_TTL_MS: number = 15_000;

/** A lease longer than this does not hold back a new incarnation for longer. Milliseconds. */
export const MAX_LEASE_MS: number = 60_000;

/** The longest hold. Milliseconds: a week. */
export const MAX_HOLD_MS: number = 604_800_000;

/** Characters of the reason of a hold that are kept. */
export const MAX_REASON_LENGTH: number = 100;

/** Minor version of the words that are written and read here. */
export const WIRE_MINOR: number = 1;

/** A ledger that is asked by messages. Each method settles in bounded time, and rejects where no reply came: it may have been done. */
export interface LedgerPort {
  sync(request: SyncRequest): Promise<SyncReply>;
  step(request: StepRequest): Promise<StepReply>;
  flush(request: FlushRequest): Promise<FlushReply>;
  hold(request: HoldRequest): Promise<HoldReply>;
}
