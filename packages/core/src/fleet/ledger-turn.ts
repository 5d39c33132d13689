/**
 * Ledger turn: what every request to a ledger does: reads and changes rulings at one instant of the ledger's time, and
 * publishes at the end.
 *
 * Invariants
 *  (1) A ruling gets a new epoch with each transition; neither epochs nor the clock of a shard ever fall.
 *  (2) The time left of a ruling never exceeds its span, also when the ledger's clock steps back.
 *  (3) A hold whose time is over reads as what follows it, at the same epoch: open with its time over, or closed.
 *  (4) Each message begins at the version at which the one before it ended, and has no more than MAX_TOLD rulings.
 *  (5) Messages are at least `PACE_US_PER_NODE` per node apart; what is not published goes with the next.
 *
 * @module
 */

import type { Entry, LedgerShard } from './ledger-shard.ts';
import { MAX_LEASE_MS, MAX_TOLD, type RulingMessage, type Sender, TICKET_TTL_MS } from './ledger.ts';
import type { Ruling } from './ruling.ts';

/** The highest epoch that is taken from a node: far above all times, far below what a number can hold exactly. */
export const MAX_EPOCH = 9e15;

/** The longest time that a ruling stands. Milliseconds: 15 days. */
export const MAX_SPAN_MS = 1_296_000_000;

/** What is new about a ruling; what is left out is nothing. */
export type NewEntry = Pick<Entry, 'state'> &
  Partial<Pick<Entry, 'untilUs' | 'spanMs' | 'reopenings' | 'free' | 'notes'>>;

/** One request, at one instant. */
export class LedgerTurn {
  readonly shard: LedgerShard;
  readonly nowUs: number;
  private readonly clockBefore: number;
  private hasChanged = false;

  constructor(shard: LedgerShard, nowUs: number) {
    this.shard = shard;
    this.nowUs = nowUs;
    this.clockBefore = shard.clock;
  }

  /** The ruling on a circuit as it is now. */
  entry(id: string): Entry {
    const kept = this.shard.entries.get(id);
    if (kept === undefined) return nothingRuled;
    return afterHold(this.clamped(id, kept), this.nowUs);
  }

  /** Makes a transition, at an epoch above `floor`. Returns what it has come to. */
  rule(id: string, floor: number, change: NewEntry): Entry {
    const before = this.shard.entries.get(id)?.epoch ?? 0;
    const epoch = this.tick(Math.max(floor, before));
    return this.put(id, { ...nothingRuled, ...change, epoch }, epoch);
  }

  /** Takes a ruling over as it is, at its own epoch: it becomes the latest change. */
  takeOver(id: string, entry: Entry): Entry {
    return this.put(id, entry, this.tick(entry.epoch));
  }

  /** Changes what is no transition: the epoch stays, and all are told. */
  amend(id: string, entry: Entry): void {
    this.shard.entries.set(id, entry);
    this.shard.versions.set(id, this.tick(entry.epoch));
  }

  /** Changes what nobody needs to be told. */
  keep(id: string, entry: Entry): void {
    this.shard.entries.set(id, entry);
  }

  /** The ruling on a circuit, as it is told. */
  ruling(id: string): Ruling {
    const { epoch, state, spanMs, reopenings, free, untilUs, notes, hotUntilUs } = this.entry(id);
    const leftMs = ceilMs(untilUs - this.nowUs);
    const remainingMs = state === 'half-open' || (state === 'closed' && leftMs < 0) ? 0 : leftMs;
    const told = hotUntilUs > this.nowUs ? { ...notes, hot: String(ceilMs(hotUntilUs - this.nowUs)) } : notes;
    return { id, epoch, state, remainingMs, spanMs, reopenings, free, notes: told };
  }

  /** Ids and versions of what has changed since `version`, the oldest first. */
  changesSince(version: number): (readonly [id: string, version: number])[] {
    return [...this.shard.versions].filter(([, at]) => at > version).toSorted(([, a], [, b]) => a - b);
  }

  /** Begins a new incarnation: all tickets die, and no lease is granted while an old one may live. */
  beginIncarnation(nonce: string, serverId: string, leaseMs: number): void {
    const { shard, nowUs } = this;
    shard.incarnation = `${nonce}-${nowUs}`;
    shard.serverId = serverId;
    shard.longestLeaseMs = Math.max(shard.longestLeaseMs, wholeMs(leaseMs, MAX_LEASE_MS));
    shard.holdUs = nowUs + shard.longestLeaseMs * 1000;
    if (shard.clock === 0) shard.clock = nowUs;
  }

