/**
 * Memory ledger: the ledger of a fleet that is one process, and what the scripts of other ledgers are compared with.
 *
 * Invariants
 *  (1) A node that knows another incarnation, or more than the ledger, is told everything.
 *  (2) A sync tells what has changed in order, and nothing twice; where it does not tell all, the rest comes with the next.
 *  (3) A new server process, or an empty ledger, begins a new incarnation with the next sync or claim: no ticket of an
 *      earlier one is good. So does a new server process with the next hold.
 *  (4) A hold stands above all proposals until it is ended or its time is over.
 *  (5) A hold is taken once: with a good ticket, and on the ruling that it is based on or one that the ledger has lost.
 *
 * @module
 */

import { count } from './ledger-flush.ts';
import { emptyShard } from './ledger-shard.ts';
import { notesOf, propose } from './ledger-step.ts';
import { LedgerTurn, MAX_EPOCH, wholeMs } from './ledger-turn.ts';
import {
  type FlushReply,
  type FlushRequest,
  type HoldReply,
  type HoldRequest,
  type Ledger,
  MAX_HOLD_MS,
  MAX_LEASE_MS,
  MAX_REASON_LENGTH,
  type Reply,
  type RulingMessage,
  type StepReply,
  type StepRequest,
  type SyncReply,
  type SyncRequest,
} from './ledger.ts';
import { noteText } from './note-text.ts';

/** What a memory ledger is made with. */
export interface MemoryLedgerOptions {
  /** Name of the server process that it stands for; '' where that is not known. */
  readonly serverId: string;
  /** Is told what is published, after the request that led to it has been done. Must not throw. */
  readonly onMessage?: (message: RulingMessage) => void;
}

/** A ledger in memory, and how tests let it fail. */
export interface MemoryLedger extends Ledger {
  /** Forgets everything, as FLUSHALL does. */
  flushAll(): void;
  /** Is another server process from now on, and an empty one. */
  restart(serverId: string): void;
  /** Copies all that it knows now. Calling the result makes it another server process that knows just that: a replica that took over. */
  snapshot(): (serverId: string) => void;
  /** Steps its clock: what it adds to the time that it is told. Microseconds. */
  offsetUs: number;
}

/** Makes a ledger that knows nothing. */
export function memoryLedger({ serverId, onMessage = ignore }: MemoryLedgerOptions): MemoryLedger {
  let shard = emptyShard();
  let server = serverId;
  const run = <T>(nowUs: number, work: (turn: LedgerTurn) => readonly [reply: T, fleetSize: number]): T => {
    const turn = new LedgerTurn(shard, Math.floor(nowUs) + ledger.offsetUs);
    const [reply, fleetSize] = work(turn);
    turn.publish(fleetSize, onMessage);
    return reply;
  };
  const ledger: MemoryLedger = {
    offsetUs: 0,
    sync: (request, nowUs) => run(nowUs, (turn) => [sync(turn, request, server), turn.shard.nodes.size]),
    step: (request, nowUs) => run(nowUs, (turn) => [step(turn, request, server), request.fleetSize]),
    flush: (request, nowUs) => run(nowUs, (turn) => [flush(turn, request), request.fleetSize]),
    hold: (request, nowUs) => run(nowUs, (turn) => [hold(turn, request, server), request.fleetSize]),
    flushAll: () => void (shard = emptyShard()),
    restart: (id) => {
      shard = emptyShard();
      server = id;
    },
    snapshot: () => {
      const copy = structuredClone(shard);
      return (id) => {
        shard = structuredClone(copy);
        server = id;
      };
    },
  };
  return ledger;
}

// --- internal ---

/** What has been told can be read by nodes of this minor version and later. */
const READER_MINOR = 1;

const [MIN_POLL_MS, MAX_POLL_MS] = [2000, 10_000];

function ignore(): void {}

/** A new server, or an empty ledger, begins anew: (3). */
function noticeIncarnation(turn: LedgerTurn, request: SyncRequest, server: string): void {
  const { shard } = turn;
  const { incarnation, nonce, leaseTtlMs } = request;
  const isOther = request.presence && server !== '' && server !== shard.serverId;
  if (shard.incarnation === '' || isOther) turn.beginIncarnation(noteText(nonce), server, leaseTtlMs);
  else if (incarnation !== '' && incarnation !== shard.incarnation) turn.prolongHold(leaseTtlMs);
}

function sync(turn: LedgerTurn, request: SyncRequest, server: string): SyncReply {
  const { shard } = turn;
  noticeIncarnation(turn, request, server);
  noteSender(turn, request);
  const knowsUs = request.incarnation === shard.incarnation && request.since <= shard.clock;
  const changes = turn.changesSince(knowsUs ? request.since : 0); // (1)
  const told = changes.slice(0, Math.max(1, request.limit));
  const hasMore = told.length < changes.length;
  const nodes = shard.nodes.size;
  return {
    ...replyOf(turn),
    clock: hasMore ? (told.at(-1)?.[1] ?? 0) : shard.clock, // (2)
    rulings: told.map(([id]) => turn.ruling(id)),
    hasMore,
    nodes,
    pollMs: Math.min(Math.max(nodes, MIN_POLL_MS), MAX_POLL_MS),
    shards: shard.shards,
    readerMinor: shard.readerMinor,
  };
}

