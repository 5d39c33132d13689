/**
 * Redis circuit store: circuits that a fleet shares through Redis, and no call waits for.
 *
 *   breaker ── join ─► shard: node and lane ── requests ─► commands connection ─► scripts
 *                            ▲                                                      │ publish
 *                            └────────────── messages ── subscription ◄─────────────┘
 *
 * A store connects when the first breaker joins, by connections of its own; `close` ends them.
 *
 * Invariants
 *  (1) The client that was handed in is never used for a command, changed or closed.
 *  (2) Nothing that Redis does reaches a breaker but rulings; without Redis breakers decide alone, and nothing throws.
 *  (3) It is back by itself as soon as its connection is: nobody need call anything.
 *  (4) After `close` there is no connection, no timer and no event, and the fleet has its leases back.
 *
 * @module
 */

import type { CircuitMember, CircuitStore, ExplainedRuling, SharedCircuit, SharingExplanation } from '@holdfast/core';
import { type HoldReply, type OperatorWish, joinCircuit, explainRuling } from '@holdfast/core/fleet';

import type { AuditEntry } from '../circuit/circuit-hold.ts';
import { StoreUnavailableError } from '../lua-script.ts';
import type { RedisClient } from '../redis-client.ts';
import { RequestLog } from './request-log.ts';
import { SharingMode } from '../store-link/sharing-mode.ts';
import { type StoreLink, openStoreLink } from '../store-link/store-link.ts';
import { type HoldWish, heldState, type OperatorNote, holdRequest, readAudit } from './store-operator.ts';
import { type RedisCircuitStoreOptions, type StoreSettings, storeSettings } from './store-options.ts';
import { type StoreTeller, sharingTeller, storeTeller } from './store-events.ts';
import type { RedisStoreHealth } from './store-health.ts';
import { type StoreShard, explainCircuit, fleetShards, openShard } from './store-shard.ts';

export type { AuditEntry } from '../circuit/circuit-hold.ts';
export type { ServerOperation } from './request-log.ts';
export type * from './store-events.ts';
export type { RedisStoreHealth } from './store-health.ts';
export type { HoldWish, OperatorNote } from './store-operator.ts';
export { type QuorumRule, type RedisCircuitStoreOptions, redisCircuitStoreDefaults } from './store-options.ts';

/** Circuits that a fleet shares through Redis. */
export interface RedisCircuitStore extends CircuitStore {
  /**
   * Holds a circuit open or closed for the whole fleet. Asking again replaces the hold.
   *
   * @throws ConfigError when a wish has a value that it cannot have.
   * @throws StoreUnavailableError when no answer came: it may have been done.
   */
  hold(name: string, state: 'open' | 'closed', wish: HoldWish): Promise<ExplainedRuling>;
  /**
   * Ends a hold: a circuit that was held open is probed, one that was held closed is closed. Does nothing where there is none.
   *
   * @throws StoreUnavailableError when no answer came: it may have been done.
   */
  release(name: string, note: OperatorNote): Promise<ExplainedRuling>;
  /**
   * Closes a circuit, whatever it was. It may open again at once.
   *
   * @throws StoreUnavailableError when no answer came: it may have been done.
   */
  closeCircuit(name: string, note: OperatorNote): Promise<ExplainedRuling>;
  /** Why a circuit is as it is, as this process knows; asks the store first where it has not before. */
  explain(name: string): Promise<SharingExplanation>;
  /**
   * What operators did, the latest first: at most `limit` entries, by default 50.
   *
   * @throws StoreUnavailableError when no answer came.
   */
  audit(limit?: number): Promise<readonly AuditEntry[]>;
  /** Connects, and tells whether circuits are shared, as soon as they are or `timeoutMs`, by default 5 000, are over. Never rejects. */
  ready(timeoutMs?: number): Promise<boolean>;
  health(): RedisStoreHealth;
}

/**
 * Creates a store of circuits over connections of its own to where `redis` points: a `Redis` of ioredis, stand-alone or behind
 * Sentinels, or a `Cluster`. One store may serve any number of registries.
 *
 * @throws ConfigError at creation, when an option has a value that it cannot have, or the client has a `keyPrefix`.
 * @throws TypeError at creation, when an option is not known.
 *
 * @example
 * ```ts
 * const store = redisCircuitStore(redis, { namespace: 'shop-prod' });
 * const registry = createRegistry({ store });
 * ```
 */
