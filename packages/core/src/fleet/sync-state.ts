/**
 * Sync state: how much of the ledger a node knows, when it asks again, and what the ledger may have lost.
 *
 *   unknown ── first sync ─► following ── message without a gap ─► following
 *      ▲                        │  └── gap, another incarnation, a poll is due ─► syncs
 *      └── the ledger began anew┘
 *
 *  view of the store: fresh ── silent for 3 polls ─► stale ── hold-off ─► degraded ── heard ─► fresh
 *
 * Invariants
 *  (1) A ticket is used only in the incarnation that gave it, and only while it is good.
 *  (2) After a full reading the node knows which of its rulings the ledger lacks.
 *  (3) A message that does not follow on what is known leads to a sync.
 *  (4) Polls of a fleet do not fall together, and a failed poll is repeated soon, then ever later, whatever waits for it.
 *  (5) A clock that has stood still, as that of a machine does that was suspended, is noticed with the next sync.
 *  (6) News of another incarnation lead to a full reading that ends after them. They may be of a master that is gone, and may
 *      have been under way while the node read all that the new one knows: nothing else would tell it what that one lacks.
 *
 * @module
 */

import type { Random } from '../kernel/random.ts';
import { HeadCount } from './head-count.ts';
import { type RulingMessage, type SyncReply, type SyncRequest, TICKET_TTL_MS, WIRE_MINOR } from './ledger.ts';

/** What a node knows of its ledger. */
export class SyncState {
  private readonly random: Random;
  incarnation = '';
  private ticketUs = 0;
  private ticketAt: number = Number.NEGATIVE_INFINITY;
  /** The ledger's time as it was last told, whether or not it makes a ticket, and when. */
  private told: { readonly nowUs: number; readonly at: number } | undefined = undefined;
  private since = 0;
  /** Whether the ledger may lack what is known here, until a full reading has ended: (6). */
  private wantsAll = false;
  /** Epochs that a full reading has told so far, by circuit; undefined outside of one. */
  private census: Map<string, number> | undefined = undefined;
  private pollMs = MIN_POLL_MS;
  private failures = 0;
  /** Proposals that got no answer, in a row, and until when none is made for it. */
  private lostSteps = 0;
  private proposeFrom: number = Number.NEGATIVE_INFINITY;
  private syncs = 0;
  private presenceAt: number = Number.NEGATIVE_INFINITY;
  private isSubscribed = false;
  private askedAt = Number.NEGATIVE_INFINITY;
  private lastSync: { readonly nowUs: number; readonly askedAt: number } | undefined = undefined;
  /** Whether the clock of this node has stood still before the latest sync: what was seen is older than it seems. */
  hasStood = false;
  heardAt: number = Number.NEGATIVE_INFINITY;
  /** When the ledger was last heard by a node that may share. */
  sharedAt: number = Number.NEGATIVE_INFINITY;
  /** The earliest that was asked for since the last request. */
  private hurriedAt = Infinity;
  dueAt: number = Number.NEGATIVE_INFINITY;
  private readonly heads = new HeadCount();
  /** Why this node may not share though the ledger answers; undefined where it may. */
  problem: string | undefined = undefined;

  constructor(random: Random) {
    this.random = random;
  }

  /** Nodes that share. */
  get fleetSize(): number {
    return this.heads.size;
  }

  /** Whether the ledger is heard as often as it should be. */
  isFresh(now: number): boolean {
    return now - this.heardAt < FRESH_POLLS * this.interval;
  }

  /** The longest silence of a ledger that is well. Milliseconds. */
  get longestSilenceMs(): number {
    return FRESH_POLLS * this.interval;
  }

  /** The ticket to propose with at `now`; undefined where there is none that is good: (1). */
  ticket(now: number): number | undefined {
    const isGood = now - this.ticketAt < TICKET_TTL_MS * TICKET_SHARE && this.census === undefined;
    return isGood && this.problem === undefined ? this.ticketUs : undefined;
  }

  /** From when on proposals can be made. Milliseconds; a ledger that does not answer, or not to us, is not asked more often for them. */
  proposableAt(now: number): number {
    return this.isWell || this.ticket(now) !== undefined ? this.proposeFrom : Math.max(this.dueAt, this.proposeFrom);
  }

