/**
 * Token supply: where a node's tokens come from: batches that the store grants, asked for beside the calls, or the node's own
 * share of the rate while the store does not answer.
 *
 *   joining ── first answer ──► shared ◄── answer ── alone
 *      │                          └── no answer ──────►▲
 *      └── no answer within commandTimeoutMs ──────────┘
 *
 * Invariants
 *  (1) Drawing never waits: it is decided by what is in memory.
 *  (2) There is at most one request under way.
 *  (3) A batch is good for `leaseMs` from when it was asked for, at most; what is unused then is given back.
 *  (4) A request that is made again has the same ticket, so that a batch is granted once; its answer is taken once.
 *  (5) While alone the store is asked again by calls that come, no more often than every `RETRY_MS` or so.
 *
 * @module
 */

import type { Clock, Random } from '@holdfast/core';

import { type LuaScript, luaScript } from '../lua-script.ts';
import { rateLimiterTakeLua } from '../lua-sources.ts';
import type { ScriptLink } from '../script-link.ts';
import type { Limits } from './limits.ts';
import { LocalShare } from './local-share.ts';
import { Flow, askFor, pauseMs, shareOf } from './refill.ts';
import { type TakeReply, type TakeRequest, type Taker, takeInput, takeReply } from './take-call.ts';
import { TokenHand } from './token-hand.ts';

/** Where tokens come from now. */
export type SupplyMode = 'joining' | 'shared' | 'alone';

/** What a supply is made of. */
export interface SupplyParts {
  readonly taker: Taker;
  readonly link: ScriptLink;
  readonly clock: Clock;
  readonly random: Random;
  readonly commandTimeoutMs: number;
  readonly expectedNodeCount: number;
  /** Whether the node goes by its share of the rate while the store does not answer; else it has nothing then. */
  readonly sharesAlone: boolean;
  /** What the calls in line cost: all together, and the first. */
  lineCosts(): { readonly queued: number; readonly first: number };
  /** Called after there may be more tokens, or the mode has changed. */
  onNews(before: SupplyMode, error: unknown): void;
  /** Called when another node goes by another rate. */
  onDisagreement(): void;
}

/** The tokens of one node. */
export class TokenSupply {
  mode: SupplyMode = 'joining';
  /** Nodes that take from the rate, as last known. */
  nodes: number;
  private readonly parts: SupplyParts;
  private readonly script: LuaScript = luaScript('rate-limiter-take', rateLimiterTakeLua);
  private readonly hand = new TokenHand();
  private limits: Limits;
  private local: LocalShare | undefined;
  private readonly demand: Flow;
  private readonly gain: Flow;
  private lowWater = 0;
  private ticket = 0;
  /** The last request, while its answer is missing. */
  private pending: TakeRequest | undefined;
  private isAsking = false;
  private nextAskAt = -Infinity;
  /** When the fleet has a token again, as the store said; long ago where it has more. */
  private exhaustedUntil = -Infinity;
  private joinBy: number | undefined;
  private knownRate = false;

  constructor(parts: SupplyParts, limits: Limits) {
    const now = parts.clock.now();
    this.parts = parts;
    this.limits = limits;
    this.nodes = parts.expectedNodeCount;
    this.demand = new Flow(now, parts.taker.leaseMs);
    this.gain = new Flow(now, parts.taker.leaseMs);
  }

  /** Tokens in hand. */
  countAt(now: number): number {
    return this.hand.countAt(now);
  }

  /** Whether there is nothing to have until the store answers. */
  get isDry(): boolean {
    return this.mode === 'alone' && !this.parts.sharesAlone;
  }

  /** Notes that a call came which costs `cost`. */
  noteDemand(cost: number): void {
    this.demand.note(cost);
  }

  /** Takes `cost` tokens, all or none. */
  draw(cost: number, now: number): boolean {
    return this.hand.take(cost, now) || (this.local?.take(cost) ?? false); // (1)
  }

  /** Sees to it that there will be tokens for the calls to come. */
  topUp(now: number): void {
    if (this.hand.countAt(now) <= this.lowWater) this.refill(now);
  }

  /** Time until `cost` tokens should be there. Milliseconds; 0 where a request may bring them at once. */
  delayMs(cost: number, now: number): number {
    if (this.mode === 'alone') return this.local?.delayMs(cost) ?? Math.max(1, this.nextAskAt - now);
    const { emissionMs, maxBurst } = this.limits;
    const missing = cost - this.hand.countAt(now);
    const freeForMs = now - this.exhaustedUntil;
    const there = freeForMs < 0 ? 0 : Math.min(maxBurst, 1 + freeForMs / emissionMs); // if no other node has taken it
    if (missing <= there) return 0;
    const perMs = Math.max(1 / (emissionMs * this.nodes), Math.min(1 / emissionMs, this.gain.perMs));
    return freeForMs < 0 ? (missing - 1) / perMs - freeForMs : (missing - there) / perMs;
  }

  /** Asks for tokens where that makes sense now: for those in line, and for `missed` by calls that are not. */
  refill(now: number, missed = 0): void {
    if (this.isAsking || now < this.nextAskAt) return; // (2) (5)
    if (!this.parts.link.isReady) this.missStore(now);
    else if (this.pending !== undefined && now < this.pending.madeAt + this.parts.taker.leaseMs) this.ask(this.pending); // (4)
    else this.askAnew(now, missed);
  }