function noteSender({ shard, nowUs }: LedgerTurn, request: SyncRequest): void {
  if (shard.shards === 0) shard.shards = request.shards;
  shard.writerMinor = Math.max(shard.writerMinor, request.minor);
  shard.readerMinor = Math.max(shard.readerMinor, READER_MINOR);
  if (!request.presence) return;
  shard.longestLeaseMs = Math.max(shard.longestLeaseMs, wholeMs(request.leaseTtlMs, MAX_LEASE_MS));
  const nowMs = Math.floor(nowUs / 1000);
  if (request.nodeTtlMs <= 0) {
    shard.nodes.delete(request.node); // it leaves, and says nothing of the others
    return;
  }
  shard.nodes.set(request.node, nowMs);
  for (const [node, seenMs] of shard.nodes) {
    if (seenMs <= nowMs - request.nodeTtlMs || seenMs > nowMs) shard.nodes.delete(node);
  }
}

function step(turn: LedgerTurn, { proposals, ...sender }: StepRequest, server: string): StepReply {
  if (proposals.some(({ kind }) => kind === 'claim'))
    noticeServer(turn, sender.node, server, longestLeaseOf(proposals));
  const proposer = { node: sender.node, hasTicket: turn.isTicketGood(sender) };
  const results = proposals.map((proposal) => propose(turn, proposal, proposer));
  return { ...replyOf(turn), results };
}

function noticeServer(turn: LedgerTurn, node: string, server: string, leaseMs: number): void {
  const { incarnation, serverId } = turn.shard;
  const isOther = server !== '' && server !== serverId;
  if (incarnation !== '' && isOther) turn.beginIncarnation(noteText(node), server, leaseMs); // (3)
}

function longestLeaseOf(proposals: StepRequest['proposals']): number {
  return Math.max(...proposals.map((proposal) => (proposal.kind === 'claim' ? proposal.leaseTtlMs : 0)));
}

function flush(turn: LedgerTurn, { items, node, sequence, ...sender }: FlushRequest): FlushReply {
  const hasTicket = turn.isTicketGood(sender);
  const counted = new Set<string>();
  const results = items.map((item) =>
    hasTicket
      ? count(turn, item, { node, sequence, counted })
      : ({ code: 'stale', successes: 0, failures: 0 } as const),
  );
  return { ...replyOf(turn), results };
}

function hold(turn: LedgerTurn, request: HoldRequest, server: string): HoldReply {
  noticeServer(turn, request.node, server, 0);
  const code = holdFence(turn, request) ?? 'done';
  if (code === 'done') takeHold(turn, request);
  return { ...replyOf(turn), code, ruling: turn.ruling(request.id) };
}

/** What keeps a hold from being taken: (5). */
function holdFence(turn: LedgerTurn, request: HoldRequest): 'stale' | 'fenced' | undefined {
  if (!turn.isTicketGood(request)) return 'stale';
  return request.basis < turn.entry(request.id).epoch ? 'fenced' : undefined;
}

function takeHold(turn: LedgerTurn, request: HoldRequest): void {
  const { id, state, basis } = request;
  const entry = turn.entry(id);
  const by = noteText(request.owner);
  const reason = noteText(request.reason.slice(0, MAX_REASON_LENGTH));
  const floor = Math.min(Math.max(0, basis), MAX_EPOCH);
  if (state === 'auto') release(turn, id, floor, { by, why: 'released', for: reason });
  else if (state === 'closed') turn.rule(id, floor, { state, notes: notesOf({ by, why: 'released', for: reason }) });
  else {
    const spanMs = Math.max(1, wholeMs(request.forMs, MAX_HOLD_MS));
    const reopenings = state === 'forced-open' ? entry.reopenings : 0;
    const notes = notesOf({ by, why: 'held', for: reason });
    turn.rule(id, floor, { state, untilUs: turn.nowUs + spanMs * 1000, spanMs, reopenings, notes }); // (4)
  }
}

function release(turn: LedgerTurn, id: string, floor: number, notes: Record<string, string>): void {
  const { state, reopenings } = turn.entry(id);
  if (state === 'forced-open')
    turn.rule(id, floor, { state: 'open', untilUs: turn.nowUs, reopenings, notes: notesOf(notes) });
  else if (state === 'forced-closed') turn.rule(id, floor, { state: 'closed', notes: notesOf(notes) });
}

function replyOf({ shard, nowUs }: LedgerTurn): Reply {
  return { incarnation: shard.incarnation, nowUs, clock: shard.clock };
}