  /** Proposals got an answer. */
  stepDone(): void {
    this.lostSteps = 0;
    this.proposeFrom = Number.NEGATIVE_INFINITY;
  }

  /** Proposals got none: asks where the ledger stands before others are made, and makes these ever later. */
  stepLost(now: number): void {
    this.proposeFrom = now + this.retryMs(++this.lostSteps); // (4)
    this.refuseTicket(now);
  }

  /** Something is to be proposed: asks the ledger where it stands, unless that has just come to nothing. */
  wantTicket(now: number): void {
    if (this.isWell) this.hurry(now);
  }

  /** A proposal was refused for its ticket, or the process has slept: asks before anything is proposed. */
  refuseTicket(now: number): void {
    this.ticketAt = Number.NEGATIVE_INFINITY;
    this.hurry(now);
  }

  /** What to ask at `now`. */
  request(now: number): Pick<SyncRequest, 'incarnation' | 'since' | 'presence'> {
    this.hurriedAt = Infinity;
    this.askedAt = now;
    const since = this.wantsAll && this.census === undefined ? 0 : this.since; // (6): a reading that has begun has not ended
    return { incarnation: this.incarnation, since, presence: now - this.presenceAt >= PRESENCE_MS };
  }

  /** Takes the answer to a request sent at `askedAt`. Returns whether a full reading has ended: (2). */
  synced(request: SyncRequest, reply: SyncReply, now: number): ReadonlyMap<string, number> | undefined {
    this.beginCensus(request, reply);
    this.hasStood = this.stoodStill(reply.nowUs, now);
    this.incarnation = reply.incarnation;
    this.noteReply(reply, now);
    for (const { id, epoch } of reply.rulings) this.census?.set(id, epoch);
    this.since = reply.clock;
    this.pollMs = reply.pollMs;
    const isFewer = this.heads.note(reply.nodes, this.interval, now);
    if (request.presence && this.hurriedAt === Infinity) this.presenceAt = now;
    else if (isFewer) this.sayPresence(now + this.random() * GAP_SPREAD_MS);
    this.dueAt = reply.hasMore ? now : Math.min(this.nextPollAt(now), this.hurriedAt); // what was missed meanwhile is asked for
    return reply.hasMore ? undefined : this.endCensus();
  }

  /** Notes that a reply came: the ledger's time is a new ticket. */
  noteReply({ incarnation, nowUs }: { readonly incarnation: string; readonly nowUs: number }, now: number): void {
    this.heardAt = now;
    if (this.problem === undefined) this.sharedAt = now;
    this.told = { nowUs, at: now };
    this.failures = 0;
    if (incarnation !== this.incarnation) {
      this.wantAll(now); // (6): it began anew, or is one that is gone
      return;
    }
    this.ticketUs = nowUs;
    this.ticketAt = now;
  }

  /** A request came to nothing. */
  failed(now: number): void {
    this.failures++;
    this.dueAt = now + this.retryMs(this.failures); // (4)
  }

  /** Takes a message; `isNews` where it told more than was known. What it tells is known now, unless something before it was missed: (3). */
  heard({ incarnation, previous, clock }: RulingMessage, now: number, isNews: boolean): void {
    const isOther = incarnation !== this.incarnation;
    if (isOther && isNews) this.wantsAll = true; // (6)
    if (isOther || previous > this.since) this.hurry(now + this.random() * GAP_SPREAD_MS);
    else if (clock > this.since) this.since = clock;
  }

  /** The subscription has begun, so what came before is asked for; or it was lost, so the ledger is asked more often. */
  subscribed(isSubscribed: boolean, now: number): void {
    this.isSubscribed = isSubscribed;
    if (isSubscribed) this.sayPresence(now);
    else this.hurry(now + this.interval);
  }

  /** Says at `at` at the latest that this node is there. */
  private sayPresence(at: number): void {
    this.presenceAt = Number.NEGATIVE_INFINITY;
    this.hurry(at);
  }