  /** When the supply wants to be looked at next: Infinity where nothing is in hand and nobody waits. */
  dueAt(hasLine: boolean, now: number): number {
    const backAt = this.hand.hasUnused && !this.isAsking ? Math.max(now, this.nextAskAt) : this.hand.expiresAt;
    if (!hasLine || this.isAsking) return backAt;
    const joinAt = this.mode === 'joining' && !this.parts.link.isReady ? (this.joinBy ?? now) : this.nextAskAt;
    return Math.min(backAt, joinAt);
  }

  /** The connection is there again: ask soon, at a moment of this node's own. */
  hasConnection(now: number): void {
    if (this.mode === 'alone') this.nextAskAt = Math.min(this.nextAskAt, now + SPREAD_MS * this.parts.random());
  }

  /** Looks after what is over, and after those who wait. */
  look(hasLine: boolean, now: number): void {
    this.hand.expire(now);
    if (this.mode === 'alone') this.hand.takeUnused(); // there is nobody to give it to in time
    if (hasLine || this.hand.hasUnused) this.refill(now);
  }

  changeLimits(limits: Limits): void {
    this.limits = limits;
    this.local?.change(limits, this.nodes);
    this.knownRate = false;
    [this.nextAskAt, this.exhaustedUntil] = [-Infinity, -Infinity];
  }

  /** Gives back what is in hand. */
  async giveBack(): Promise<void> {
    this.hand.discardAll();
    const { clock, link, taker } = this.parts;
    const now = clock.now();
    if (!this.hand.hasUnused || !link.isReady) return;
    const last = { want: 0, least: 0, unused: this.hand.takeUnused(), debt: 0, limits: this.limits, madeAt: now };
    await link.run(this.script, takeInput(taker, { ...last, ticket: ++this.ticket })).catch(() => {});
  }

  // --- internal ---

  private askAnew(now: number, missed: number): void {
    const { leaseMs, maxLeaseRatio } = this.parts.taker;
    const { queued, first } = this.parts.lineCosts();
    const ask = askFor({
      demandPerMs: this.demand.look(now),
      batchMs: leaseMs / 2,
      inHand: this.hand.countAt(now),
      queuedCost: queued + missed,
      firstCost: first,
      mayHold: shareOf(this.limits.maxBurst, maxLeaseRatio, this.nodes),
      fairShare: shareOf(this.limits.maxBurst, 1, this.nodes),
    });
    if (ask.want === 0 && !this.hand.hasUnused && this.mode !== 'alone') {
      this.lowWater = Math.floor(this.hand.countAt(now) / 2); // enough for now
      return;
    }
    const unused = this.hand.takeUnused();
    const debt = this.local?.debt ?? 0;
    this.ask({ ...ask, ticket: ++this.ticket, unused, debt, limits: this.limits, madeAt: now });
  }

  private ask(request: TakeRequest): void {
    const { link, taker, clock } = this.parts;
    this.pending = request;
    this.isAsking = true;
    void link
      .run(this.script, takeInput(taker, request))
      .then(takeReply)
      .then(
        (reply) => this.hear(request, reply, clock.now()),
        (error: unknown) => this.miss(error, clock.now()),
      );
  }

  private hear(request: TakeRequest, reply: TakeReply, now: number): void {
    const { leaseMs } = this.parts.taker;
    const before = this.mode;
    const { granted, atUs, waitMs } = reply;
    this.isAsking = false;
    this.pending = undefined; // (4)
    this.mode = 'shared';
    this.local = undefined;
    this.nodes = reply.nodes;
    this.hand.put({ count: granted, expiresAt: request.madeAt + leaseMs, grantedAtUs: atUs }); // (3)
    this.gain.note(granted);
    this.gain.look(now);
    this.lowWater = Math.floor(this.hand.countAt(now) / 2);
    this.exhaustedUntil = waitMs > 0 ? now + waitMs : -Infinity;
    this.nextAskAt = waitMs > 0 ? now + this.pauseMs(waitMs) : now;
    if (reply.hasChanged && this.knownRate) this.parts.onDisagreement();
    this.knownRate = true;
    this.parts.onNews(before, undefined);
  }

  private pauseMs(waitMs: number): number {
    const { maxBurst, emissionMs } = this.limits;
    return pauseMs(waitMs, maxBurst * emissionMs, this.parts.taker.leaseMs, this.parts.random());
  }

  /** There is no connection: wait for the first one a little, as for an answer, but not for a later one. */
  private missStore(now: number): void {
    this.joinBy ??= now + this.parts.commandTimeoutMs;
    if (this.mode === 'joining' && now < this.joinBy) return;
    this.miss(undefined, now);
  }

  private miss(error: unknown, now: number): void {
    const before = this.mode;
    this.isAsking = false;
    this.nextAskAt = now + RETRY_MS * (0.5 + this.parts.random() / 2); // (5)
    this.mode = 'alone';
    if (before !== 'alone' && this.parts.sharesAlone)
      this.local = new LocalShare(this.limits, this.nodes, this.parts.clock);
    this.parts.onNews(before, error);
  }
}

// --- internal ---

const RETRY_MS = 500;
/** Nodes that get their connection back at the same time ask within so long. */
const SPREAD_MS = 50;