  /** A node has come that knew an earlier incarnation: its leases may live, whoever began this one. */
  prolongHold(leaseMs: number): void {
    const { shard, nowUs } = this;
    const lease = wholeMs(leaseMs, MAX_LEASE_MS);
    shard.longestLeaseMs = Math.max(shard.longestLeaseMs, lease);
    shard.holdUs = Math.max(shard.holdUs, nowUs + lease * 1000);
  }

  /** Whether the ticket is of this incarnation, and young enough. */
  isTicketGood({ incarnation, ticketUs }: Pick<Sender, 'incarnation' | 'ticketUs'>): boolean {
    const ageUs = this.nowUs - ticketUs;
    return incarnation !== '' && incarnation === this.shard.incarnation && ageUs >= 0 && ageUs <= TICKET_TTL_MS * 1000;
  }

  /** Time for which no lease is granted, since old ones may live. Microseconds; 0 or less where there is none. */
  holdLeftUs(): number {
    const { shard, nowUs } = this;
    shard.holdUs = Math.min(shard.holdUs, nowUs + shard.longestLeaseMs * 1000); // the ledger's clock may have stepped back
    return shard.holdUs - nowUs;
  }

  /** Time for which leases live that were out when their round ended. Microseconds; 0 or less where there are none. */
  outLeftUs(id: string): number {
    const { shard, nowUs } = this;
    return Math.min(shard.outUntilUs.get(id) ?? 0, nowUs + shard.longestLeaseMs * 1000) - nowUs; // the clock may have stepped back
  }

  /** The end of the turn: publishes what has changed, now or with a later turn: (4) (5). */
  publish(fleetSize: number, tell: (message: RulingMessage) => void): void {
    const { shard, nowUs } = this;
    const previous = shard.pendingFrom ?? (this.hasChanged ? this.clockBefore : undefined);
    if (previous === undefined) return;
    const sinceUs = nowUs - shard.publishedUs;
    if (sinceUs >= 0 && sinceUs < fleetSize * PACE_US_PER_NODE) {
      shard.pendingFrom = previous;
      return;
    }
    const changes = this.changesSince(previous);
    const told = changes.slice(0, MAX_TOLD);
    const last = told.at(-1);
    const clock = last === undefined || told.length === changes.length ? shard.clock : last[1];
    shard.pendingFrom = clock === shard.clock ? undefined : clock;
    shard.publishedUs = nowUs;
    tell({ incarnation: shard.incarnation, previous, clock, rulings: told.map(([id]) => this.ruling(id)) });
  }

  // --- internal ---

  private tick(floor: number): number {
    const { shard } = this;
    shard.clock = Math.max(shard.clock + 1, this.nowUs, floor + 1); // (1)
    this.hasChanged = true;
    return shard.clock;
  }

  private put(id: string, entry: Entry, version: number): Entry {
    const { shard } = this;
    shard.entries.set(id, entry);
    shard.versions.set(id, version);
    this.noteOut(id);
    shard.rounds.delete(id);
    shard.ballots.delete(id);
    return entry;
  }

  /** Notes until when leases live that are out now. */
  private noteOut(id: string): void {
    const { rounds, outUntilUs } = this.shard;
    const ends = [...(rounds.get(id)?.leases.values() ?? [])].map(({ expiresUs }) => expiresUs);
    const untilUs = Math.max(outUntilUs.get(id) ?? 0, ...ends);
    if (untilUs > this.nowUs) outUntilUs.set(id, untilUs);
    else outUntilUs.delete(id);
  }

  private clamped(id: string, kept: Entry): Entry {
    const latestUs = this.nowUs + kept.spanMs * 1000;
    if (kept.untilUs <= latestUs) return kept;
    const clamped = { ...kept, untilUs: latestUs }; // (2)
    this.keep(id, clamped);
    return clamped;
  }
}

/** Rounds a duration up to whole milliseconds, from 0 to `maxMs`. */
export function wholeMs(ms: number, maxMs: number): number {
  return Math.min(Math.max(0, Math.ceil(ms)), maxMs);
}

/** Microseconds as milliseconds, rounded up. */
export function ceilMs(us: number): number {
  return Math.ceil(us / 1000) + 0; // never -0
}

// --- internal ---

/** Time between messages per node: the time that telling one node takes, with as much to spare. Microseconds. */
const PACE_US_PER_NODE = 14;

const nothingRuled: Entry = {
  epoch: 0,
  state: 'closed',
  untilUs: 0,
  spanMs: 0,
  reopenings: 0,
  free: 0,
  notes: {},
  hotUntilUs: 0,
};

function afterHold(entry: Entry, nowUs: number): Entry {
  if (entry.untilUs > nowUs) return entry;
  if (entry.state === 'forced-open') return { ...entry, state: 'open' }; // (3)
  if (entry.state === 'forced-closed') return { ...entry, state: 'closed', untilUs: 0, spanMs: 0 }; // (3)
  return entry;
}
