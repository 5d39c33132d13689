/**
 * Model process: one process of the fleet: the shipped node and lane, real breakers, on a clock of its own. It can sleep, be
 * suspended with its clock, or die; what arrives meanwhile waits, or is lost.
 *
 *   up ── sleep, suspend ─► asleep ── wake ─► up          up, asleep ── die ─► dead          up ── leave ─► dead, a little later
 *
 * @module
 */

import { FleetNode, Lane, type LedgerPort, type RulingMessage, nodeDefaults } from '@holdfast/core/fleet';
import type { Random } from '@holdfast/core';

import type { Agenda } from './agenda.ts';
import { type Adopted, adoptedBy, checkI2Adopted, checkI21Basis } from './check-nodes.ts';
import { checkI10Birth } from './check-rulings.ts';
import { checkI22GivenBack } from './check-leases.ts';
import type { Facts } from './facts.ts';
import { type ClockError, NodeClock } from './node-clock.ts';
import { WatchedCircuit } from './watched-circuit.ts';

/** What a process is made of. */
export interface ProcessParts {
  readonly name: string;
  readonly facts: Facts;
  readonly agenda: Agenda;
  readonly random: Random;
  readonly clockError: ClockError;
  readonly port: (process: ModelProcess) => LedgerPort;
  /** Circuits that it has breakers for. */
  readonly circuits: readonly string[];
}

/** One process. */
export class ModelProcess {
  readonly name: string;
  readonly clock: NodeClock;
  readonly node: FleetNode;
  readonly lane: Lane;
  readonly facts: Facts;
  private readonly agenda: Agenda;
  private readonly circuits: ReadonlyMap<string, WatchedCircuit>;
  private readonly adopted = new Map<string, Adopted>();
  private readonly waiting: (() => void)[] = [];
  state: 'up' | 'asleep' | 'dead' = 'up';
  /** Whether its clock stands still. */
  isSuspended = false;
  /** When its clock last went on after it had stood still, by that clock: leases from before are worth nothing to it. */
  wokeAt: number = Number.NEGATIVE_INFINITY;
  isSubscribed = false;
  /** Whether its own way to the dependencies is broken, and whether nobody calls it. */
  isSick = false;
  isQuiet = false;
  /** Whether it says its last words: nobody calls it any more. */
  isLeaving = false;
  syncCount = 0;
  private requests = 0;
  /** Since when it is awake and has no request under way. Milliseconds of the world. */
  private idleFrom: number;
  private awakeFrom: number;
  private asleepFrom = 0;

  constructor(parts: ProcessParts) {
    const { name, facts, agenda, random, clockError } = parts;
    const { plan } = facts;
    this.name = name;
    this.facts = facts;
    this.agenda = agenda;
    this.idleFrom = agenda.now;
    this.awakeFrom = agenda.now;
    this.clock = new NodeClock(agenda, clockError);
    this.clock.run = (act) => this.deliver(act);
    const { ballotTtlMs, holdOffMs, maxLostProbes, mode } = plan;
    const settings = {
      ...nodeDefaults,
      node: name,
      ballotTtlMs,
      holdOffMs,
      maxLostProbes,
      mode,
      quorum: () => plan.quorum,
    };
    this.node = new FleetNode({ settings, random, shards: 1, onDisagreement: () => {} });
    this.lane = new Lane({ node: this.node, port: parts.port(this), clock: this.clock });
    const { node, lane, clock } = this;
    const watch = { node, lane, clock, facts, worldNow: () => agenda.now };
    this.circuits = new Map(parts.circuits.map((id) => [id, new WatchedCircuit({ ...watch, name: id })]));
    this.lane.start();
  }

  watched(id: string): WatchedCircuit | undefined {
    return this.circuits.get(id);
  }

  get all(): Iterable<WatchedCircuit> {
    return this.circuits.values();
  }