export function redisCircuitStore(redis: RedisClient, options: RedisCircuitStoreOptions): RedisCircuitStore {
  return new FleetStore(redis, storeSettings(redis, options));
}

// --- internal ---

const READY_TIMEOUT_MS = 5000;
const AUDIT_LIMIT = 50;

/** A hold is asked for again where the circuit, or the server, has moved on since this process knew it. */
const MAX_ASKED = 3;
const [MIN_PING_MS, MAX_PING_MS] = [2000, 10_000];

class FleetStore implements RedisCircuitStore {
  private readonly client: RedisClient;
  private readonly settings: StoreSettings;
  private readonly log: RequestLog;
  private readonly sharing: SharingMode;
  private readonly tell: StoreTeller;
  private readonly shards = new Map<number, StoreShard>();
  private readonly byChannel = new Map<string, StoreShard>();
  private readonly countShards = fleetShards();
  private link: StoreLink | undefined = undefined;
  private closing: Promise<void> | undefined = undefined;
  private mismatchBefore: string | undefined = undefined;
  private malformedCount = 0;

  constructor(client: RedisClient, settings: StoreSettings) {
    this.client = client;
    this.settings = settings;
    this.tell = storeTeller(settings.events, settings.namespace);
    this.log = new RequestLog(settings.clock, (denial) => this.tell({ type: 'circuit-store.denied', ...denial }));
    this.sharing = new SharingMode(settings.clock, sharingTeller(this.tell));
  }

  join(member: CircuitMember): SharedCircuit {
    const { lane, node } = this.shardOf(member.name);
    return joinCircuit({ lane, node, clock: this.settings.clock }, member);
  }

  async hold(name: string, state: 'open' | 'closed', wish: HoldWish): Promise<ExplainedRuling> {
    return this.operate(holdRequest(name, heldState(state), wish));
  }

  async release(name: string, note: OperatorNote): Promise<ExplainedRuling> {
    return this.operate(holdRequest(name, 'auto', { ...note, forMs: 1 }));
  }

  async closeCircuit(name: string, note: OperatorNote): Promise<ExplainedRuling> {
    return this.operate(holdRequest(name, 'closed', { ...note, forMs: 1 }));
  }

  async explain(name: string): Promise<SharingExplanation> {
    const shard = this.shardOf(name);
    await this.sharing.when(() => shard.isKnown, READY_TIMEOUT_MS);
    return explainCircuit(shard, name, this.settings.clock.now());
  }

  async audit(limit: number = AUDIT_LIMIT): Promise<readonly AuditEntry[]> {
    const { commands } = await this.readyLink();
    return readAudit({ commands, settings: this.settings, log: this.log }, limit);
  }

  async ready(timeoutMs: number = READY_TIMEOUT_MS): Promise<boolean> {
    if (this.closing !== undefined) return false;
    if (this.shards.size === 0) this.shardAt(0);
    return this.sharing.when(() => this.sharing.mode === 'shared', timeoutMs);
  }

