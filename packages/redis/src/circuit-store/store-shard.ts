/**
 * Store shard: the circuits of one shard at this process: the node that knows them, the lane that speaks for it, and what it
 * hears.
 *
 * Invariants
 *  (1) A message of another major version, or that is none, changes nothing.
 *  (2) That a circuit has a ruling which cannot be read is told once.
 *  (3) Where a sync tells what a message should have told long before, the subscription is renewed, at most once in
 *      {@link RENEW_PAUSE_MS}.
 *  (4) The lane is silent until the connection stands for the first time, and hurries each time that it stands again.
 *
 * @module
 */

import { type SharingExplanation, reportHookError } from '@holdfast/core';
import {
  FleetNode,
  type HoldReply,
  Lane,
  type LedgerPort,
  type SyncReply,
  explain,
  type OperatorWish,
  holdRequest,
} from '@holdfast/core/fleet';

import { circuitKeys } from '../circuit/circuit-keys.ts';
import { type UnreadableRuling, readMessage } from '../circuit/wire.ts';
import { StoreUnavailableError } from '../lua-script.ts';
import { pollPaceMs } from './poll-pace.ts';
import { ledgerWire, redisLedger } from './redis-ledger.ts';
import type { RequestLog } from './request-log.ts';
import type { StoreTeller } from './store-events.ts';
import type { StoreLink } from '../store-link/store-link.ts';
import type { StoreSettings } from './store-options.ts';

/** A shard that this process uses. */
export interface StoreShard {
  readonly node: FleetNode;
  readonly lane: Lane;
  readonly channel: string;
  /** Whether its messages are heard. */
  readonly isHeard: boolean;
  /** Whether the store has ever answered for it. */
  readonly isKnown: boolean;
  /** Whether the store answers for it; one that was opened a moment ago has the benefit of the doubt. */
  isAnswered(now: number): boolean;
  /** The connection stands. */
  begin(): void;
  subscribed(isSubscribed: boolean): void;
  /** Takes a message. Returns whether it could be read. */
  heard(text: string): boolean;
  /** Whether there is a ticket to ask for a hold with, or nothing to wait for. */
  mayAsk(now: number): boolean;
  /** Asks for a hold, once: where the answer is not `done`, asking again may help, when {@link mayAsk} says so. */
  hold(wish: OperatorWish): Promise<HoldReply>;
}

/** What a shard is made with. */
export interface StoreShardParts {
  readonly settings: StoreSettings;
  /** The connections; undefined where the store was closed before. */
  readonly link: StoreLink | undefined;
  readonly log: RequestLog;
  readonly tell: StoreTeller;
  /** Told after each request and message. */
  readonly onTurn: () => void;
  /** Takes note of how many shards the ledger of a shard was made for, and returns how many the fleet has: {@link fleetShards}. */
  readonly countShards: (index: number, told: number) => number;
  /** Shards that the process uses. */
  readonly usedCount: () => number;
}

/** Makes the shard of that number. */
export function openShard(index: number, parts: StoreShardParts): StoreShard {
  return new Shard(index, parts);
}

/** Knows how many shards the fleet has: as many as its first one was made for, whichever a process uses. */
export function fleetShards(): StoreShardParts['countShards'] {
  let ofFirst: number | undefined;
  return (index, told) => {
    if (index === 0) ofFirst = told;
    return ofFirst ?? told;
  };
}

/** Why a circuit is as it is, as this process knows. */
export function explainCircuit({ node }: StoreShard, name: string, now: number): SharingExplanation {
  return explain(node.circuit(name, now), now);
}

// --- internal ---

/** Circuits whose unreadable rulings are remembered as told. */
const MAX_TOLD = 1000;

/** Time within which a shard that has been opened is answered for, where the store does answer. Milliseconds. */
const PATIENCE_MS = 3000;

/** A message that comes this late does not come. Messages are held back for less than that in the largest fleets. Milliseconds. */
const LATE_MS = 1000;

const RENEW_PAUSE_MS = 30_000;

class Shard implements StoreShard {
  readonly node: FleetNode;
  readonly lane: Lane;
  readonly channel: string;
  private wasSilent = false;
  private heardSince = Infinity;
  private renewedAt: number = Number.NEGATIVE_INFINITY;
  private readonly parts: StoreShardParts;
  private readonly ledger: LedgerPort;
  private readonly unreadable = new Set<string>();
  private readonly openedAt: number;