  /** Asks at `at` at the latest. */
  hurry(at: number): void {
    this.dueAt = Math.min(this.dueAt, at);
    this.hurriedAt = Math.min(this.hurriedAt, at);
  }

  /** How long ago an epoch was given out: at least so long, for the reply took its time. Milliseconds; -Infinity where nobody knows. */
  epochAgeMs(epoch: number, now: number): number {
    if (this.told === undefined) return Number.NEGATIVE_INFINITY;
    const { nowUs, at } = this.told;
    return (nowUs - epoch) / 1000 + (now - at);
  }

  /** Asks for everything: what was told so far was not taken up. */
  startOver(now: number): void {
    this.census = undefined;
    this.wantAll(now);
  }

  /** Asks for everything at `at` at the latest; a reading that is under way goes on, and will do. */
  private wantAll(at: number): void {
    this.wantsAll = true;
    this.hurry(at);
  }

  /** Time until the next try after so many that came to nothing. */
  private retryMs(failures: number): number {
    const quick = QUICK_RETRY_MS + this.random() * QUICK_RETRY_SPREAD_MS;
    const longest = this.interval > MIN_POLL_MS ? this.interval : MAX_RETRY_MS; // soon known in a small fleet, bearable for a large one
    const slow = Math.min(longest, this.interval * 2 ** (failures - QUICK_RETRIES)) * (0.5 + this.random() / 2);
    return failures <= QUICK_RETRIES ? quick : Math.max(quick, slow);
  }

  private beginCensus({ since }: SyncRequest, { incarnation, clock }: SyncReply): void {
    const isOther = incarnation !== this.incarnation || clock < since; // it began anew, or has gone back, and tells all
    if (since === 0 || isOther) this.census = new Map();
  }

  private nextPollAt(now: number): number {
    const intervalMs = this.syncs++ === 0 ? Math.min(FIRST_POLL_MS, this.interval) : this.interval; // others start, too
    return now + intervalMs * (1 + POLL_JITTER * (2 * this.random() - 1)); // (4)
  }

  /** Whether the ledger's time has gone on by more than this node's can have since the last sync was asked for: (5). */
  private stoodStill(nowUs: number, now: number): boolean {
    const { lastSync } = this;
    this.lastSync = { nowUs, askedAt: this.askedAt };
    if (lastSync === undefined) return false;
    return (nowUs - lastSync.nowUs) / 1000 > (now - lastSync.askedAt) * FASTEST_RATE + STOOD_MS;
  }

  private endCensus(): ReadonlyMap<string, number> | undefined {
    const whole = this.census;
    this.census = undefined;
    if (whole !== undefined) this.wantsAll = false;
    return whole;
  }

  private get isWell(): boolean {
    return this.failures === 0 && this.problem === undefined;
  }

  private get interval(): number {
    if (this.isSubscribed) return this.pollMs;
    return Math.min(MAX_LONE_POLL_MS, Math.max(MIN_LONE_POLL_MS, this.fleetSize / 10));
  }
}

/** Why a node that believes in `ours` shards may not share, by what the ledger says; undefined where it may. */
export function problemOf({ shards, readerMinor }: SyncReply, ours: number): string | undefined {
  if (shards !== ours) return `the fleet has ${shards} shards, and this process was told ${ours}`;
  return readerMinor > WIRE_MINOR
    ? `the fleet speaks minor version ${readerMinor}, and this process ${WIRE_MINOR}`
    : undefined;
}

// --- internal ---

const MIN_POLL_MS = 2000;
const FIRST_POLL_MS = 500;
const MIN_LONE_POLL_MS = 250;
const MAX_LONE_POLL_MS = 1000;
const FRESH_POLLS = 3;
const POLL_JITTER = 0.1;

/** How much faster than this node's the clock of the ledger may run, and by how much more it may go on. Milliseconds. */
const [FASTEST_RATE, STOOD_MS] = [1.1, 1000];
const PRESENCE_MS = 30_000;
const TICKET_SHARE = 0.8;
const QUICK_RETRIES = 3;
const QUICK_RETRY_MS = 40;
const QUICK_RETRY_SPREAD_MS = 60;
const MAX_RETRY_MS = 1000;
const GAP_SPREAD_MS = 50;