  /** Lets something happen to it: at once, when it wakes, or never. */
  deliver(act: () => void): void {
    if (this.state === 'dead') return;
    if (this.state === 'asleep') {
      this.waiting.push(act);
      return;
    }
    act();
    this.facts.check(() => this.check());
  }

  /** A message arrives. */
  hear(message: RulingMessage): void {
    this.deliver(() => {
      this.noteTold(message.rulings);
      this.lane.heard(message);
    });
  }

  /** Its subscription begins, or is lost. */
  subscribe(isSubscribed: boolean): void {
    this.isSubscribed = isSubscribed && this.state !== 'dead';
    this.deliver(() => this.lane.subscribed(isSubscribed));
  }

  /** Does nothing until it wakes. With `withClock` its clock stands still as well. */
  sleep(withClock: boolean): void {
    if (this.state !== 'up') return;
    this.state = 'asleep';
    this.asleepFrom = this.agenda.now;
    this.isSuspended = withClock;
    if (withClock) this.clock.stop();
  }

  wake(): void {
    if (this.state !== 'asleep') return;
    if (this.isSuspended) {
      this.clock.start();
      const { stoodMs, stoodUnheardMs } = this.facts;
      for (const stood of this.syncCount === 0 ? [stoodMs, stoodUnheardMs] : [stoodMs])
        stood.set(this.name, (stood.get(this.name) ?? 0) + this.agenda.now - this.asleepFrom);
      this.wokeAt = this.clock.now();
    }
    this.isSuspended = false;
    this.state = 'up';
    this.idleFrom = this.agenda.now;
    this.awakeFrom = this.agenda.now;
    for (const act of this.waiting.splice(0)) this.deliver(act);
  }

  die(): void {
    this.state = 'dead';
    this.isSubscribed = false;
    this.waiting.length = 0;
  }

  /** A request begins or ends. */
  noteRequests(by: 1 | -1): void {
    this.requests += by;
    this.idleFrom = this.agenda.now;
  }

  /** Whether it has been awake, without a request under way, for so long. */
  isIdleFor(ms: number): boolean {
    return this.state === 'up' && this.requests === 0 && this.agenda.now - this.idleFrom >= ms;
  }

  /** Whether it has been awake for so long. */
  isAwakeFor(ms: number): boolean {
    return this.state === 'up' && this.agenda.now - this.awakeFrom >= ms;
  }

  /** Takes note of rulings that arrive. */
  noteTold(rulings: RulingMessage['rulings']): void {
    const now = this.clock.now();
    for (const { id, epoch, state, remainingMs } of rulings) {
      const watched = this.circuits.get(id);
      const isOpen = state === 'open' || state === 'forced-open';
      if (watched === undefined || !isOpen || epoch < watched.openEpoch) continue;
      const until = now + remainingMs;
      watched.openUntil = epoch === watched.openEpoch ? Math.min(watched.openUntil, until) : until;
      watched.openEpoch = epoch;
    }
  }

  /** Checks it, after whatever has happened to it. */
  check(): void {
    const now = this.clock.now();
    for (const watched of this.circuits.values()) {
      const { circuit } = watched;
      if (circuit.known.epoch > 0) this.checkAdopted(watched, now);
      checkI21Basis(this.name, watched);
      if (watched.pool.held.length > 0) checkI22GivenBack(this, circuit.id);
    }
  }

  // --- internal ---

  private checkAdopted(watched: WatchedCircuit, now: number): void {
    const { id } = watched.circuit;
    const after = adoptedBy(watched.circuit, now);
    const before = this.adopted.get(id);
    if (before?.epoch === after.epoch && before.state === after.state) return;
    if (before !== undefined) {
      checkI2Adopted(this.name, before, after);
      checkI10Birth(this.facts, before, after, { at: this.agenda.now });
    }
    if (before === undefined) watched.catchUp(this.agenda.now);
    else if (before.epoch !== after.epoch) Object.assign(watched, { settledAt: [], toldAt: Number.NEGATIVE_INFINITY });
    this.adopted.set(id, after);
  }
}
