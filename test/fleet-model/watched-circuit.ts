/**
 * Watched circuit: one breaker of one process and the circuit that it shares, with a witness between them that knows what
 * calls there were.
 *
 *   calls ─► breaker ─► witness ─► membership ─► node           breaker ◄─ witness ◄─ node
 *
 * @module
 */

import { type CircuitBreaker, type CircuitPermit, circuitBreaker } from '@holdfast/core/circuit-breaker';
import { type MembershipParts, joinCircuit } from '@holdfast/core/fleet';

import type {
  CircuitMember,
  CircuitStore,
  FollowedState,
  MemberTrip,
  ProbeAnswer,
  SharedCircuit,
} from '../../packages/core/src/kernel/circuit-store.ts';
import type { NodeCircuit } from '../../packages/core/src/fleet/node-circuit.ts';
import type { NodeLease } from '../../packages/core/src/fleet/lease-pool.ts';
import {
  adoptedBy,
  checkI4Window,
  checkI18Start,
  checkI21Admitted,
  checkI21Late,
  checkI22Taken,
} from './check-nodes.ts';
import type { Facts } from './facts.ts';

/** What a pool of leases keeps, as the checks look at it. */
export interface PoolInside {
  readonly held: readonly NodeLease[];
  readonly running: ReadonlySet<NodeLease>;
}

/** What a witness is made of. */
export interface WatchParts extends MembershipParts {
  readonly facts: Facts;
  readonly name: string;
  /** Time of the world. Milliseconds. */
  readonly worldNow: () => number;
}

/** An outcome that may count in a window. */
interface Outcome {
  readonly at: number;
  readonly byClock: number;
  readonly failed: boolean;
}

/** A call that runs. */
export interface WatchedCall {
  readonly isProbe: boolean;
  settle(outcome: 'success' | 'failure' | 'ignored'): void;
}

/** A breaker of a process, and what really happened to it. */
export class WatchedCircuit {
  readonly breaker: CircuitBreaker;
  readonly parts: WatchParts;
  readonly circuit: NodeCircuit;
  /** Outcomes of calls that began under the state entry that stands; the oldest first. */
  outcomes: Outcome[] = [];
  /** When calls had outcomes since the node took up the ruling that stands, in the time of the world. */
  settledAt: number[] = [];
  /** When it last told of its window under that ruling. */
  toldAt: number = Number.NEGATIVE_INFINITY;
  /** When its node last asked what there was. */
  talliedAt: number = Number.NEGATIVE_INFINITY;
  private entry = 0;
  /** The epoch under which the node last formed a view of its own; undefined where it never did. */
  formedUnder: number | undefined = undefined;
  /** Earliest end of the open time of the ruling of `openEpoch` that was ever told to this node, by its clock. */
  openUntil: number = Number.NEGATIVE_INFINITY;
  openEpoch = -1;
  /** When the latest lone probe began, and the least time until the next, by the clock of the node. */
  loneAt: number = Number.NEGATIVE_INFINITY;
  loneSpreadMs = 0;
  loneCount = 0;
  isLoneRunning = false;
  /** Leases that calls have taken which still run. */
  readonly probing = new Set<NodeLease>();
  /** What the last question for a probe came to. */
  private taken: 'own' | 'lone' | NodeLease | undefined = undefined;

  constructor(parts: WatchParts) {
    this.parts = parts;
    const { breaker } = parts.facts.plan;
    const store: CircuitStore = {
      join: (member) => this.join(member),
      health: () => {
        throw new Error('nobody asks');
      },
      close: () => Promise.resolve(),
    };
    this.breaker = circuitBreaker({
      ...breaker,
      name: parts.name,
      clock: parts.clock,
      random: parts.node.random,
      store,
    });
    this.circuit = parts.node.circuit(parts.name, parts.clock.now());
  }

  get pool(): PoolInside {
    return this.circuit.leases as unknown as PoolInside;
  }

  /** A call comes. Returns what ends it, where it is let run. */
  call(): WatchedCall | undefined {
    this.taken = undefined;
    const permit = this.breaker.tryAcquire();
    if (permit === undefined) return undefined;
    const taken = this.taken as 'own' | 'lone' | NodeLease | undefined;
    const { facts } = this.parts;
    if (taken === undefined) facts.check(() => checkI21Admitted(this));
    else facts.count(`a probe runs by ${typeof taken === 'string' ? taken : 'a lease'}`);
    const { entry } = this;
    const settle: WatchedCall['settle'] = (outcome) => {
      if (outcome !== 'ignored') this.settledAt.push(this.parts.worldNow());
      if (outcome !== 'ignored' && taken === undefined && entry === this.entry)
        this.outcomes.push({
          at: this.parts.worldNow(),
          byClock: this.parts.clock.now(),
          failed: outcome === 'failure',
        });
      if (taken === 'lone') this.isLoneRunning = false;
      if (typeof taken === 'object') this.probing.delete(taken);
      end(permit, outcome);
    };
    return { isProbe: taken !== undefined, settle };
  }