  health(): RedisStoreHealth {
    this.look();
    const shards = [...this.shards.values()];
    const heard = shards.filter((shard) => shard.isHeard).length;
    return {
      name: this.settings.namespace,
      mode: this.sharing.mode,
      ...this.log.health(),
      nodes: Math.max(0, ...shards.map(({ node }) => node.fleetSize)),
      problem: this.problem,
      shards: { used: shards.length, heard },
      malformedMessages: this.malformedCount,
    };
  }

  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    this.sharing.close();
    await Promise.all([...this.shards.values()].map(({ lane }) => lane.stop())); // (4)
    this.link?.close();
  }

  private shardOf(name: string): StoreShard {
    return this.shardAt(this.settings.shardOf(name));
  }

  /** The shard of that number, and with it the first one, which knows how many there are. */
  private shardAt(index: number): StoreShard {
    const known = this.shards.get(index);
    if (known !== undefined) return known;
    if (index !== 0) this.shardAt(0);
    const link = this.openLink();
    const shard = openShard(index, {
      settings: this.settings,
      link,
      log: this.log,
      tell: this.tell,
      onTurn: () => this.look(),
      countShards: this.countShards,
      usedCount: () => this.shards.size,
    });
    this.shards.set(index, shard);
    this.byChannel.set(shard.channel, shard);
    link?.subscription.add(shard.channel);
    if (link?.commands.status === 'ready') shard.lane.start();
    return shard;
  }

  /** The connections, opened when they are first needed; undefined after close. */
  private openLink(): StoreLink | undefined {
    if (this.closing !== undefined) return undefined;
    this.link ??= openStoreLink(this.client, {
      settings: this.settings,
      log: this.log,
      pingEveryMs: () => this.pingEveryMs,
      listener: {
        subscribed: (channel, isSubscribed) => this.byChannel.get(channel)?.subscribed(isSubscribed),
        heard: (channel, text) => this.hear(channel, text),
      },
      onReady: () => this.begin(),
    });
    return this.link;
  }

  /** The connection stands: (3). */
  private begin(): void {
    this.log.noteReady();
    for (const shard of this.shards.values()) shard.begin();
    this.look();
  }

  private hear(channel: string, text: string): void {
    if (this.byChannel.get(channel)?.heard(text) === false) this.malformedCount++;
  }

  private async operate(request: OperatorWish): Promise<ExplainedRuling> {
    if (this.closing !== undefined) throw closedError();
    const shard = this.shardOf(request.id);
    for (let asked = 1; asked <= MAX_ASKED; asked++) {
      // oxlint-disable-next-line no-await-in-loop -- asked again only where the first answer was no
      const { code, ruling } = await this.ask(shard, request);
      if (code === 'done') return explainRuling(ruling);
    }
    throw new StoreUnavailableError(shard.node.sync.problem ?? `the ruling on ${request.id} does not stand still`);
  }

  private async ask(shard: StoreShard, wish: OperatorWish): Promise<HoldReply> {
    const mayAsk = (): boolean => shard.mayAsk(this.settings.clock.now());
    const isKnown = await this.sharing.when(mayAsk, READY_TIMEOUT_MS); // and so connected, also in a Cluster
    const { denial } = this.log;
    if (!isKnown && denial !== undefined)
      throw new StoreUnavailableError(`the server refuses ${denial.operation}: ${denial.message}`, {
        trouble: 'denied',
      });
    return shard.hold(wish);
  }

  /** The connections, as soon as scripts can be sent, or have been waited for in vain. */
  private async readyLink(): Promise<StoreLink> {
    const link = this.openLink();
    if (link === undefined) throw closedError();
    await this.sharing.when(() => link.commands.status === 'ready', READY_TIMEOUT_MS);
    return link;
  }

  /** Looks whether circuits are shared, and tells when that has changed. */
  private look(): void {
    if (this.closing !== undefined) return;
    const now = this.settings.clock.now();
    const shards = [...this.shards.values()];
    const isAnswered = shards.every((shard) => shard.isAnswered(now)) && shards.some((shard) => shard.isKnown);
    const { problem, mismatch } = this;
    if (mismatch !== this.mismatchBefore && mismatch !== undefined)
      this.tell({ type: 'circuit-store.incompatible', problem: mismatch, circuit: undefined });
    this.mismatchBefore = mismatch;
    this.sharing.note(isAnswered && problem === undefined, problem ?? 'the store does not answer');
  }

  private get problem(): string | undefined {
    const { denial } = this.log;
    if (denial !== undefined) return `the server refuses ${denial.operation}: ${denial.message}`;
    return this.mismatch;
  }

  /** What the fleet has been told otherwise, or what of it cannot be read; undefined where nothing is. */
  private get mismatch(): string | undefined {
    for (const { node } of this.shards.values()) if (node.sync.problem !== undefined) return node.sync.problem;
    return undefined;
  }

  private get pingEveryMs(): number {
    const nodes = Math.max(0, ...[...this.shards.values()].map(({ node }) => node.fleetSize));
    return Math.min(Math.max(nodes, MIN_PING_MS), MAX_PING_MS);
  }
}

function closedError(): StoreUnavailableError {
  return new StoreUnavailableError('the store is closed');
}