  constructor(index: number, parts: StoreShardParts) {
    this.parts = parts;
    const { settings, tell } = parts;
    const { prefix, namespace, clock, random, shardCount: shards } = settings;
    const keys = circuitKeys({ prefix, namespace, shard: index });
    this.openedAt = clock.now();
    this.channel = keys.channel;
    const ledger = ledgerOf(keys, parts, (rulings) => this.tellUnreadable(rulings));
    const sync: LedgerPort['sync'] = async (request) => {
      const reply = await ledger.sync(request);
      this.wasSilent = false;
      if (reply.incarnation === request.incarnation) this.lookForMissed(reply);
      const pollMs = pollPaceMs(reply.pollMs, parts.usedCount());
      return { ...reply, pollMs, shards: parts.countShards(index, reply.shards) };
    };
    this.ledger = { ...ledger, sync };
    const onDisagreement = (circuit: string, by: string): void =>
      tell({ type: 'circuit-store.disagreed', circuit, by });
    this.node = new FleetNode({ settings: nodeSettings(parts), random, shards, onDisagreement });
    this.lane = new Lane({ node: this.node, port: this.ledger, clock, onTurn: parts.onTurn });
  }

  get isHeard(): boolean {
    return this.heardSince < Infinity;
  }

  get isKnown(): boolean {
    return this.node.heardAt > Number.NEGATIVE_INFINITY;
  }

  isAnswered(now: number): boolean {
    if (!this.isKnown) return now - this.openedAt < PATIENCE_MS;
    if (!this.node.isFresh(now)) this.wasSilent = true; // a subscription that is back is no answer yet
    return !this.wasSilent;
  }

  begin(): void {
    this.node.sync.hurry(this.parts.settings.clock.now());
    this.lane.start(); // (4)
  }

  subscribed(isSubscribed: boolean): void {
    this.heardSince = isSubscribed ? this.parts.settings.clock.now() : Infinity;
    this.act(() => this.lane.subscribed(isSubscribed));
  }

  heard(text: string): boolean {
    const message = readMessage(text);
    if (message === undefined) return false; // (1)
    this.tellUnreadable(message.unreadable);
    this.act(() => this.lane.heard(message));
    return true;
  }

  mayAsk(now: number): boolean {
    const { sync } = this.node;
    return sync.problem !== undefined || sync.ticket(now) !== undefined;
  }

  async hold(wish: OperatorWish): Promise<HoldReply> {
    const { node } = this;
    const { clock: time } = this.parts.settings;
    const reply = await this.ledger.hold(holdRequest(node, wish, time.now()));
    const { code, incarnation, clock, ruling } = reply;
    if (code === 'stale') node.sync.refuseTicket(time.now());
    const told = { incarnation, previous: clock, clock, rulings: [ruling] };
    this.act(() => this.lane.heard(told)); // known here at once, also where no message comes
    return reply;
  }

  /** What is done in a listener of the client must not throw: it would end the process. */
  private act(what: () => void): void {
    try {
      what();
    } catch (error) {
      reportHookError('circuitStore', error, this.parts.settings.namespace);
    }
  }

  /** A ruling that is news here and of which a message was sent while its channel was heard: (3). */
  private lookForMissed({ nowUs, rulings }: SyncReply): void {
    const { settings, link } = this.parts;
    const now = settings.clock.now();
    const isMissed = rulings.some(({ id, epoch }) => {
      const ageMs = (nowUs - epoch) / 1000;
      const isNews = epoch > (this.node.find(id)?.known.epoch ?? 0);
      return isNews && ageMs > LATE_MS && now - ageMs > this.heardSince + LATE_MS;
    });
    if (!isMissed || now - this.renewedAt < RENEW_PAUSE_MS) return;
    this.renewedAt = now;
    link?.subscription.renew(this.channel);
  }

  private tellUnreadable(rulings: readonly UnreadableRuling[]): void {
    for (const { id, unreadable } of rulings) {
      if (this.unreadable.has(id) || this.unreadable.size >= MAX_TOLD) continue;
      this.unreadable.add(id); // (2)
      const problem = `a ruling that this version cannot read: ${unreadable}`;
      this.parts.tell({ type: 'circuit-store.incompatible', problem, circuit: id });
    }
  }
}

function nodeSettings({ settings }: StoreShardParts): FleetNode['settings'] {
  const { node, quorum, ballotTtlMs, maxLostProbes, mode, holdOffMs } = settings;
  return { node, quorum, ballotTtlMs, maxLostProbes, mode, holdOffMs };
}

function ledgerOf(
  keys: ReturnType<typeof circuitKeys>,
  { settings, link, log }: StoreShardParts,
  onUnreadable: (rulings: readonly UnreadableRuling[]) => void,
): LedgerPort {
  if (link === undefined) return closedLedger;
  const { clock, commandTimeoutMs: timeoutMs } = settings;
  const wire = ledgerWire(keys, () => (link.subscription.isSharded ? 'SPUBLISH' : 'PUBLISH'));
  return redisLedger({ wire, connection: link.commands, clock, timeoutMs, log, onUnreadable });
}

const refuse = (): Promise<never> => Promise.reject(new StoreUnavailableError('the store is closed'));

/** Of a breaker that joins a store that was closed: it decides alone. */
const closedLedger: LedgerPort = { sync: refuse, step: refuse, flush: refuse, hold: refuse };