  /** The node knows its first ruling: it keeps a view of its own if that was formed by what came after that ruling. */
  catchUp(at: number): void {
    const { facts, node, name } = this.parts;
    const { circuit, formedUnder } = this;
    this.toldAt = Number.NEGATIVE_INFINITY; // what was told before was told under another ruling
    const trip = facts.trips.get(`${node.settings.node} ${name} 0`);
    if (circuit.own === undefined || formedUnder !== 0 || trip === undefined) return;
    const stoodMs = facts.stoodMs.get(node.settings.node) ?? 0;
    checkI21Late(circuit, trip.oldestAt + stoodMs - facts.bornAt(adoptedBy(circuit, 0), at));
    this.formedUnder = circuit.known.epoch;
    facts.trips.set(`${node.settings.node} ${name} ${circuit.known.epoch}`, trip);
  }

  // --- internal ---

  private join(member: CircuitMember): SharedCircuit {
    const shared = joinCircuit(this.parts, this.witnessOf(member));
    return {
      tripped: (trip) => {
        this.noteTrip(trip);
        shared.tripped(trip);
      },
      recovered: () => {
        this.startEntry();
        shared.recovered();
      },
      wasReset: () => {
        this.startEntry();
        this.formedUnder = this.circuit.known.epoch;
        shared.wasReset();
      },
      probe: () => this.probe(shared),
      noteDemand: () => shared.noteDemand(),
      retryAfterMs: () => shared.retryAfterMs(),
      explain: () => shared.explain(),
      leave: () => shared.leave(),
    };
  }

  private witnessOf(member: CircuitMember): CircuitMember {
    return {
      name: member.name,
      get memberRules() {
        return member.memberRules;
      },
      tally: () => {
        this.talliedAt = this.parts.worldNow();
        return member.tally();
      },
      recent: () => member.recent(),
      follow: (state: FollowedState) => {
        if (state.isNew) this.startEntry();
        member.follow(state);
      },
    };
  }

  private noteTrip({ openMs, reason }: MemberTrip): void {
    const { facts, worldNow, node, clock } = this.parts;
    const [at, now] = [worldNow(), clock.now()];
    const { epoch } = this.circuit.known;
    if (reason === 'failureRatio') facts.check(() => checkI4Window(this, now));
    const [oldest = { at, byClock: now }] = reason === 'failureRatio' ? this.seen(now) : [];
    facts.trips.set(`${node.settings.node} ${this.parts.name} ${epoch}`, {
      at,
      openMs,
      oldestAt: oldest.at,
      oldestByClock: oldest.byClock,
    });
    facts.count('a node opens by itself');
    facts.onTrip(node.settings.node);
    this.formedUnder = epoch;
    this.startEntry();
  }

  /** Outcomes that the window can hold at `now`, by the clock of the node. */
  seen(now: number): readonly Outcome[] {
    const { window } = this.parts.facts.plan.breaker;
    const from = window.kind === 'time' ? now - window.durationMs : Number.NEGATIVE_INFINITY;
    return this.outcomes.filter(({ byClock }) => byClock >= from);
  }

  private startEntry(): void {
    this.outcomes = [];
    this.entry++;
  }

  private probe(shared: SharedCircuit): ProbeAnswer {
    const { pool } = this;
    const { facts, clock } = this.parts;
    const answer = shared.probe();
    if (answer === 'none') return answer;
    if (answer === 'own') {
      this.taken = 'own';
      return answer;
    }
    const endsAt = clock.now() + answer.remainingMs;
    const lease = [...pool.running].findLast(({ expiresAt }) => Math.abs(expiresAt - endsAt) < ROUNDING_MS);
    this.taken = lease ?? 'lone';
    if (lease !== undefined) {
      facts.check(() => checkI22Taken(facts, lease.id));
      this.probing.add(lease);
      return answer;
    }
    facts.check(() => checkI18Start(this));
    return {
      remainingMs: answer.remainingMs,
      settle: (verdict, retryAfterMs) => {
        if (verdict !== 'ignored') this.formedUnder = this.circuit.known.epoch;
        answer.settle(verdict, retryAfterMs);
      },
    };
  }
}

// --- internal ---

/** What sums of times are off by. Milliseconds. */
const ROUNDING_MS = 1e-3;

function end(permit: CircuitPermit, outcome: 'success' | 'failure' | 'ignored'): void {
  if (outcome === 'success') permit.success();
  else if (outcome === 'failure') permit.failure();
  else permit.ignore();
}
